"""Settings of the way out: what they become, and what is said of those that make no sense."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nrdot.config.schema.export import AUTO

if TYPE_CHECKING:
    from collections.abc import Callable

    from nrdot.config.problem import Problem
    from nrdot.config.settled.configuration import Configuration

ONE = "export: [{{otlp: {{endpoint: http://127.0.0.1:4318}}, {}}}]"


@pytest.mark.parametrize(
    ("written", "algorithm", "level"),
    [
        ("maximum", "zstd", 19),
        ("auto", "zstd", AUTO),
        ("gzip", "gzip", None),
        ("{algorithm: zstd, level: 7}", "zstd", 7),
        ("{algorithm: zstd, level: auto}", "zstd", AUTO),
        ("{level: auto, delta_encoding: true}", "zstd", AUTO),
    ],
)
def test_a_level_is_a_number_a_word_or_follows_the_link(
    good: Callable[..., Configuration], written: str, algorithm: str, level: int | None
) -> None:
    found = good(f"compression: {written}").profile.compression
    assert (found.algorithm, found.level) == (algorithm, level)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{level: fast}", "'fast' is not a level; write 1 to 19, or auto"),
        ("{level: 0}", "'0' is not a level; write 1 to 19, or auto"),
        ("{level: 20}", "'20' is not a level"),
        ("{level: -3}", "'-3' is not a level"),
        ("{algorithm: gzip, level: 12}", "gzip takes a level from 1 to 9"),
        ("{algorithm: gzip, level: auto}", "only zstd has the level auto"),
        ("{algorithm: none, level: 3}", "none takes no level"),
    ],
)
def test_a_level_that_does_not_exist_is_one_clear_error(
    errors: Callable[..., list[str]], written: str, said: str
) -> None:
    (found,) = errors(f"compression: {written}")
    assert said in found
    assert "compression.level" in found


def test_newest_first_is_refused_where_nothing_is_taken_out_of_order(
    errors: Callable[..., list[str]], good: Callable[..., Configuration]
) -> None:
    (found,) = errors(ONE.format("order: newest_first, accepts_out_of_order: false"))
    assert "takes none out of order; write `order: oldest_first`" in found
    assert "export[0].order" in found
    good(ONE.format("order: oldest_first, accepts_out_of_order: false"))
    good(ONE.format("order: newest_first"))


PIN = "RoRVLHNNXltEfq+FEw3wjvanlMqDN0e8nvQJOQ9jWkk="


def test_tls_on_a_plain_endpoint_is_refused_and_not_forgotten(errors: Callable[..., list[str]]) -> None:
    (found,) = errors(f"export: [{{otlp: {{endpoint: http://collector:4318, tls: {{pins: ['{PIN}']}}}}}}]")
    assert "export[0].otlp.tls: `tls` is set and the endpoint is plain http; write https://" in found


def test_a_single_pin_is_warned_about(examined: Callable[..., tuple[Configuration, list[Problem]]]) -> None:
    one = f"export: [{{otlp: {{endpoint: 'https://collector:4318', tls: {{pins: ['{PIN}', %s]}}}}}}]"
    _, problems = examined(one % f"'{PIN}'")
    assert any("with a single pin a lost key locks every agent out" in str(problem) for problem in problems)
    _, problems = examined(one % f"'A{PIN[1:]}'")
    assert not any("pin" in str(problem) for problem in problems)


@pytest.mark.parametrize("durability", ["each", "interval", "never"])
def test_durability_is_one_of_three_promises(good: Callable[..., Configuration], durability: str) -> None:
    found = good(f"batching: {{durability: {durability}, sync_interval: 5s}}").profile.batching
    assert (found.durability, found.sync_interval) == (durability, 5.0)


def test_a_promise_that_does_not_exist_is_named_with_those_that_do(errors: Callable[..., list[str]]) -> None:
    (found,) = errors("batching: {durability: always}")
    assert "'always' is not one of each, interval, never" in found


def test_what_is_not_written_is_the_safe_choice(good: Callable[..., Configuration]) -> None:
    configuration = good(ONE.format("name: collector"))
    (destination,) = configuration.settings.export
    assert configuration.profile.batching.durability == "each"
    assert (destination.alarm_after, destination.rate, destination.order) == (900.0, 50_000, "oldest_first")


@pytest.mark.parametrize("written", ["otlp:\n    endpoint: x", "{otlp: {}, endpoint: x}"])
def test_a_key_that_is_not_indented_is_sent_to_its_table(
    errors: Callable[..., list[str]], written: str
) -> None:
    found = errors(f"export:\n  - {written}")
    assert any(
        "export[0].endpoint: unknown key; it belongs to `otlp`: indent it below" in one for one in found
    )
