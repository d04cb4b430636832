"""Cells: one for each (words, verdict, reason) by which a bill is divided, numbered in the order of finding.

Sums are columns with a place for each cell, so a tick is a few calls of numpy however many processes run.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nrdot.stages import Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from nrdot.batch import Ints, Table

LIMIT = 512  # keys that a host has at a time; what is beyond them shares one for each profile and class
OTHERS = "*"
_VERDICTS = tuple(verdict.name.lower() for verdict in Verdict)
_REASONS = tuple(reason.name.lower() for reason in Reason)
_WIDTH = len(_VERDICTS) * len(_REASONS)
_UNKNOWN = -1
NOBODY = 0  # the cell of rows in which nobody lives

_TRANSIENT = re.compile(r"[0-9a-f]{12,}|(?<=^run-)[ur0-9a-f]+|(?<=@)[0-9]+")
_NUMBER = re.compile(r"[0-9a-f]{12,}|[0-9]+")


class Words(NamedTuple):
    """By what a bill is divided."""

    profile: str
    class_: str = ""
    namespace: str = ""
    unit: str = ""
    user: str = ""
    tenant: str = ""


class Cell(NamedTuple):
    words: Words
    verdict: str
    reason: str


def codes(table: Table) -> NDArray[np.uint8]:
    """Verdict and reason of each row, as one number."""
    found: NDArray[np.uint8] = table.verdict * np.uint8(len(_REASONS)) + table.reason
    return found


def code(verdict: Verdict, reason: Reason) -> np.uint8:
    """The same number for one of each."""
    return np.uint8(verdict * len(_REASONS) + reason)


def lasting(unit: str) -> str:
    """The name of a unit without what changes with each login, container or run."""
    pattern = _NUMBER if unit.endswith((".scope", ".slice")) else _TRANSIENT
    return pattern.sub(OTHERS, unit)


class Cells:
    """`cells` by number; keys are numbered apart, because a process keeps its key while verdicts change."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.cells = [Cell(Words(""), "", "")]  # nobody's
        self.full = False  # keys had to share: time to forget those that nobody uses
        self._limit = limit
        self._numbers: dict[Cell, int] = {}
        self._keys: dict[Words, int] = {}
        self._words: list[Words] = []
        self._of_key: NDArray[np.int64] = np.zeros(0, np.int64)  # cell by key, verdict and reason

    def __len__(self) -> int:
        return len(self.cells)

    def key(self, words: Words) -> int:
        number = self._keys.get(words)
        if number is not None:
            return number
        if len(self._words) >= self._limit:
            self.full = True
            shared = Words(words.profile, words.class_, OTHERS, OTHERS, OTHERS, OTHERS)
            if words != shared:
                return self.key(shared)
        number = self._keys[words] = len(self._words)
        self._words.append(words)
        self._of_key = np.concatenate([self._of_key, np.full(_WIDTH, _UNKNOWN)])
        return number

    def words(self, key: int) -> Words:
        return self._words[key]

    def number(self, cell: Cell) -> int:
        found = self._numbers.get(cell)
        if found is None:
            found = self._numbers[cell] = len(self.cells)
            self.cells.append(cell)
        return found

    def of(self, keys: Ints, codes: NDArray[np.uint8] | np.uint8) -> Ints:
        """The cell of each process."""
        places = keys * _WIDTH + codes
        found: Ints = self._of_key[places]
        if (unknown := found == _UNKNOWN).any():
            for place in set(places[unknown].tolist()):
                key, code = divmod(place, _WIDTH)
                verdict, reason = divmod(code, len(_REASONS))
                cell = Cell(self._words[key], _VERDICTS[verdict], _REASONS[reason])
                self._of_key[place] = self.number(cell)
            found = self._of_key[places]
        return found


def translation(old: Cells, new: Cells, used: Iterable[int]) -> Ints:
    """The numbers in `new` of those cells of `old` that are `used`; 0 for the others."""
    numbers = np.zeros(len(old), np.int64)
    for number in used:
        numbers[number] = new.number(old.cells[number])
    return numbers
