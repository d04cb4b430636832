"""The files of a ledger, one host's or a fleet's: which there are, and which can be read how far.

What cannot be read is left out, never guessed, and each such thing is one line of `left_out`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import zstandard

from nrdot.errors import NrdotError
from nrdot.ledger.frames import FRAME_LIMIT, SUFFIX, whole
from nrdot.report.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

PARQUET = ".parquet"
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})\.jsonl(\.zst)?\Z")
_NAMED = 3  # files that one line names before it counts


class NoLedgerError(NrdotError):
    """There is nothing to report on."""


@dataclass(slots=True)
class Files:
    """`left_out` is what a reader of the report must know about what is not in it."""

    lines: list[Path] = field(default_factory=list)  # JSON lines, compressed or not
    parquet: list[Path] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def find(directory: Path) -> Files:
    """Raises NoLedgerError."""
    if not directory.is_dir():
        what = "is a file, not a directory" if directory.exists() else "does not exist"
        raise NoLedgerError(
            f"{directory}: {what}; name a ledger with --ledger DIR (an agent writes STATE_DIR/ledger)"
        )
    found, foreign = Files(), []
    for folder, names in _walk(directory, found.left_out):
        for name in names:
            path = folder / name
            ours = name.endswith(PARQUET) or _DAY.search(name) is not None
            if ours and path.exists() and not path.is_file():
                found.left_out.append(f"{path}: not a regular file; not read")
            elif name.endswith(PARQUET):
                found.parquet.append(path)
            elif _DAY.search(name):
                found.lines.append(path)
            elif not name.startswith(".") and _looks_like_a_ledger(folder, directory, name):
                foreign.append(name)
    if foreign:
        found.left_out.append(
            f"{_names(foreign)}: not named as a ledger's day is (YYYY-MM-DD{SUFFIX}); not read"
        )
    if not found.lines and not found.parquet:
        closed = f"; {found.left_out[0]}" if found.left_out else ""
        raise NoLedgerError(
            f"{directory}: no ledger in it (YYYY-MM-DD{SUFFIX} or .parquet); nothing to report{closed}"
        )
    return found


def _walk(directory: Path, left_out: list[str]) -> Iterator[tuple[Path, list[str]]]:
    """Folders and what is in them, through links as well: a fleet's ledgers are often collected as such."""

    def unreadable(error: OSError) -> None:
        left_out.append(f"{error.filename}: {error.strerror}; the folder was left out")

    visited = set()
    for place, folders, names in os.walk(directory, onerror=unreadable, followlinks=True):
        here = Path(place).stat()
        if (here.st_dev, here.st_ino) in visited:
            folders.clear()
            continue
        visited.add((here.st_dev, here.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield Path(place), sorted(names)


def _looks_like_a_ledger(folder: Path, directory: Path, name: str) -> bool:
    """Beside the days themselves everything is worth a word; deeper, only what could be meant as a ledger."""
    return folder.samefile(directory) or name.endswith((".zst", ".jsonl", ".json"))


def since_day(paths: list[Path], first: str) -> list[Path]:
    """Files of days from `first` (YYYY-MM-DD) on."""
    return [path for path in paths if (found := _DAY.search(path.name)) and found[1] >= first]


def newest_day(paths: list[Path]) -> str:
    return max((found[1] for path in paths if (found := _DAY.search(path.name))), default="")


def oldest_day(paths: list[Path]) -> str:
    return min((found[1] for path in paths if (found := _DAY.search(path.name))), default="")


def mend(paths: list[Path], scratch: Path, left_out: list[str], *, deep: bool = False) -> list[Path]:
    """The same files, with a copy of the whole frames in place of each that is torn or foreign.

    Looking at the frames' headers finds a torn end. `deep` inflates every frame too, which finds damage
    within; it is for when the engine has met such damage.
    """
    fine = []
    for path in paths:
        try:
            if path.suffix != ".zst":
                path.open("rb").close()
                fine.append(path)
                continue
            data = path.read_bytes()
        except OSError as error:
            left_out.append(f"{path}: cannot be read: {error.strerror}; the file was left out")
            continue
        ends = whole(data)
        if not ends:
            if data:
                left_out.append(f"{path}: not zstd, or not one whole frame; the file was left out")
            continue
        kept = _frames(data, ends, path, left_out) if deep else None
        if ends[-1] != len(data):
            lost = counted(len(data) - ends[-1], "byte")
            left_out.append(f"{path}: torn after byte {ends[-1]:,}; {lost} at its end left out")
            kept = data[: ends[-1]] if kept is None else kept
        if kept is None:
            fine.append(path)
            continue
        copy = scratch / f"{len(fine):06d}-{path.name}"
        copy.write_bytes(kept)
        fine.append(copy)
    return fine


def _frames(data: bytes, ends: list[int], path: Path, left_out: list[str]) -> bytes | None:
    """The frames that inflate; None where all of them do."""
    good, bad = [], 0
    for start, end in zip([0, *ends], ends, strict=False):
        frame = data[start:end]
        try:
            zstandard.ZstdDecompressor().decompress(frame, max_output_size=FRAME_LIMIT)
        except zstandard.ZstdError:
            bad += 1
        else:
            good.append(frame)
    if not bad:
        return None
    left_out.append(f"{path}: {bad} of {counted(len(ends), 'frame')} damaged; left out")
    return b"".join(good)


def _names(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
