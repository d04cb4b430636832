import os
import signal

import pytest

from nrdot.agent.loop.signals import Requests, signals
from nrdot.testing.clock import ManualClock

HANG = 30.0


@pytest.fixture
def requests():
    return Requests(ManualClock())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_that_end_a_process_ask_to_stop(requests, number):
    with signals(requests):
        os.kill(os.getpid(), number)

        assert requests.stopping.wait(HANG)
    assert not requests.at_once.is_set()


def test_a_second_one_asks_to_stop_at_once(requests):
    with signals(requests):
        os.kill(os.getpid(), signal.SIGTERM)
        assert requests.stopping.wait(HANG)
        requests._clock.advance(1.0)
        os.kill(os.getpid(), signal.SIGTERM)

        assert requests.at_once.wait(HANG)


def test_a_program_that_signals_its_child_and_then_its_group_asks_once(requests):
    requests.stop()
    requests._clock.advance(0.01)
    requests.stop()

    assert not requests.at_once.is_set()

    requests._clock.advance(1.0)
    requests.stop()

    assert requests.at_once.is_set()


def test_a_hangup_asks_to_reload(requests):
    with signals(requests):
        os.kill(os.getpid(), signal.SIGHUP)

        assert requests.wake.wait(HANG)
    assert requests.reload_wanted()
    assert not requests.stopping.is_set()


def test_a_thousand_hangups_swallow_no_request_to_stop(requests):
    with signals(requests):
        for _ in range(1000):
            os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGTERM)

        assert requests.stopping.wait(HANG)


def test_a_signal_never_waits_for_a_lock_that_the_main_thread_holds(requests):
    with signals(requests):
        with requests.wake._cond:
            os.kill(os.getpid(), signal.SIGHUP)
        with requests.stopping._cond:
            os.kill(os.getpid(), signal.SIGTERM)

        assert requests.stopping.wait(HANG)


def test_the_time_of_the_first_request_counts(requests):
    requests.stop()
    requests._clock.advance(3.0)
    requests.stop()

    assert requests.asked == 1000.0


def test_a_request_made_while_a_reload_is_under_way_leads_to_another(requests):
    requests.reload()
    requests.take_reload()
    requests.reload()

    assert requests.reload_wanted()


def test_the_old_handlers_come_back(requests):
    before = signal.getsignal(signal.SIGTERM)

    with signals(requests):
        assert signal.getsignal(signal.SIGTERM) is not before

    assert signal.getsignal(signal.SIGTERM) is before
