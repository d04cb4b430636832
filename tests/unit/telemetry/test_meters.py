import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from nrdot.telemetry.instruments import INSTRUMENTS, Kind
from nrdot.telemetry.meters import Meters
from nrdot.testing.clock import NOON_NS, ManualClock

RESOURCE = {"host.name": "web-1", "host.id": "0123", "os.type": "linux"}


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def meters(clock):
    return Meters(RESOURCE, clock)


def exported(meters, time_ns=NOON_NS + 1):
    payload, points = meters.otlp(time_ns)
    (resource,) = ExportMetricsServiceRequest.FromString(payload).resource_metrics
    (scope,) = resource.scope_metrics
    metrics = {metric.name: metric for metric in scope.metrics}
    assert points == sum(len((m.sum if m.HasField("sum") else m.gauge).data_points) for m in metrics.values())
    return resource, metrics


def attributes(holder):
    return {pair.key: pair.value.string_value for pair in holder.attributes}


def scraped(meters):
    return {family.name: family for family in text_string_to_metric_families(meters.openmetrics())}


def observe_all(meters):
    for name, instrument in INSTRUMENTS.items():
        values = dict.fromkeys(instrument.attributes, "x")
        meters.observe(name, lambda values=values: [(1, values)])


def test_the_resource_names_the_host_and_the_service(meters):
    meters.observe("nrdot.tick.cpu", lambda: 0.5)

    resource, _ = exported(meters)

    assert attributes(resource.resource) == {"service.name": "nrdot", **RESOURCE}


@pytest.mark.parametrize("text", ["TMRN\0\0\0\0", "\0" * 16, "\x7f" * 16, "\U0010ffff" * 4])
def test_no_words_are_taken_for_the_place_of_a_number(clock, text):
    meters = Meters({"host.name": text}, clock)
    meters.observe("nrdot.tick.cpu", lambda: 0.5)

    resource, metrics = exported(meters)

    assert attributes(resource.resource)["host.name"] == text
    assert metrics["nrdot.tick.cpu"].gauge.data_points[0].as_double == 0.5


def test_every_instrument_travels_under_its_name_with_its_unit(meters):
    observe_all(meters)

    _, metrics = exported(meters)

    assert {name: (metric.unit, metric.description) for name, metric in metrics.items()} == {
        name: (instrument.unit, instrument.description) for name, instrument in INSTRUMENTS.items()
    }


def test_counters_are_cumulative_sums_and_gauges_are_gauges(meters):
    observe_all(meters)

    _, metrics = exported(meters)

    for name, instrument in INSTRUMENTS.items():
        assert metrics[name].HasField("sum") == (instrument.kind is Kind.COUNTER)
        if instrument.kind is Kind.COUNTER:
            assert metrics[name].sum.is_monotonic
            assert metrics[name].sum.aggregation_temporality == 2


def test_points_carry_the_time_of_the_tick_and_counters_the_start_of_the_agent(clock):
    meters = Meters(RESOURCE, clock)
    meters.observe("nrdot.buffer.bytes", lambda: [(7, {"destination": "collector"})])
    meters.observe("nrdot.ticks", lambda: [(3, {"outcome": "run"})])

    _, metrics = exported(meters, NOON_NS + 60_000_000_000)

    (gauge,) = metrics["nrdot.buffer.bytes"].gauge.data_points
    (counter,) = metrics["nrdot.ticks"].sum.data_points
    assert (gauge.time_unix_nano, gauge.as_int, attributes(gauge)) == (
        NOON_NS + 60_000_000_000,
        7,
        {"destination": "collector"},
    )
    assert (counter.start_time_unix_nano, counter.time_unix_nano) == (NOON_NS, NOON_NS + 60_000_000_000)


def test_a_clock_that_was_set_back_gives_no_start_after_the_end(clock):
    meters = Meters(RESOURCE, clock)
    meters.observe("nrdot.ticks", lambda: [(1, {"outcome": "run"})])

    _, metrics = exported(meters, NOON_NS - 3600 * 10**9)

    (point,) = metrics["nrdot.ticks"].sum.data_points
    assert point.start_time_unix_nano == point.time_unix_nano


def test_each_collection_says_what_is_so_then(meters):
    readings = [[(2, {"outcome": "run"})], [(2.5, {"outcome": "run"})], [(3, {"outcome": "late"})]]
    meters.observe("nrdot.ticks", lambda: readings.pop(0))

    first, second, third = (exported(meters, NOON_NS + second)[1]["nrdot.ticks"].sum for second in range(3))

    assert [(point.as_int, point.time_unix_nano) for point in first.data_points] == [(2, NOON_NS)]
    assert [(point.as_double, point.time_unix_nano) for point in second.data_points] == [(2.5, NOON_NS + 1)]
    assert [(point.as_int, attributes(point)) for point in third.data_points] == [(3, {"outcome": "late"})]


def test_a_metric_that_cannot_be_read_is_left_out_alone(meters):
    def changing():
        raise RuntimeError("dictionary changed size during iteration")

    meters.observe("nrdot.ticks", changing)
    meters.observe("nrdot.tick.cpu", lambda: 0.5)

    _, metrics = exported(meters)

    assert metrics.keys() == {"nrdot.tick.cpu"}


def test_a_series_that_is_no_longer_observed_is_no_longer_exported(meters):
    revisions = [("a1", "true"), ("b2", "false")]
    meters.observe(
        "nrdot.config.info", lambda: [(1, dict(zip(("revision", "valid"), revisions[0], strict=True)))]
    )
    exported(meters)
    revisions.pop(0)

    _, metrics = exported(meters)

    assert [attributes(point) for point in metrics["nrdot.config.info"].gauge.data_points] == [
        {"revision": "b2", "valid": "false"},
    ]


def test_a_name_that_nobody_was_promised_cannot_be_used(meters):
    with pytest.raises(KeyError):
        meters.observe("nrdot.surprise", lambda: 1)


def test_the_names_of_the_contract_are_there():
    assert {
        "nrdot.processes",
        "nrdot.points",
        "nrdot.points.unoptimized",
        "nrdot.coverage.critical",
        "nrdot.tick.cpu",
        "nrdot.agent.cpu.time",
        "nrdot.agent.memory",
        "nrdot.buffer.bytes",
        "nrdot.buffer.age",
        "nrdot.export.requests",
        "nrdot.dropped",
        "nrdot.config.info",
    } <= INSTRUMENTS.keys()


def test_two_agents_in_one_process_do_not_mix(clock):
    first, second = Meters(RESOURCE, clock), Meters({**RESOURCE, "host.name": "web-2"}, clock)
    first.observe("nrdot.tick.cpu", lambda: 1.0)
    second.observe("nrdot.tick.cpu", lambda: 2.0)

    resource, metrics = exported(second)

    assert attributes(resource.resource)["host.name"] == "web-2"
    assert [point.as_double for point in metrics["nrdot.tick.cpu"].gauge.data_points] == [2.0]


def test_a_user_who_switches_telemetry_off_gets_nothing_and_no_error(clock, monkeypatch):
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    meters = Meters(RESOURCE, clock)
    meters.observe("nrdot.tick.cpu", lambda: 1.0)
    meters.observe("nrdot.ticks", lambda: [(1, {"outcome": "run"})])

    assert meters.otlp(NOON_NS) == (b"", 0)
    assert meters.openmetrics() == "# EOF\n"


def test_the_page_is_openmetrics_for_every_instrument(meters):
    observe_all(meters)

    families = scraped(meters)

    assert len(families) == len(INSTRUMENTS) + 1
    assert families["nrdot_ticks"].type == "counter"
    assert families["nrdot_buffer_age_seconds"].unit == "seconds"
    assert families["nrdot_agent_memory_bytes"].type == "gauge"
    assert families["nrdot_coverage_critical_ratio"].samples[0].value == 1
    assert families["nrdot_agent_cpu_time_seconds"].samples[0].name == "nrdot_agent_cpu_time_seconds_total"
    assert families["nrdot_config_info"].samples[0].labels == {"revision": "x", "valid": "x"}


def test_the_page_says_once_what_the_resource_says(meters):
    meters.observe("nrdot.tick.cpu", lambda: 0.5)

    assert scraped(meters)["target"].samples[0].labels == {
        "service_name": "nrdot",
        "host_name": "web-1",
        "host_id": "0123",
        "os_type": "linux",
    }


@pytest.mark.parametrize("text", ['a "quoted" name', "back\\slash", "line\nbreak", "ümläut"])
def test_any_text_in_a_label_survives_the_page(meters, text):
    meters.observe("nrdot.dropped", lambda: [(1, {"reason": text, "destination": "d"})])

    assert scraped(meters)["nrdot_dropped"].samples[0].labels["reason"] == text


def test_a_value_that_is_no_number_is_left_out(meters):
    meters.observe("nrdot.tick.cpu", lambda: float("nan"))
    meters.observe("nrdot.tick.interval", lambda: 15.0)

    assert exported(meters)[1].keys() == {"nrdot.tick.interval"}
    assert "nrdot_tick_cpu_seconds" not in scraped(meters)
    assert "nrdot_tick_interval_seconds" in scraped(meters)
