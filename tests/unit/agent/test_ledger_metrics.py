"""What the agent tells of its ledger."""

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from nrdot.agent.telling.selfmetrics import observe_ledger
from nrdot.ledger.store import Bounds, Store
from nrdot.telemetry.meters import Meters
from nrdot.testing.clock import ManualClock
from nrdot.testing.recordings.ledger import NOON, minute


def test_rows_written_and_lost_and_the_bytes_that_they_take_are_told(tmp_path):
    meters, store = Meters({"host.name": "web-1"}, ManualClock()), Store(tmp_path, Bounds())
    observe_ledger(meters, store)
    store.put(NOON, minute(NOON))
    store.lost = 3
    told = {
        (sample.name, sample.labels.get("outcome", "")): sample.value
        for family in text_string_to_metric_families(meters.openmetrics())
        for sample in family.samples
    }
    assert told["nrdot_ledger_rows_total", "written"] == 5
    assert told["nrdot_ledger_rows_total", "lost"] == 3
    (file,) = tmp_path.iterdir()
    assert told["nrdot_ledger_bytes", ""] == file.stat().st_size
