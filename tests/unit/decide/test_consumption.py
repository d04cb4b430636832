"""What processes use, as their ranks compare it."""

from __future__ import annotations

import pytest

from nrdot.batch import Counter
from nrdot.decide.consumers import CPU, IO, Consumption
from nrdot.testing.hosts.invented import InventedHost


class Use:
    """One process beside others; an export after each minute."""

    def __init__(self, *, before: int = 0) -> None:
        self.host = InventedHost()
        self.process = self.host.begin(100, "worker")
        self.host.begin(101, "other")
        self.host.run(self.process, Counter.CPU_USER, before)
        self.consumption = Consumption()
        self.consumption.observe(self.host.sample())

    def minute(self, cores: float = 0.0, rate: float = 0.0) -> None:
        for _ in range(4):
            self.host.run(self.process, Counter.CPU_USER, round(cores * 1500))
            self.host.run(self.process, Counter.READ, round(rate * 15))
            batch = self.host.sample()
            self.consumption.observe(batch)
        self.consumption.settle(batch)

    def demand(self, kind: int = CPU) -> float:
        return float(self.consumption.demand[kind, self.process.row])


def test_a_steady_user_is_worth_what_it_uses() -> None:
    use = Use()
    for _ in range(30):
        use.minute(cores=0.4, rate=1000.0)
    assert (use.demand(), use.demand(IO)) == (pytest.approx(0.4), pytest.approx(1000.0))


def test_what_was_used_long_ago_is_forgotten() -> None:
    use = Use()
    for _ in range(10):
        use.minute(cores=2.0)
    for _ in range(40):
        use.minute()
    assert 0.0 < use.demand() < 0.03


def test_what_a_process_used_before_the_agent_came_is_not_counted() -> None:
    use = Use(before=1_000_000)
    use.minute(cores=0.2)
    assert use.demand() == pytest.approx(0.2)


def test_what_a_process_used_before_its_first_look_is_counted_once_it_was_seen_to_begin() -> None:
    use = Use()
    use.minute()
    use.process = use.host.begin(900, "late")
    use.host.run(use.process, Counter.CPU_USER, 600)
    use.minute()
    assert use.demand() >= 6.0 / 60 / 2


def test_who_has_series_counts_for_a_little_more() -> None:
    use = Use()
    use.minute(cores=0.4)
    without = use.demand()
    use.host.table.series[use.process.row] = True
    use.minute(cores=0.4)
    assert use.demand() == pytest.approx(1.3 * without)


def test_time_that_the_kernel_moves_from_one_kind_to_the_other_is_used_by_nobody() -> None:
    use = Use(before=100)
    use.minute()
    use.host.run(use.process, Counter.CPU_USER, -40)
    use.host.run(use.process, Counter.CPU_SYSTEM, 40)
    use.minute()
    assert use.demand() == 0.0
