"""Where a pointer's document lands: one file, which the agent reads as it reads an editor's change.

    pointer's data ─► stable or candidate, by the node's name ─► hash as stated? ─► DIRECTORY/pushed.yaml

What does not have the hash that its pointer names was changed by a hand and is left alone. What cannot be
written down is tried again, and said.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from nrdot.cluster.revision import revision_of
from nrdot.config.reading.pushed import FILE
from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_log = Log("cluster")

REMEMBERED = 16  # sequences whose revision can still be named


class Landing:
    """Thread-safe: a watch brings documents, the agent's loop asks, the report's thread tries again."""

    def __init__(self, node: str, directory: Path) -> None:
        self._node = node
        self._directory = directory
        self._lock = Lock()
        self._revisions: dict[int, str] = {}  # of the documents that came, by their sequence
        self._document = ""  # that came last
        self._tampered = ""
        self._unwritten = ""  # why the last document is not in the file

    def take(self, source: str, data: Mapping[str, str]) -> None:
        """What a pointer says, from wherever it comes."""
        which = "candidate" if self._node in data.get("candidates", "").split("\n") else "stable"
        document, stated = data.get(f"{which}.yaml", ""), data.get(which, "").strip()
        sequence = data.get("sequence", "").strip()
        with self._lock:
            if revision_of(document.partition("\n")[2]) != stated or not sequence.isdecimal():
                self._tampered = f"{source}: {which}.yaml is not the revision {stated} that it claims to be"
                _log.error("what the operator pushed was changed by a hand: it is left alone", source=source)
                return
            self._tampered = ""
            self._revisions[int(sequence)] = stated
            for forgotten in sorted(self._revisions)[:-REMEMBERED]:
                del self._revisions[forgotten]
            if document != self._document or self._unwritten:
                self._document = document
                self._write()

    def retry(self) -> None:
        """Write what could not be written; a full disk is not full for ever."""
        with self._lock:
            if self._unwritten:
                self._write()

    def says(self, sequence: int, refused: str) -> dict[str, str]:
        """What the operator hears: the revision in effect, the one that is not taken, and why.

        `refused` is why the agent runs nothing newer. It may speak of the host's own file while the newest
        revision is in effect: then no revision is refused.
        """
        with self._lock:
            running = self._revisions.get(sequence, "")
            newest = self._revisions[max(self._revisions)] if self._revisions else ""
            trouble = self._unwritten or refused
            return {
                "revision": running,
                "refused": newest if trouble and newest != running else "",
                "error": self._tampered or trouble,
            }

    def _write(self) -> None:
        """Whole or not at all: the agent looks at the file at any time."""
        file = self._directory / FILE
        before = self._unwritten
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            fresh = file.with_suffix(".new")
            fresh.write_text(self._document, encoding="utf-8")
            fresh.replace(file)
        except OSError as error:
            words = error.strerror or type(error).__name__
            self._unwritten = f"{file} cannot be written: {words}"
            if self._unwritten != before:
                _log.error(
                    "what the operator pushed cannot be written down and is tried again",
                    file=str(file),
                    error=words,
                )
        else:
            self._unwritten = ""
