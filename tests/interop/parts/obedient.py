"""The child of `workload.py`: reads orders from standard input, obeys, and answers when it is done.

Started with -I -S and only the standard library, so that its own start is short and the same everywhere.
"""

import ctypes
import os
import sys
import threading
import time
from pathlib import Path

NAME, SCRATCH = sys.argv[1], sys.argv[2]
PR_SET_NAME = 15

held = []


def burn(ticks):
    end = time.process_time() + ticks / os.sysconf("SC_CLK_TCK")
    while time.process_time() < end:
        sum(range(20000))  # between two looks at the clock, which cost time in the kernel


def burn_elsewhere(ticks):
    worker = threading.Thread(target=burn, args=(ticks,))
    worker.start()
    worker.join()


def write(size):
    with Path(SCRATCH).open("ab", buffering=0) as file:
        file.write(b"x" * size)
        os.fsync(file.fileno())


def read(size):
    with Path(SCRATCH).open("rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        file.read(size)


def hold(size):
    held.append(bytearray(b"y" * size))


def threads(count):
    for _ in range(count):
        threading.Thread(target=threading.Event().wait, daemon=True).start()


def become(uid):
    os.setuid(uid)


def zombie(_):
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    return pid


ORDERS = {
    order.__name__: order for order in (burn, burn_elsewhere, write, read, hold, threads, become, zombie)
}

ctypes.CDLL(None).prctl(PR_SET_NAME, os.fsencode(NAME), 0, 0, 0)
print("ready", flush=True)
for line in sys.stdin:
    word, value = line.split()
    print(ORDERS[word](int(value)), flush=True)
