"""Mending a buffer that no agent uses: what is damaged goes aside, what is readable stays.

An agent needs none of this: it reads around damage. Afterwards `verify` finds nothing, and what had been set
aside and can be read now is back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nrdot.buffer.coding import Coder
from nrdot.buffer.directory import read_directory, take_directory
from nrdot.buffer.disk import DiskBuffer
from nrdot.buffer.encryption import NO_KEYS
from nrdot.buffer.files import opened
from nrdot.buffer.letters import LETTERS, read_letter
from nrdot.buffer.recovery import ASIDE, SEGMENT_NAME
from nrdot.buffer.segment import FIRST_FRAME, Frame, pack_header, parse_header, scan
from nrdot.buffer.settings import BufferSettings
from nrdot.buffer.writer import Writer

if TYPE_CHECKING:
    from pathlib import Path

    from nrdot.buffer.encryption import Keyring
    from nrdot.buffer.files import Files
    from nrdot.clock import Clock
    from nrdot.stages import BufferStatistics

_UNLIMITED = 1 << 60
_NEW = ".new"
_ASIDE_NAME = re.compile(r"\d+-(.+)")


@dataclass(frozen=True, slots=True)
class Repair:
    """What was done."""

    rewritten: tuple[str, ...]  # segments without their damaged parts now; the originals lie in aside/
    restored: tuple[str, ...]  # files that had been set aside and could be read
    set_aside: tuple[str, ...]  # files that cannot be used
    lost_points: int  # in damaged parts; they count as dropped
    statistics: BufferStatistics  # afterwards


def repair(files: Files, directory: Path, clock: Clock, keys: Keyring = NO_KEYS) -> Repair:
    """Raises StartError where an agent uses the directory, OSError where the disk fails."""
    owner = take_directory(files, directory)
    try:
        for folder in (directory, directory / LETTERS):
            _complete(files, folder)
        found = read_directory(files, directory, clock.wall_ns())
        paths = [segment.path for segment in found.segments]
        paths += [directory / LETTERS / name for name in files.names(directory / LETTERS)]
        rewritten = [path.name for path in paths if _rewrite(files, directory, path, clock.wall_ns())]
    finally:
        files.close(owner)
    # The bounds are the agent's business; nothing is evicted here.
    buffer = DiskBuffer(directory, BufferSettings(max_bytes=_UNLIMITED), clock, files, keys=keys)
    try:
        buffer.check()
        restored = _restore(files, directory, buffer, keys)
        statistics = buffer.statistics()
    finally:
        buffer.close()
        files.give_back(directory)
    return Repair(
        tuple(rewritten),
        tuple(restored),
        tuple(stray.name for stray in found.strays if stray.ours and not stray.empty),
        sum(statistics.dropped.values()) - sum(found.recorded.values()),
        statistics,
    )


def _rewrite(files: Files, directory: Path, path: Path, now_ns: int) -> bool:
    """Replace a damaged file by one of the same frames without the damage; False where it is whole.

    Frames go over as they are, so their numbers tell which ones are missing, and nothing is encrypted anew.
    """
    with opened(files, path) as (read, size):
        start = read(0, FIRST_FRAME)
        header = parse_header(start)
        if header is None:
            return False
        items = scan(read, size, header.seed)
        damaged = any(not isinstance(item, Frame) and not item.torn for item in items)
        if not damaged and start == pack_header(header):
            return False
        copy = path.with_name(path.name + _NEW)
        writer = Writer(files, copy, header)
        try:
            for item in scan(read, size, header.seed):
                if isinstance(item, Frame):
                    writer.append_raw(read(item.offset, item.head.frame_size))
            writer.sync()
        finally:
            writer.close()
    files.make_directory(directory / ASIDE)
    files.move(path, directory / ASIDE / f"{now_ns}-{path.name}.damaged")
    files.move(copy, path)
    files.sync_directory(path.parent)
    return True


def _complete(files: Files, directory: Path) -> None:
    """Finish what a repair that was interrupted between its two renames had begun."""
    names = files.names(directory)
    for name in names:
        if name.endswith(_NEW) and name.removesuffix(_NEW) not in names:
            files.move(directory / name, directory / name.removesuffix(_NEW))
        elif name.endswith(_NEW):
            files.discard(directory / name)


def _restore(files: Files, directory: Path, buffer: DiskBuffer, keys: Keyring) -> list[str]:
    """Records of files that were set aside and can be read, put anew."""
    restored = []
    coder = Coder()
    for name in files.names(directory / ASIDE):
        match = _ASIDE_NAME.fullmatch(name)
        if match is None or not SEGMENT_NAME.fullmatch(match[1]):
            continue
        letter = read_letter(files, directory / ASIDE / name, keys, coder)
        if letter.records and not letter.unreadable:
            for _, record in letter.records:
                buffer.put(record)
            files.discard(directory / ASIDE / name)
            restored.append(name)
    return restored
