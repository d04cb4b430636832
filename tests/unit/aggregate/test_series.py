"""Which series begin, go on and end, and from when on they count."""

from __future__ import annotations

import numpy as np
import pytest

from nrdot.aggregate.quiet import Quiet
from nrdot.batch import Counter, Gauge
from nrdot.stages import Reason
from nrdot.testing.stages.rolled_up import INTERVAL, RolledUp

HOUR_NS = 3600 * 10**9


@pytest.mark.parametrize("reason", [Reason.ANOMALY, Reason.LIMIT, Reason.NEVER_FILTERED])
def test_an_urgent_export_of_news_shows_the_process_and_its_group_only(reason):
    rolled = RolledUp()
    first, *_ = rolled.begin(4, "nginx")
    rolled.begin(4, "cron")
    rolled.baseline()
    rolled.export()
    rolled.host.run(first, Counter.CPU_USER, 30)
    rolled.kept = {first.pid}
    rolled.host.table.reason[first.row] = reason
    frame = rolled.urgent(first.row)
    assert (frame.opening.tolist(), frame.steady.tolist(), frame.ending.tolist()) == ([first.row], [], [])
    assert (frame.time_ns, frame.whole) == (rolled.host.time_ns, False)
    assert [(group.name, int(group.gauges[Gauge.PROCESSES])) for group in frame.groups] == [("nginx", 3)]


def test_urgent_news_from_among_the_others_shows_what_is_left_of_them():
    rolled = RolledUp()
    first, _ = rolled.begin(2, "backup")
    rolled.begin(4, "nginx")
    rolled.baseline()
    rolled.export()
    rolled.kept = {first.pid}
    rolled.host.table.reason[first.row] = Reason.ANOMALY
    frame = rolled.urgent(first.row)
    assert [(group.name, int(group.gauges[Gauge.PROCESSES])) for group in frame.groups] == [("other", 1)]


def test_urgent_news_shows_its_group_without_those_that_are_dropped():
    rolled = RolledUp()
    first, second, third, *_ = rolled.begin(6, "nginx")
    rolled.dropped = {second.pid, third.pid}
    rolled.baseline()
    rolled.export()
    rolled.kept = {first.pid}
    rolled.host.table.reason[first.row] = Reason.ANOMALY
    frame = rolled.urgent(first.row)
    assert [(group.name, int(group.gauges[Gauge.PROCESSES])) for group in frame.groups] == [("nginx", 3)]


def test_urgent_news_from_among_the_dropped_shows_what_is_left_of_them():
    rolled = RolledUp()
    first, second, *_ = rolled.begin(6, "nginx")
    rolled.dropped = {first.pid, second.pid}
    rolled.baseline()
    rolled.export()
    rolled.kept = {first.pid}
    rolled.host.table.reason[first.row] = Reason.ANOMALY
    frame = rolled.urgent(first.row)
    assert [(group.name, int(group.gauges[Gauge.PROCESSES])) for group in frame.groups] == [("dropped", 1)]


@pytest.mark.parametrize("succeeded", [False, True])
def test_urgent_news_under_other_words_shows_the_group_that_had_it(succeeded):
    rolled = RolledUp()
    first, *_ = rolled.begin(4, "nginx")
    second, *_ = rolled.begin(4, "cron")
    rolled.baseline()
    rolled.export()
    rolled.host.rename(first, "cron")
    rolled.host.rename(second, "nginx")
    if succeeded:
        rolled.succeed()
    rolled.kept = {first.pid}
    rolled.host.table.reason[first.row] = Reason.ANOMALY
    frame = rolled.urgent(first.row)
    assert [(group.name, int(group.gauges[Gauge.PROCESSES])) for group in frame.groups] == [("nginx", 3)]


def test_a_newcomer_is_shown_in_its_own_group_not_in_that_of_whoever_had_its_place_in_the_table():
    rolled = RolledUp()
    first, *_ = rolled.begin(4, "nginx")
    second, *_ = rolled.begin(4, "cron")
    rolled.baseline()
    rolled.host.run(first, Counter.CPU_USER, 1)
    rolled.baseline()
    rolled.host.end(first)
    rolled.export()
    (heir,) = rolled.begin(1, "cron")
    rolled.kept = {second.pid}
    rolled.host.table.reason[second.row] = Reason.ANOMALY
    frame = rolled.urgent(second.row)
    assert heir.row == first.row
    assert [(group.name, int(group.gauges[Gauge.PROCESSES])) for group in frame.groups] == [("cron", 4)]


def test_newcomers_count_in_the_groups_of_their_names_when_news_shows_these_however_many_they_are():
    rolled = RolledUp()
    rolled.begin(4, "cron")
    first, *_ = rolled.begin(4, "nginx")
    rolled.baseline()
    rolled.export()
    rolled.begin(2, "cron")
    rolled.begin(30, "nginx")
    rolled.kept = {first.pid}
    rolled.host.table.reason[first.row] = Reason.ANOMALY
    frame = rolled.urgent(first.row)
    assert [(group.name, int(group.gauges[Gauge.PROCESSES])) for group in frame.groups] == [("nginx", 33)]


@pytest.mark.parametrize(("others", "shown"), [(2, [("other", 2)]), (0, [])])
def test_a_newcomer_without_a_group_counts_among_the_others_where_there_are_others(others, shown):
    rolled = RolledUp()
    nginx, *_ = rolled.begin(4, "nginx")
    odd = rolled.begin(others, "backup")[:1]
    rolled.baseline()
    rolled.export()
    rolled.begin(1, "tar")
    news = [nginx.row, *(process.row for process in odd)]
    rolled.kept = {nginx.pid, *(process.pid for process in odd)}
    rolled.host.table.reason[news] = Reason.ANOMALY
    frame = rolled.urgent(*news)
    counted = [(group.name, int(group.gauges[Gauge.PROCESSES])) for group in frame.groups]
    assert counted == [("nginx", 3), *shown]


def test_news_before_the_first_export_is_shown_alone():
    rolled = RolledUp()
    first, *_ = rolled.begin(4, "nginx")
    rolled.baseline()
    rolled.kept = {first.pid}
    rolled.host.table.reason[first.row] = Reason.ANOMALY
    frame = rolled.urgent(first.row)
    assert (frame.opening.tolist(), frame.groups) == ([first.row], ())


def test_an_urgent_export_of_a_large_consumer_shows_no_group_that_says_nothing_of_it():
    rolled = RolledUp()
    first, *_ = rolled.begin(4, "nginx")
    rolled.baseline()
    rolled.export()
    rolled.kept = {first.pid}
    rolled.host.table.reason[first.row] = Reason.TOP_CPU
    frame = rolled.urgent(first.row)
    assert frame.opening.tolist() == [first.row]
    assert frame.groups == ()


def test_a_series_that_began_anew_in_an_urgent_export_goes_on_at_the_next_whole_one():
    rolled = RolledUp()
    first, *_ = rolled.begin(4, "nginx")
    rolled.kept = {first.pid}
    rolled.baseline()
    rolled.export()
    rolled.host.rename(first, "nginx-worker")
    frame = rolled.urgent(first.row)
    assert (frame.opening.tolist(), frame.ending.tolist()) == ([first.row], [first.row])
    frame = rolled.export()
    assert (frame.steady.tolist(), frame.opening.tolist(), frame.ending.tolist()) == ([first.row], [], [])


def test_when_the_clock_goes_back_every_series_begins_anew_before_its_first_value():
    rolled = RolledUp()
    first, *_ = rolled.begin(4, "nginx")
    rolled.kept = {first.pid}
    rolled.baseline()
    rolled.host.run(first, Counter.CPU_USER, 30)
    rolled.export()
    rolled.host.time_ns -= HOUR_NS
    rolled.host.run(first, Counter.CPU_USER, 5)
    frame = rolled.export()
    table, row = rolled.host.table, first.row
    assert (frame.steady.tolist(), frame.opening.tolist(), frame.ending.tolist()) == ([], [row], [row])
    assert table.since_ns[row] < frame.time_ns
    assert table.counters[Counter.CPU_USER, row] - table.base[Counter.CPU_USER, row] == 5
    (group,) = frame.groups
    assert group.opening
    assert group.since_ns < frame.time_ns


def test_a_series_that_is_kept_again_counts_from_the_export_before():
    rolled = RolledUp()
    first, *_ = rolled.begin(4, "nginx")
    rolled.baseline()
    rolled.host.run(first, Counter.CPU_USER, 30)
    rolled.export()
    rolled.host.run(first, Counter.CPU_USER, 5)
    rolled.kept = {first.pid}
    frame = rolled.export()
    table, row = rolled.host.table, first.row
    assert frame.opening.tolist() == [row]
    assert table.counters[Counter.CPU_USER, row] - table.base[Counter.CPU_USER, row] == 5
    assert frame.time_ns - table.since_ns[row] == round(INTERVAL * 1e9)


def test_when_metrics_or_attributes_change_what_was_sent_is_not_counted_again():
    rolled = RolledUp()
    first, second, *_ = rolled.begin(4, "nginx")
    rolled.kept = {first.pid}
    rolled.baseline()
    rolled.host.run(first, Counter.CPU_USER, 30)
    rolled.host.run(second, Counter.CPU_USER, 40)
    sent = rolled.export()
    rolled.aggregator.restart(rolled.host.table)
    rolled.host.run(second, Counter.CPU_USER, 2)
    frame = rolled.export()
    assert (frame.opening.tolist(), frame.ending.tolist()) == ([first.row], [first.row])
    (group,) = frame.groups
    assert (group.opening, group.since_ns, group.counters[Counter.CPU_USER]) == (True, sent.time_ns, 2)


@pytest.mark.parametrize("cause", ["metrics", "clock"])
def test_a_process_that_changed_its_words_has_still_changed_them_when_every_series_begins_anew(cause):
    rolled = RolledUp()
    first, second, *_ = rolled.begin(4, "nginx")
    rolled.kept = {second.pid}
    rolled.baseline()
    rolled.export()
    rolled.host.rename(first, "worker")
    if cause == "metrics":
        rolled.aggregator.restart(rolled.host.table)
    else:
        rolled.host.time_ns -= HOUR_NS
        rolled.baseline()
    changed = rolled.host.table.changed
    assert (changed[first.row], changed[second.row]) == (True, True)
    assert not changed[[process.row for process in rolled.host.processes[2:]]].any()


def test_a_glance_at_the_moment_of_a_sample_begins_nothing_anew():
    rolled = RolledUp()
    first, *_ = rolled.begin(4, "nginx")
    rolled.kept = {first.pid}
    rolled.baseline()
    rolled.export()
    batch = rolled.host.glance(np.array([first.row]))
    frame = rolled.aggregator.aggregate(batch, batch.moved)
    assert (frame.steady.tolist(), frame.opening.tolist(), frame.ending.tolist()) == ([first.row], [], [])


def test_a_series_that_says_nothing_new_is_sent_at_its_heartbeat_whatever_the_others_say():
    rolled = RolledUp(quiet=Quiet(60.0, lambda count: np.zeros(count, np.bool_)))
    silent, busy, *_ = rolled.begin(4, "nginx")
    rolled.kept = {silent.pid, busy.pid}
    rolled.baseline()
    rolled.export()
    said = []
    for _ in range(8):
        rolled.host.run(busy, Counter.CPU_USER, 1)
        said.append(rolled.export().steady.tolist())
    assert said == [*[[busy.row]] * 3, [silent.row, busy.row]] * 2


def test_where_nobody_comes_or_goes_no_export_takes_memory():
    quiet = Quiet(60.0, lambda count: np.zeros(count, np.bool_))
    rolled = RolledUp(quiet=quiet)
    first, *_ = rolled.begin(4, "nginx")
    rolled.kept = {first.pid}
    rolled.baseline()
    taken = []
    for urgent in range(1, 4):
        rolled.export()
        for _ in range(urgent):
            rolled.urgent(first.row)
        parts = [vars(part).values() for part in (rolled.aggregator, rolled.groups, quiet)]
        columns = [one for part in parts for one in part if isinstance(one, np.ndarray)]
        taken.append(sum(column.nbytes for column in columns))
    assert len(set(taken)) == 1


def test_those_that_were_found_count_from_the_first_look_and_those_born_later_from_birth():
    rolled = RolledUp()
    found = rolled.begin(1, "nginx")[0]
    found.start -= 1000
    rolled.host.run(found, Counter.CPU_USER, 100)
    rolled.kept = {found.pid}
    rolled.baseline()
    began = rolled.host.time_ns
    born = rolled.begin(1, "nginx")[0]
    born.start += 300
    rolled.host.run(born, Counter.CPU_USER, 7)
    rolled.kept.add(born.pid)
    assert rolled.export().opening.tolist() == [found.row, born.row]
    table, rows = rolled.host.table, [found.row, born.row]
    assert (table.counters - table.base)[Counter.CPU_USER, rows].tolist() == [0, 7]
    assert table.since_ns[rows].tolist() == [began, began + 3 * 10**9]
