from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from nrdot.agent.beside.verdict_trail import HOURLY, NAMED, VerdictTrail
from nrdot.config.reading.load import load
from nrdot.config.settled.configuration import Configuration
from nrdot.pipeline import Tick
from nrdot.stages import Reason, Verdict
from nrdot.testing.clock import ManualClock
from nrdot.testing.hosts.invented import InventedHost

NO_ROWS = np.zeros(0, np.intp)


class Watched:
    """A host of workers, of which the marked ones are to be told of."""

    def __init__(self, workers, *, asked=True):
        self.host = InventedHost(interval=15.0)
        for pid in range(10, 10 + workers):
            self.host.begin(pid, "worker")
        self.clock = ManualClock()
        self.notes = []
        self.trail = VerdictTrail(self.notes.append, self.clock)
        self.marked = True
        patterns = SimpleNamespace(class_names=("",), handled=self.handled)
        configuration = configured("full_audit_trail" if asked else "no_sampling")
        self.trail.use(configuration, SimpleNamespace(scorer=SimpleNamespace(patterns=patterns)))

    def handled(self, special, capacity):
        assert special == "full_audit_trail"
        return np.full(capacity, self.marked)

    def export(self, verdict=Verdict.KEEP, *, frame=True):
        batch = self.host.sample()
        batch.table.verdict[:] = verdict
        batch.table.reason[:] = Reason.NEVER_FILTERED
        whole = SimpleNamespace(whole=True)
        self.trail(Tick(batch, whole if frame else None, ()))


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def configured(special) -> Configuration:
    file = Path("nrdot.yaml")
    handling = f"special_handling: [{special}]"
    file.write_text(f"process_classification: {{phi: {{score: 1.0, patterns: [^w], {handling}}}}}\n")
    return load(file, {})


def test_the_first_verdict_and_each_change_are_told_with_their_reason():
    watched = Watched(1)
    watched.export()
    watched.export()
    watched.export(Verdict.ROLL_UP)

    first, second = watched.notes
    (born,) = first["verdicts"]
    assert (born["pid"], born["name"], born["previous_value"], born["new_value"]) == (
        10,
        "worker",
        None,
        "KEEP",
    )
    assert born["reason"] == "never_filtered"
    assert [(one["previous_value"], one["new_value"]) for one in second["verdicts"]] == [("KEEP", "ROLL_UP")]
    assert first["change_type"] == "verdict"


def test_a_tick_that_exports_nothing_has_no_verdicts_to_tell():
    watched = Watched(1)
    watched.export(frame=False)

    assert watched.notes == []


@pytest.mark.parametrize("change", ["no class asks", "no process is in it"])
def test_nobody_is_told_of_who_did_not_ask(change):
    watched = Watched(3, asked=change != "no class asks")
    watched.marked = change != "no process is in it"
    watched.export()

    assert watched.notes == []


def test_what_an_entry_does_not_name_it_counts():
    watched = Watched(NAMED + 20)
    watched.export()

    (note,) = watched.notes
    assert (len(note["verdicts"]), note["not_named"]) == (NAMED, 20)


def test_an_hour_has_a_bound_and_the_next_one_tells_what_was_left_out():
    watched = Watched(NAMED)
    for number in range(HOURLY // NAMED + 2):
        watched.export(Verdict.KEEP if number % 2 else Verdict.ROLL_UP)
    assert sum(len(note["verdicts"]) for note in watched.notes) == HOURLY

    watched.clock.advance(3600.0)
    watched.export(Verdict.DROP)

    assert watched.notes[-1]["not_named"] == 2 * NAMED


def test_new_stages_do_not_tell_the_same_verdicts_again():
    watched = Watched(2)
    watched.export()
    watched.trail.use(configured("full_audit_trail"), watched.trail._stages)
    watched.export()

    assert len(watched.notes) == 1
