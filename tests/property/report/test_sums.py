"""Whatever a ledger says: steps add up to the saving, parts to the bill, and no figure is made up."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nrdot.ledger.rows import HOUR, VERSION, Outcome, Seen
from nrdot.pricing.prices import load_pricing
from nrdot.report.evidence.engine import Engine
from nrdot.report.evidence.files import find
from nrdot.report.kinds.savings import Wanted, savings
from nrdot.testing.recordings import ledger

START = ledger.NOON - 12 * HOUR
COUNT = st.integers(0, 10**7)
LEVEL = st.floats(0, 1e5, allow_nan=False)
PRICING = load_pricing()


@st.composite
def seen(draw):
    verdict = draw(st.sampled_from(["keep", "roll_up", "drop", "group"]))
    group = verdict == "group"
    unoptimized = 0 if group else draw(COUNT)
    return Seen(
        v=VERSION,
        t=START + HOUR * draw(st.integers(0, 60)),
        span=HOUR,
        seconds=draw(st.floats(1, 3600)),
        host=draw(st.sampled_from(["h1", "h2"])),
        class_=draw(st.sampled_from(["", "a", "b"])),
        verdict=verdict,
        reason=draw(st.sampled_from(["executable", "dropped"])) if group else "below",
        baseline=draw(st.sampled_from([15.0, 60.0])),
        interval=60.0,
        process_seconds=draw(LEVEL),
        cpu_seconds=draw(LEVEL),
        points_unoptimized=unoptimized,
        bytes_unoptimized=170 * unoptimized,
        points_interval=0 if group else draw(COUNT),
        bytes_interval=0 if group else draw(COUNT),
        points_suppressed=draw(COUNT) if verdict == "keep" else 0,
        points_sent=draw(COUNT),
        bytes_sent=draw(COUNT),
        active_unoptimized=draw(LEVEL),
        active_sent=draw(LEVEL),
        hourly_unoptimized=draw(COUNT),
        hourly_sent=draw(COUNT),
    )


@st.composite
def outcome(draw):
    produced = draw(st.integers(1, 10**6))
    return Outcome(
        v=VERSION,
        t=START + HOUR * draw(st.integers(0, 60)),
        span=HOUR,
        seconds=3600.0,
        host=draw(st.sampled_from(["h1", "h2"])),
        destination=draw(st.sampled_from(["", "collector"])),
        points_produced=produced,
        points_delivered=draw(st.integers(0, produced)),
        bytes_delivered=draw(COUNT),
        bytes_wire=draw(COUNT),
        exports=draw(st.integers(0, 60)),
        own_points=draw(COUNT),
        own_bytes=draw(COUNT),
        agent_cpu_seconds=draw(LEVEL),
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(seen(), min_size=1, max_size=12),
    st.lists(outcome(), max_size=5),
    st.sampled_from(["class", "host", "namespace"]),
    st.sampled_from(["new_relic_data_plus", "google_prometheus", "cloudwatch", "datadog_pro"]),
)
def test_everything_adds_up(rows, outcomes, by, meter):
    with tempfile.TemporaryDirectory() as name:
        ledger.write(Path(name), [*rows, *outcomes])
        with Engine(find(Path(name)), START + 400 * 86400) as engine:
            window = engine.open(30 * 86400.0, None)
            found = savings(engine, window, PRICING, Wanted(by, meter))
    points = found["points"]
    assert sum(found["attribution"].values()) == points["unoptimized"] - points["sent"]
    assert points["unoptimized"] == sum(row.points_unoptimized for row in rows)
    own = sum(row.own_points for row in outcomes if not row.destination)
    assert points["sent"] == sum(row.points_sent for row in rows) + own
    for one in found["meters"].values():
        assert sum(one["attribution"].values()) == pytest.approx(one["saved"], abs=1e-6, rel=1e-9)
    bill = found["meters"][meter]
    for figure, whole in (("value", bill["sent"]), ("unoptimized", bill["unoptimized"])):
        parts = sum(row[figure] for row in found["allocation"])
        assert parts == pytest.approx(whole, abs=1e-6, rel=1e-9)
    assert msgspec.json.encode(found)  # every number is one
