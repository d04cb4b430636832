"""A segment while it is written.

After any error the segment is never written to again: part of a frame may lie at its end, and after a failed
sync the kernel has forgotten which pages it could not write, so a later sync would succeed without them.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from nrdot.buffer.segment import FIRST_FRAME, HEAD_SIZE, Head, Header, pack_head, pack_header

if TYPE_CHECKING:
    from pathlib import Path

    from nrdot.buffer.files import Files


class Writer:
    """Creates the file; raises OSError and leaves nothing behind where that fails."""

    def __init__(self, files: Files, path: Path, header: Header, *, durable: bool = True) -> None:
        self._files = files
        self.path = path
        self.size = FIRST_FRAME
        self._seed = header.seed
        self.descriptor = files.create(path)
        try:
            files.append(self.descriptor, (pack_header(header),))
            if durable:
                files.sync_directory(path.parent)
        except OSError:
            self.close()
            with suppress(OSError):
                files.remove(path)
            raise

    def append(self, head: Head, body: bytes) -> int:
        """Where the frame lies."""
        self._files.append(self.descriptor, (pack_head(head, body, self._seed), body))
        offset = self.size
        self.size += HEAD_SIZE + head.stored
        return offset

    def append_raw(self, frame: bytes) -> None:
        self._files.append(self.descriptor, (frame,))
        self.size += len(frame)

    def sync(self) -> None:
        self._files.sync(self.descriptor)

    def close(self) -> None:
        self._files.close(self.descriptor)
