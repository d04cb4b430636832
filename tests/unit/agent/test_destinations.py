"""What a configuration makes of the way out, and what a reload leaves of it."""

import json
import logging

import pytest

from nrdot.agent.delivery.destinations import Destinations, build_exporter, keyring
from nrdot.buffer.encryption import Keyring
from nrdot.buffer.files import Files
from nrdot.buffer.inspection import dump, status
from nrdot.clock import SystemClock
from nrdot.config.reading.load import load
from nrdot.config.schema.export import Compression
from nrdot.errors import ConfigError, StartError
from nrdot.stages import Delivery
from nrdot.testing.delivery.records import put_all, record

OLD, NEW = "11" * 32, "22" * 32
OTLP = {"otlp": {"endpoint": "http://127.0.0.1:9"}}


@pytest.fixture
def configure(tmp_path):
    """Makes configurations from settings as users write them."""

    def make(export=({"name": "collector", **OTLP},), **settings):
        path = tmp_path / "nrdot.yaml"
        agent = {"state_dir": str(tmp_path / "state")}
        path.write_text(json.dumps({"agent": agent, "export": list(export), **settings}))
        return load(path, {})

    return make


@pytest.fixture
def destinations(tmp_path):
    made = []

    def make(configuration):
        found = Destinations(SystemClock(), tmp_path / "state", {}, keyring(configuration))
        made.append(found)
        return found

    yield make
    for found in made:
        for one in found._built.values():
            one.buffer.close()


def waiting(buffer):
    return [found for _, found in buffer.peek(1 << 30, 1 << 30)]


def test_the_buffer_is_what_the_configuration_says(configure, destinations):
    configuration = configure(
        export=[{"name": "collector", "order": "newest_first", **OTLP}],
        batching={
            "local_buffer_size": "32MiB",
            "durability": "interval",
            "sync_interval": "7s",
            "max_age": "2h",
            "max_records": 500,
        },
        data_retention={"buffer": {"retention_days": 3, "purge_strategy": "secure_delete"}},
    )
    (one,) = destinations(configuration).use(configuration)
    settings = one.buffer._settings
    assert (settings.max_bytes, settings.max_records, settings.newest_first) == (32 << 20, 500, True)
    assert (settings.durability, settings.sync_seconds) == ("interval", 7.0)
    assert (settings.max_seconds, settings.keep_seconds, settings.overwrite) == (7200, 3 * 86_400, True)


def test_the_drain_is_what_the_configuration_says(configure, destinations):
    configuration = configure(
        export=[{"name": "collector", "accepts_late": "1h", "rate": 0, "alarm_after": "5m", **OTLP}],
        batching={"size": 700, "timeout": "300s", "max_bytes": "1MiB", "retry_on_failure": False},
    )
    (one,) = destinations(configuration).use(configuration)
    drain = one.drain
    assert (drain.points, drain.size, drain.fill, drain.retry) == (700, 1 << 20, 300.0, False)
    assert (drain.accepts_late, drain.alarm_after) == (3600.0, 300.0)
    drain.pace.succeeded(10**9)
    assert drain.pace.wait() == 0


def test_a_reload_changes_bounds_and_keeps_what_waits(configure, destinations):
    first = configure()
    made = destinations(first)
    (before,) = made.use(first)
    put_all(before.buffer, map(record, range(3)))
    (after,) = made.use(configure(batching={"local_buffer_size": "2MiB", "timeout": "9s"}))
    assert after.buffer is before.buffer
    assert after.drain is not before.drain
    assert (after.buffer._settings.max_bytes, after.drain.fill) == (2 << 20, 9.0)
    assert waiting(after.buffer) == list(map(record, range(3)))


def test_no_counter_of_requests_steps_back_at_a_reload(configure, destinations):
    first = configure()
    made = destinations(first)
    (before,) = made.use(first)
    before.drain.journal.delivered(Delivery(wire_bytes=7), 70)
    (after,) = made.use(configure(batching={"size": 70}))
    assert after.drain.status().requests["delivered"] == 1
    assert after.drain.status().ratio == 10


@pytest.mark.parametrize(
    ("stated", "expected"),
    [({}, "proxy.internal:3128"), ({"proxy": ""}, None), ({"proxy": "http://other:80"}, "other:80")],
)
def test_the_proxy_of_the_environment_holds_where_none_is_written(configure, stated, expected):
    otlp = {"endpoint": "http://collector.example:4318", **stated}
    (destination,) = configure(export=[{"otlp": otlp}]).settings.export
    environment = {"http_proxy": "http://proxy.internal:3128"}
    exporter = build_exporter(destination, Compression(), SystemClock(), environment)
    proxy = exporter._transport._proxy
    assert (proxy and str(proxy)) == expected


def test_what_a_reload_leaves_alone_stays_the_same_object(configure, destinations):
    two = [{"name": "one", **OTLP}, {"name": "two", **OTLP}]
    first = configure(export=two)
    made = destinations(first)
    one, other = made.use(first)
    changed = [{"name": "one", **OTLP}, {"name": "two", "rate": 5, **OTLP}]
    same, new = made.use(configure(export=changed))
    assert same is one
    assert (new is other, new.buffer is other.buffer) == (False, True)


def test_a_reload_that_fails_changes_nothing_and_holds_no_lock(configure, destinations, tmp_path):
    first = configure()
    made = destinations(first)
    (before,) = made.use(first)
    (tmp_path / "state" / "buffer" / "third").write_text("in the way")
    bad = configure(
        export=[
            {"name": "collector", "order": "newest_first", **OTLP},
            {"name": "second", **OTLP},
            {"name": "third", **OTLP},
        ]
    )
    for _ in range(2):
        with pytest.raises(StartError, match=r"third: File exists; the agent does not start"):
            made.use(bad)
    assert not before.buffer._settings.newest_first
    good = configure(export=[{"name": "collector", **OTLP}, {"name": "second", **OTLP}])
    assert [one.name for one in made.use(good)] == ["collector", "second"]


def test_a_destination_that_comes_back_before_its_last_request_ended_finds_what_it_held(
    configure, destinations
):
    first = configure()
    made = destinations(first)
    (before,) = made.use(first)
    put_all(before.buffer, map(record, range(3)))
    handed = [number for number, _ in before.buffer.peek(1 << 30, 1 << 30)]
    made.use(configure(export=[{"name": "other", **OTLP}]))
    (after,) = made.use(first)
    before.buffer.acknowledge(handed)
    assert waiting(after.buffer) == list(map(record, range(3)))
    after.buffer.put(record(3))
    assert len(waiting(after.buffer)) == 4


def test_what_waits_for_a_file_moves_to_disk_when_the_destination_becomes_a_network(
    configure, destinations, tmp_path
):
    first = configure(export=[{"name": "out", "file": {"path": str(tmp_path / "out.jsonl")}}])
    made = destinations(first)
    (before,) = made.use(first)
    put_all(before.buffer, map(record, range(3)))
    (after,) = made.use(configure(export=[{"name": "out", **OTLP}]))
    assert waiting(after.buffer) == list(map(record, range(3)))
    assert (before.buffer.statistics().records, before.buffer.statistics().dropped) == (0, {"moved": 30})
    assert status(Files(), tmp_path / "state" / "buffer" / "out").records == 3


def test_a_key_that_was_rotated_is_used_and_the_one_before_still_opens(
    configure, destinations, tmp_path, caplog
):
    key = tmp_path / "key"
    key.write_text(OLD)
    configuration = configure(encryption={"key_file": str(key)})
    made = destinations(configuration)
    (one,) = made.use(configuration)
    one.buffer.put(record(0))
    key.write_text(NEW)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            made.use_keys(keyring(configuration))
    one.buffer.put(record(1))
    assert waiting(one.buffer) == [record(0), record(1)]
    assert sum("key that was in use is named no more" in message for message in caplog.messages) == 1
    directory = tmp_path / "state" / "buffer" / "collector"
    only_new = [found.record for found in dump(Files(), directory, keyring(configuration))]
    assert only_new == [record(1), None]


def test_a_key_that_is_still_named_is_rotated_without_a_word(configure, destinations, tmp_path, caplog):
    (tmp_path / "old").write_text(OLD)
    (tmp_path / "new").write_text(NEW)
    first = configure(encryption={"key_file": str(tmp_path / "old")})
    made = destinations(first)
    made.use(first)
    second = configure(
        encryption={"key_file": str(tmp_path / "new"), "old_key_files": [str(tmp_path / "old")]}
    )
    made.use_keys(keyring(second))
    assert caplog.messages == []


def test_encryption_that_is_switched_off_still_reads_what_it_wrote(configure, destinations, tmp_path):
    (tmp_path / "key").write_text(OLD)
    on = configure(encryption={"key_file": str(tmp_path / "key")})
    made = destinations(on)
    (one,) = made.use(on)
    one.buffer.put(record(0))
    off = configure(encryption={"key_file": str(tmp_path / "key"), "enabled": False})
    made.use_keys(keyring(off))
    made.use(off)
    one.buffer.put(record(1))
    assert waiting(one.buffer) == [record(0), record(1)]
    directory = tmp_path / "state" / "buffer" / "collector"
    assert [found.record for found in dump(Files(), directory)] == [record(1), None]


@pytest.mark.parametrize("encryption", [{}, {"key_file": "KEY", "enabled": False}])
def test_a_class_that_wants_encrypted_storage_lets_no_agent_start_without_a_key(
    configure, tmp_path, encryption
):
    (tmp_path / "key").write_text(OLD)
    classes = {"ehr": {"score": 1.0, "patterns": ["^epic"], "special_handling": {"encrypted_storage": True}}}
    stated = {name: str(tmp_path / "key") if value == "KEY" else value for name, value in encryption.items()}
    with pytest.raises(ConfigError) as caught:
        keyring(configure(process_classification=classes, encryption=stated))
    assert "encrypted_storage" in str(caught.value)
    assert "the agent does not start" in str(caught.value)
    good = configure(process_classification=classes, encryption={"key_file": str(tmp_path / "key")})
    assert keyring(good).current == Keyring(bytes.fromhex(OLD)).current
