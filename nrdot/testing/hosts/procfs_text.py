"""The files of one process, as Linux 6.18 prints them. Values in, bytes out; nothing here touches a disk."""

from __future__ import annotations

from dataclasses import dataclass

PAGE = 4096
KERNEL_THREAD = 0x00200000  # PF_KTHREAD
ORDINARY = 0x00400000  # PF_RANDOMIZE, what an ordinary program has set
UNLIMITED = 18446744073709551615

_STATES = {
    "R": "running",
    "S": "sleeping",
    "D": "disk sleep",
    "T": "stopped",
    "t": "tracing stop",
    "X": "dead",
    "Z": "zombie",
    "P": "parked",
    "I": "idle",
}


@dataclass(slots=True)
class FakeProcess:
    """One process of a fake tree. Times are clock ticks, sizes bytes, `run_ns` and `wait_ns` nanoseconds."""

    pid: int
    name: bytes
    start: int
    cmdline: bytes = b""  # as the kernel shows it: arguments, each ended by a NUL
    exe: str = ""  # where /proc/PID/exe points; empty leaves the link out
    parent: int = 1
    state: str = "S"
    uid: int = 0
    gid: int = 0
    threads: int = 1
    flags: int = ORDINARY
    user: int = 0
    system: int = 0
    wait: int = 0  # waiting for block devices
    child_user: int = 0
    child_system: int = 0
    faults_minor: int = 0
    faults_major: int = 0
    rss: int = 4 << 20
    shared: int = 1 << 20
    virtual: int = 16 << 20
    swap: int = 0
    read: int = 0
    written: int = 0
    voluntary: int = 0
    involuntary: int = 0
    run_ns: int = 1_000_000
    wait_ns: int = 50_000
    slices: int = 1
    cgroup: str = "0::/\n"
    descriptors: int = 3

    @property
    def has_memory(self) -> bool:
        return self.state != "Z" and not self.flags & KERNEL_THREAD


def stat(process: FakeProcess) -> bytes:
    p = process
    rss, virtual = (p.rss // PAGE, p.virtual) if p.has_memory else (0, 0)
    head = f"{p.pid} (".encode() + p.name + b") "
    before_limit = (
        f"{p.state} {p.parent} {p.pid} {p.pid} 0 -1 {p.flags} "
        f"{p.faults_minor} 0 {p.faults_major} 0 "
        f"{p.user} {p.system} {p.child_user} {p.child_system} "
        f"20 0 {p.threads} 0 {p.start} {virtual} {rss} {UNLIMITED} "
    )
    # Addresses are zero for those that have no memory, and for readers without the right to see them.
    signals_and_after = f"0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 {p.wait} 0 0 0 0 0 0 0 0 0 0\n"
    return head + (before_limit + signals_and_after).encode()


def status(process: FakeProcess) -> bytes:
    p = process
    lines = [
        b"Name:\t" + p.name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n"),
        *([b"Umask:\t0022"] if p.state != "Z" else []),
        f"State:\t{p.state} ({_STATES[p.state]})\nTgid:\t{p.pid}\nNgid:\t0\nPid:\t{p.pid}".encode(),
        f"PPid:\t{p.parent}\nTracerPid:\t0\nUid:\t{_four(p.uid)}\nGid:\t{_four(p.gid)}".encode(),
        f"FDSize:\t{64 if p.state != 'Z' else 0}\nGroups:\t \nNStgid:\t{p.pid}\nNSpid:\t{p.pid}".encode(),
        f"NSpgid:\t{p.pid}\nNSsid:\t0\nKthread:\t{int(bool(p.flags & KERNEL_THREAD))}".encode(),
    ]
    if p.has_memory:
        lines.append(_status_memory(p))
    lines.append(
        f"Threads:\t{p.threads}\nSigQ:\t0/96365\nSigPnd:\t{0:016x}\nShdPnd:\t{0:016x}\nSigBlk:\t{0:016x}\n"
        f"SigIgn:\t{0:016x}\nSigCgt:\t{0:016x}\nCapInh:\t{0:016x}\nCapPrm:\t{0:016x}\nCapEff:\t{0:016x}\n"
        f"CapBnd:\t{0:016x}\nCapAmb:\t{0:016x}\nNoNewPrivs:\t0\nSeccomp:\t0\nSeccomp_filters:\t0\n"
        f"Cpus_allowed:\t3\nCpus_allowed_list:\t0-1\nMems_allowed:\t00000001\nMems_allowed_list:\t0\n"
        f"voluntary_ctxt_switches:\t{p.voluntary}\nnonvoluntary_ctxt_switches:\t{p.involuntary}".encode()
    )
    return b"\n".join(lines) + b"\n"


def statm(process: FakeProcess) -> bytes:
    p = process
    if not p.has_memory:
        return b"0 0 0 0 0 0 0\n"
    return f"{p.virtual // PAGE} {p.rss // PAGE} {p.shared // PAGE} 5 0 285 0\n".encode()


def io(process: FakeProcess) -> bytes:
    p = process
    return (
        f"rchar: {p.read}\nwchar: {p.written}\nsyscr: 0\nsyscw: 0\n"
        f"read_bytes: {p.read}\nwrite_bytes: {p.written}\ncancelled_write_bytes: 0\n"
    ).encode()


def schedstat(process: FakeProcess) -> bytes:
    return f"{process.run_ns} {process.wait_ns} {process.slices}\n".encode()


def limits(files: int) -> bytes:
    rows = [
        ("Max cpu time", "unlimited", "unlimited", "seconds"),
        ("Max stack size", "8388608", "unlimited", "bytes"),
        ("Max processes", "96365", "96365", "processes"),
        ("Max open files", str(files), str(files), "files"),
        ("Max nice priority", "0", "0", ""),
    ]
    head = f"{'Limit':<25} {'Soft Limit':<20} {'Hard Limit':<20} {'Units':<10}\n"
    return (head + "".join(f"{a:<25} {b:<20} {c:<20} {d:<10}\n" for a, b, c, d in rows)).encode()


def _four(number: int) -> str:
    return "\t".join([str(number)] * 4)


def _status_memory(p: FakeProcess) -> bytes:
    kilobytes = {
        "VmPeak": p.virtual,
        "VmSize": p.virtual,
        "VmLck": 0,
        "VmPin": 0,
        "VmHWM": p.rss,
        "VmRSS": p.rss,
        "RssAnon": p.rss - p.shared,
        "RssFile": p.shared,
        "RssShmem": 0,
        "VmData": p.rss,
        "VmStk": 132 << 10,
        "VmExe": 20 << 10,
        "VmLib": 1528 << 10,
        "VmPTE": 48 << 10,
        "VmSwap": p.swap,
    }
    return "\n".join(f"{key}:\t{value // 1024:8d} kB" for key, value in kilobytes.items()).encode()
