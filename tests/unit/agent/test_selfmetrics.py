import io
from dataclasses import replace

import numpy as np
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from nrdot.agent.delivery.drains import Destination
from nrdot.agent.telling.selfmetrics import (
    SelfRecords,
    TickWatcher,
    observe_destinations,
    observe_ledger,
    observe_log,
    observe_status,
)
from nrdot.agent.telling.status import Status
from nrdot.batch import Counter, Table
from nrdot.ledger.store import Bounds, Store
from nrdot.pipeline import Tick
from nrdot.stages import Frame, Priority, Record, Verdict
from nrdot.telemetry.instruments import INSTRUMENTS
from nrdot.telemetry.log import LogWriter
from nrdot.telemetry.meters import Meters
from nrdot.testing.agents.hollow import HOST, ListBuffer, SwitchedDrain, tick_of
from nrdot.testing.clock import NOON_NS, ManualClock


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def status(clock):
    return Status(clock)


@pytest.fixture
def meters(clock, status):
    fresh = Meters({"host.name": "web-1"}, clock)
    observe_status(fresh, status)
    observe_destinations(fresh, status, clock)
    return fresh


def value(meters, sample, **labels):
    """The one sample of this name and these labels; None where there is none."""
    found = [
        line.value
        for family in text_string_to_metric_families(meters.openmetrics())
        for line in family.samples
        if line.name == sample and labels.items() <= line.labels.items()
    ]
    assert len(found) <= 1
    return found[0] if found else None


def table_of(*verdicts, critical=()):
    table = Table(8)
    for pid, verdict in enumerate(verdicts, 1):
        row = table.open_row(pid, 0)
        table.verdict[row] = verdict
        table.never_filtered[row] = pid - 1 in critical
    return table


def exporting(tick, *, whole=True):
    none = np.zeros(0, np.intp)
    return Tick(tick.batch, Frame(tick.batch.time_ns, none, none, none, (), whole=whole), ())


def destination(clock, records=3):
    buffer = ListBuffer([Record(b"12345", 10, clock.wall_ns())] * records)
    return Destination("collector", buffer, SwitchedDrain(buffer), "here")


def test_the_record_is_otlp_and_the_first_to_be_dropped(meters):
    (record,) = SelfRecords(meters).records(NOON_NS)

    assert record.priority is Priority.OPTIONAL
    assert record.time_ns == NOON_NS
    request = ExportMetricsServiceRequest.FromString(record.payload)
    names = {metric.name for metric in request.resource_metrics[0].scope_metrics[0].metrics}
    assert {"nrdot.agent.cpu.time", "nrdot.agent.memory", "nrdot.ticks"} <= names


def test_they_travel_once_a_minute_however_often_processes_do(meters):
    records = SelfRecords(meters)
    sent = [second for second in range(0, 181, 15) if records.records(NOON_NS + second * 10**9)]
    assert sent == [0, 60, 120, 180]


def test_an_interval_of_a_minute_that_is_a_moment_short_leaves_none_out(meters):
    records = SelfRecords(meters)
    assert all(records.records(NOON_NS + minute * 59_990_000_000) for minute in range(10))


def test_a_clock_that_is_set_back_does_not_silence_them(meters):
    records = SelfRecords(meters)
    assert records.records(NOON_NS)
    assert records.records(NOON_NS - 3600 * 10**9)


def test_an_agent_without_metrics_sends_no_empty_record(clock):
    assert SelfRecords(Meters({}, clock)).records(NOON_NS) == []


def test_processes_are_counted_by_verdict(meters, status):
    table = table_of(Verdict.KEEP, Verdict.ROLL_UP, Verdict.ROLL_UP)

    TickWatcher(status)(tick_of(table, limited=2))

    assert value(meters, "nrdot_processes", verdict="keep") == 1
    assert value(meters, "nrdot_processes", verdict="roll_up") == 2
    assert value(meters, "nrdot_processes", verdict="drop") == 0
    assert value(meters, "nrdot_processes_limited") == 2


def test_shortages_of_descriptors_add_up(meters, status):
    watcher = TickWatcher(status)
    for short in (2, 3):
        tick = tick_of(Table(1))
        watcher(replace(tick, batch=replace(tick.batch, short=short)))

    assert value(meters, "nrdot_descriptors_short_total") == 5


def test_vanished_processes_add_up(meters, status):
    watcher = TickWatcher(status)

    watcher(tick_of(Table(1), vanished=2))
    watcher(tick_of(Table(1), vanished=3))

    assert value(meters, "nrdot_processes_vanished_total") == 5


def test_coverage_is_the_part_of_the_never_filtered_that_is_exported(meters, status, caplog):
    table = table_of(Verdict.KEEP, Verdict.ROLL_UP, Verdict.KEEP, critical=(0, 1))

    TickWatcher(status)(exporting(tick_of(table)))

    assert value(meters, "nrdot_coverage_critical_ratio") == 0.5
    assert [(record.levelname, record.fields) for record in caplog.records] == [("ERROR", {"missing": 1})]


def test_full_coverage_is_one_and_nothing_to_talk_about(meters, status, caplog):
    TickWatcher(status)(exporting(tick_of(table_of(Verdict.KEEP, Verdict.ROLL_UP, critical=(0,)))))

    assert value(meters, "nrdot_coverage_critical_ratio") == 1
    assert caplog.records == []


@pytest.mark.parametrize("between", [lambda tick: tick, lambda tick: exporting(tick, whole=False)])
def test_whom_a_reload_makes_critical_is_not_missed_before_the_next_export(meters, status, caplog, between):
    watcher = TickWatcher(status)
    watcher(exporting(tick_of(table_of(Verdict.KEEP, Verdict.ROLL_UP, critical=(0,)))))

    watcher(between(tick_of(table_of(Verdict.KEEP, Verdict.ROLL_UP, critical=(0, 1)))))

    assert value(meters, "nrdot_coverage_critical_ratio") == 1
    assert caplog.records == []


def test_a_host_without_critical_processes_is_covered(meters, status):
    TickWatcher(status)(tick_of(table_of(Verdict.ROLL_UP)))

    assert value(meters, "nrdot_coverage_critical_ratio") == 1


def test_the_cpu_of_the_host_stands_beside_the_sum_over_its_processes(meters, status):
    table = table_of(Verdict.KEEP, Verdict.ROLL_UP)
    baseline = tick_of(table)
    TickWatcher(status)(replace(baseline, batch=replace(baseline.batch, host=replace(HOST, busy=10_000))))
    table.previous[:] = table.counters

    table.counters[Counter.CPU_USER, :2] += (150, 20)
    table.counters[Counter.CHILD_SYSTEM, 0] += 30
    table.counters[Counter.READ, 0] += 4096
    later = tick_of(table)
    # A reload makes a new watcher; what it counts goes on.
    TickWatcher(status)(replace(later, batch=replace(later.batch, host=replace(HOST, busy=10_250))))

    assert value(meters, "nrdot_host_cpu_busy_seconds_total") == 2.5
    assert value(meters, "nrdot_host_cpu_accounted_seconds_total") == 2.0
    assert value(meters, "nrdot_host_cpu_unaccounted_seconds") == 0.5


def test_ticks_cadence_and_cost_are_told(meters, status):
    status.ticks |= {"run": 7, "late": 2, "shed": 1}
    status.interval, status.tick_cpu = 30.0, 0.004

    assert value(meters, "nrdot_ticks_total", outcome="run") == 7
    assert value(meters, "nrdot_ticks_total", outcome="late") == 2
    assert value(meters, "nrdot_ticks_total", outcome="shed") == 1
    assert value(meters, "nrdot_tick_interval_seconds") == 30.0
    assert value(meters, "nrdot_tick_cpu_seconds") == 0.004
    assert value(meters, "nrdot_agent_cpu_time_seconds_total", state="user") > 0
    assert value(meters, "nrdot_agent_memory_bytes") > 1_000_000


def test_every_instrument_is_told_by_somebody(clock, status, tmp_path):
    class Told:
        def __init__(self):
            self.names = set()

        def observe(self, name, _):
            self.names.add(name)

    told = Told()
    observe_status(told, status)
    observe_destinations(told, status, clock)
    observe_ledger(told, Store(tmp_path, Bounds()))
    observe_log(told, LogWriter(io.StringIO(), clock, human=False))
    assert told.names == INSTRUMENTS.keys()


def test_lines_that_the_log_held_back_are_told(meters, clock):
    writer = LogWriter(io.StringIO(), clock, human=False)
    observe_log(meters, writer)
    writer.suppressed = 3

    assert value(meters, "nrdot_log_suppressed_total") == 3


def test_the_configuration_in_use_is_told_with_its_validity(meters, status):
    status.revision = "a1b2"
    assert value(meters, "nrdot_config_info", revision="a1b2", valid="true") == 1

    status.config_error = "line 3"
    assert value(meters, "nrdot_config_info", revision="a1b2", valid="false") == 1


def test_the_profile_that_holds_is_told_with_who_decides(meters, status):
    status.profile = {"name": "aggressive", "rule": "time_based_rules[0]: Sat-Sun", "level": "time_rule"}
    assert value(meters, "nrdot_profile_info", profile="aggressive", level="time_rule") == 1


def test_buffers_are_told_by_destination(meters, status, clock):
    status.destinations = (destination(clock),)
    clock.advance(12.0)

    assert value(meters, "nrdot_buffer_bytes", destination="collector") == 15
    assert value(meters, "nrdot_buffer_records", destination="collector") == 3
    assert value(meters, "nrdot_buffer_age_seconds", destination="collector") == 12.0


def test_an_empty_buffer_has_no_age_and_a_clock_set_back_gives_none_below_zero(meters, status, clock):
    status.destinations = (destination(clock, records=0),)
    assert value(meters, "nrdot_buffer_age_seconds", destination="collector") == 0

    status.destinations = (destination(clock),)
    clock.jump(-3600)
    assert value(meters, "nrdot_buffer_age_seconds", destination="collector") == 0


def test_points_count_from_the_start_of_the_agent_though_the_buffer_is_older(meters, status, clock):
    old = destination(clock)
    status.destinations = (old,)
    assert value(meters, "nrdot_points_total", outcome="produced") == 0

    old.buffer.put(Record(b"1", 4, NOON_NS))
    old.buffer.acknowledge([0], rejected_points=3)
    old.buffer.drop([1], "too_old")

    assert value(meters, "nrdot_points_total", outcome="produced") == 4
    assert value(meters, "nrdot_points_total", outcome="delivered") == 7
    assert value(meters, "nrdot_points_total", outcome="rejected") == 3
    assert value(meters, "nrdot_points_total", outcome="dropped") == 10
    assert value(meters, "nrdot_dropped_total", reason="too_old", destination="collector") == 10


def test_requests_are_told_by_their_end(meters, status, clock):
    status.destinations = (destination(clock),)
    status.destinations[0].drain.deliveries += [b"123", b"45"]

    assert value(meters, "nrdot_export_requests_total", outcome="delivered", destination="collector") == 2
    assert value(meters, "nrdot_export_wire_bytes_total", destination="collector") == 5


def test_what_compression_is_worth_is_told_once_something_was_sent(meters, status, clock):
    status.destinations = (destination(clock),)
    assert value(meters, "nrdot_export_ratio", destination="collector") is None

    status.destinations[0].drain.deliveries.append(b"123")

    assert value(meters, "nrdot_export_ratio", destination="collector") == 2.0


def test_a_destination_that_is_gone_is_no_longer_told(meters, status, clock):
    status.destinations = (destination(clock), replace(destination(clock), name="second"))
    assert value(meters, "nrdot_buffer_bytes", destination="second") == 15

    status.destinations = status.destinations[:1]

    assert value(meters, "nrdot_buffer_bytes", destination="second") is None
