"""Parsers for the kernel's files. Bytes in, values out; nothing here opens a file.

`/proc/PID/stat` is split after the LAST closing parenthesis, because a command name may itself hold
parentheses, spaces and newlines. Field numbers below are those of proc(5), counted from 1; the fields after
the name begin at number 3.
"""

from __future__ import annotations

import re
from operator import itemgetter
from typing import NamedTuple

from nrdot.sample.arguments import LINE_LIMIT, fitted

KERNEL_THREAD = 0x00200000  # PF_KTHREAD, in the flags of stat
NAME_LIMIT = 15  # bytes after which the kernel cuts a command name

# ppid, flags, minor faults, major faults, user, system, children's user, children's system, threads and
# start, by their distance from the state.
_NUMBERS = itemgetter(1, 6, 7, 9, 11, 12, 13, 14, 17, 19)
_FREEZER = re.compile(r"^\d+:(?:[^:\n]*,)?freezer(?:,[^:\n]*)?:/[^\n]", re.MULTILINE)
_WAIT = 39  # ticks waiting for block devices, since Linux 2.6.18


class Stat(NamedTuple):
    """What a line of /proc/PID/stat says, in the kernel's units."""

    parent: int
    flags: int
    faults_minor: int
    faults_major: int
    user: int
    system: int
    child_user: int
    child_system: int
    threads: int
    start: int
    wait: int
    state: int


class Status(NamedTuple):
    uid: int
    swap: int
    switches_voluntary: int
    switches_involuntary: int


def stat_head(data: bytes) -> int:
    """Where the command name ends; ValueError on anything that is not a whole stat line."""
    end = data.rindex(b")")
    if not data.endswith(b"\n"):
        raise ValueError("a stat line that does not end")
    return end


def stat_fields(data: bytes, end: int) -> Stat:
    fields = data[end + 2 :].split(None, _WAIT + 1)
    wait = int(fields[_WAIT]) if len(fields) > _WAIT else 0
    return Stat._make((*map(int, _NUMBERS(fields)), wait, fields[0][0]))


def stat_name(data: bytes, end: int) -> bytes:
    return data[data.index(b"(") + 1 : end]


def io_bytes(data: bytes) -> tuple[int, int]:
    """Bytes read from and written to storage."""
    words = data.split()
    if words[8] == b"read_bytes:" and words[10] == b"write_bytes:":
        return int(words[9]), int(words[11])
    named = dict(zip(words[::2], words[1::2], strict=True))
    return int(named[b"read_bytes:"]), int(named[b"write_bytes:"])


def memory_pages(data: bytes) -> tuple[int, int, int]:
    """Virtual, resident and shared pages; shared are resident pages that are file-backed or shared memory."""
    virtual, resident, shared = data.split(None, 3)[:3]
    return int(virtual), int(resident), int(shared)


def status_fields(data: bytes) -> Status:
    """The real user, swap and context switches. Absent lines (kernel threads have no memory) give 0."""
    uid, swap, voluntary, involuntary = -1, 0, 0, 0
    for line in data.split(b"\n"):
        key, _, value = line.partition(b":")
        if key == b"Uid":
            uid = int(value.split(None, 1)[0])
        elif key == b"VmSwap":
            swap = int(value.split(None, 1)[0]) * 1024
        elif key == b"voluntary_ctxt_switches":
            voluntary = int(value)
        elif key == b"nonvoluntary_ctxt_switches":
            involuntary = int(value)
    return Status(uid, swap, voluntary, involuntary)


def arguments(data: bytes) -> tuple[str, str]:
    """argv[0] and the whole command line, separated by spaces, and what matters of it where it is long.

    A program may overwrite its arguments with a title, which has blanks but no NUL in it (nginx, PostgreSQL).
    A title is no argv[0]: it changes with what the program does at the moment. Then the first is empty.
    """
    parts = data.rstrip(b"\0").split(b"\0")
    first = parts[0][:LINE_LIMIT]
    if len(parts) == 1 and b" " in first:
        first = b""
    return text(first), text(fitted(parts))


def steady_name(name: str) -> str:
    """A kernel worker's name without the work that it does at the moment."""
    if not name.startswith("kworker/"):
        return name
    return name.partition("-")[0].partition("+")[0]


def may_be_frozen(cgroups: str) -> bool:
    """Whether the text of a cgroup file names a group below the root of the freezer of cgroup v1."""
    return "freezer" in cgroups and _FREEZER.search(cgroups) is not None


def text(data: bytes) -> str:
    """Valid UTF-8 whatever the bytes; a NUL, which no backend takes, goes as well."""
    return data.decode("utf-8", "replace").replace("\0", "")


def full_name(name: str, command: str) -> str:
    """The executable's name, longer than the 15 bytes that the kernel keeps where argv[0] still has it."""
    if len(name.encode()) < NAME_LIMIT:
        return name
    base = command.rsplit("/", 1)[-1]
    return base if base.startswith(name.rstrip("\ufffd")) else name  # the cut may split a character


def busy_ticks(data: bytes) -> int:
    """Clock ticks that all processors spent in processes: user, nice and system of /proc/stat."""
    for line in data.split(b"\n"):
        if line.startswith(b"cpu "):
            user, nice, system = line.split(None, 4)[1:4]
            return int(user) + int(nice) + int(system)
    return 0


def forks(data: bytes) -> int:
    """Processes and threads made since boot, from /proc/stat; -1 where it does not say."""
    at = data.rfind(b"\nprocesses ")
    return int(data[at + 11 :].split(None, 1)[0]) if at >= 0 else -1


def last_pid(data: bytes) -> int:
    """The pid that was given out last, from /proc/loadavg, in the reader's pid namespace."""
    return int(data.split()[4])


def uptime_ns(data: bytes) -> int:
    """Nanoseconds since boot, to the hundredth of a second that the kernel prints."""
    return round(float(data.split(None, 1)[0]) * 1e9)


def memory_total(data: bytes) -> int:
    for line in data.split(b"\n"):
        if line.startswith(b"MemTotal:"):
            return int(line.split(None, 2)[1]) * 1024
    return 0
