import os
import socket

import pytest

from nrdot.agent.loop.notify import Notifier
from nrdot.testing.clock import ManualClock


@pytest.fixture
def listener(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(tmp_path / "notify"))
        bound.setblocking(False)
        yield bound


def heard(listener):
    messages = []
    while True:
        try:
            messages.append(listener.recv(4096).decode())
        except BlockingIOError:
            return messages


def notifier(listener, clock=None, **environment):
    return Notifier({"NOTIFY_SOCKET": listener.getsockname(), **environment}, clock or ManualClock())


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_both_kinds_of_sockets_hear_that_we_are_ready(kind, tmp_path):
    name = str(tmp_path / "notify") if kind == "path" else f"@nrdot-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(name.replace("@", "\0", 1))
        bound.setblocking(False)
        notifier = Notifier({"NOTIFY_SOCKET": name}, ManualClock())

        notifier.ready()

        assert heard(bound) == ["READY=1"]
        notifier.close()


def test_a_reload_carries_the_time_at_which_it_began(listener):
    clock = ManualClock(monotonic=12.5)

    with_clock = notifier(listener, clock)
    with_clock.reloading()
    with_clock.close()

    assert heard(listener) == ["RELOADING=1\nMONOTONIC_USEC=12500000"]


def test_the_end_is_announced(listener):
    sender = notifier(listener)

    sender.stopping()
    sender.close()

    assert heard(listener) == ["STOPPING=1"]


def test_a_status_is_one_line_and_said_once(listener):
    sender = notifier(listener)

    for text in ("configuration refused:\n  line 3", "configuration refused: line 3", "running"):
        sender.status(text)
    sender.close()

    assert heard(listener) == ["STATUS=configuration refused: line 3", "STATUS=running"]


def test_the_watchdog_is_fed_four_times_in_what_systemd_allows(listener):
    clock = ManualClock()
    sender = notifier(listener, clock, WATCHDOG_USEC="20000000")

    for _ in range(20):
        clock.advance(1.0)
        sender.feed()
    sender.close()

    assert sender.rhythm == 5.0
    assert heard(listener) == ["WATCHDOG=1"] * 4


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "1"},
    ],
    ids=["none", "zero", "garbage", "of another process"],
)
def test_a_watchdog_that_is_not_ours_is_not_fed(listener, environment):
    clock = ManualClock()
    sender = notifier(listener, clock, **environment)
    clock.advance(3600.0)

    sender.feed()
    sender.close()

    assert sender.rhythm is None
    assert heard(listener) == []


@pytest.mark.parametrize("name", [None, "", "vsock:2:1234", "/nowhere/notify"])
def test_without_systemd_nothing_is_sent_and_nothing_fails(name):
    sender = Notifier({} if name is None else {"NOTIFY_SOCKET": name}, ManualClock())

    sender.ready()
    sender.status("running")
    sender.close()


def test_a_systemd_that_does_not_read_blocks_nothing(listener):
    sender = notifier(listener)

    for number in range(5000):
        sender.status(f"{number}")
    sender.close()

    assert heard(listener)[0] == "STATUS=0"
