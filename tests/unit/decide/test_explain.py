"""What would change a verdict: each change that is named is tried out."""

from __future__ import annotations

import numpy as np
import pytest

from nrdot.batch import Counter
from nrdot.decide.budget import SeriesBudget
from nrdot.decide.explain import decision
from nrdot.decide.policy import Policy
from nrdot.decide.rules import Rules
from nrdot.stages import Reason, Verdict
from nrdot.testing.hosts.invented import InventedHost

RULES = {"threshold": 0.6, "top_cpu": 2, "top_memory": 0, "top_io": 0, "hold": 60.0, "grace": 0.0}


class Survey:
    """Thirty processes, two samples, one export; `use` maps pids to clock ticks between the two."""

    def __init__(
        self, *, scores=None, use=None, critical=(), limit=0, drop=None, observe=False, **rules
    ) -> None:
        self.host = InventedHost()
        for number in range(30):
            self.host.begin(100 + number, f"worker-{number}")
        budget = SeriesBudget(limit, reserved=0, points=7)
        self.policy = Policy(
            [Rules(**{**RULES, **rules}, drop=drop)],
            budget,
            export_interval=15.0,
            interval=15.0,
            observe=observe,
        )
        self.scores, self.critical = scores or {}, critical
        self._sample()
        for process in self.host.processes:
            self.host.run(process, Counter.CPU_USER, (use or {}).get(process.pid, 0))
        self.batch = self._sample()

    def _sample(self):
        batch = self.host.sample()
        for process in self.host.processes:
            batch.table.score[process.row] = self.scores.get(process.pid, 0.1)
            batch.table.never_filtered[process.row] = process.pid in self.critical
        self.policy.decide(batch)
        return batch

    def explain(self, pid):
        row = next(process.row for process in self.host.processes if process.pid == pid)
        return decision(self.policy, self.batch, row)


def changes(found):
    return {change.setting: change.value for change in found.changes}


def check(found, reason):
    return next(one for one in found.checks if one.reason == reason)


def test_a_process_below_the_threshold_enters_with_the_importance_or_the_threshold_that_is_named():
    below = Survey(scores={110: 0.456}).explain(110)
    assert (below.verdict, below.reason) == (Verdict.ROLL_UP, Reason.BELOW)
    wanted = changes(below)
    assert wanted["overrides.importance"] == 0.6
    assert wanted["threshold"] == pytest.approx(0.45)
    assert not below.together
    assert Survey(scores={110: wanted["overrides.importance"]}).explain(110).verdict == Verdict.KEEP
    assert Survey(scores={110: 0.456}, threshold=wanted["threshold"]).explain(110).verdict == Verdict.KEEP
    assert Survey(scores={110: 0.456}, threshold=wanted["threshold"] + 0.01).explain(110).verdict != (
        Verdict.KEEP
    )


def test_the_rank_among_the_largest_says_by_how_much_a_place_is_missed():
    use = {101: 50, 102: 40, 103: 30, 104: 20}
    below = Survey(use=use).explain(104)
    rank = check(below, Reason.TOP_CPU)
    assert (rank.rank, rank.places, rank.holds) == (4, 2, False)
    assert (rank.value, rank.needed) == (pytest.approx(0.2 / 15), pytest.approx(0.4 / 15))  # cores
    assert changes(below)["top_n.cpu"] == 4
    assert Survey(use=use, top_cpu=4).explain(104).verdict == Verdict.KEEP
    assert Survey(use=use, top_cpu=3).explain(104).verdict == Verdict.ROLL_UP


def test_who_uses_nothing_is_offered_no_rank():
    assert "top_n.cpu" not in changes(Survey(use={101: 50}).explain(110))


def test_the_smallest_change_comes_first():
    near = Survey(scores={110: 0.59}, use={pid: 200 - pid for pid in range(100, 130)}).explain(110)
    assert near.changes[0].setting == "overrides.importance"
    ranked = Survey(use={101: 50, 102: 40, 103: 30}, top_cpu=2, scores={103: 0.01}).explain(103)
    assert ranked.changes[0].setting == "top_n.cpu"
    sizes = [change.size for change in ranked.changes]
    assert sizes == sorted(sizes)


def test_a_process_with_several_reasons_leaves_only_when_all_of_them_go():
    use = {101: 50, 102: 40}
    kept = Survey(scores={101: 0.7}, use=use).explain(101)
    assert (kept.verdict, kept.reason, kept.together) == (Verdict.KEEP, Reason.TOP_CPU, True)
    wanted = changes(kept)
    assert wanted == {"top_n.cpu": 0, "threshold": pytest.approx(0.71)}
    gone = Survey(scores={101: 0.7}, use=use, top_cpu=0, threshold=wanted["threshold"]).explain(101)
    assert gone.verdict == Verdict.ROLL_UP
    assert Survey(scores={101: 0.7}, use=use, top_cpu=0).explain(101).verdict == Verdict.KEEP


def test_the_highest_score_leaves_by_its_importance_because_no_threshold_is_above_it():
    kept = Survey(scores={101: 1.0}).explain(101)
    assert changes(kept) == {"overrides.importance": 0.0}
    assert not kept.together


def test_a_trimmed_process_is_told_the_very_budget_that_would_keep_it():
    scores = {pid: 0.7 + (pid - 100) / 1000 for pid in range(100, 110)}
    trimmed = Survey(scores=scores, limit=35).explain(103)
    assert trimmed.reason == Reason.BUDGET
    budget = int(changes(trimmed)["budget"])
    assert Survey(scores=scores, limit=budget).explain(103).verdict == Verdict.KEEP
    assert Survey(scores=scores, limit=budget - 1).explain(103).verdict == Verdict.ROLL_UP


def test_a_never_filtered_process_says_so_before_anything_else():
    kept = Survey(critical={105}, scores={105: 0.9}).explain(105)
    assert kept.reason == Reason.NEVER_FILTERED
    assert kept.checks[0].holds
    assert changes(kept) == {"never_filtered": False, "threshold": pytest.approx(0.91)}


def test_a_dropped_process_comes_back_without_the_rule_or_by_force():
    dropped = Survey(drop=lambda identity, _class, _score: identity.name == "worker-7").explain(107)
    assert dropped.verdict == Verdict.DROP
    assert changes(dropped) == {"drop": None, "overrides.force_collect": True}


def test_too_few_for_a_group_are_kept_and_no_setting_is_blamed():
    survey = Survey(scores=dict.fromkeys(range(100, 128), 0.9))
    found = survey.explain(129)
    assert (found.reason, changes(found)) == (Reason.FEW, {"few": None})


def test_ranks_are_counted_within_a_scope():
    survey = Survey(use={101: 50, 102: 40, 103: 30})
    rows = {process.pid: process.row for process in survey.host.processes}
    survey.policy.rules = [survey.policy.rules[0], survey.policy.rules[0]]
    survey.policy.remembered.scope[rows[103]] = 1
    assert check(survey.explain(103), Reason.TOP_CPU).rank == 1
    assert survey.explain(103).scope == 1
    assert np.count_nonzero(survey.policy.remembered.scope) == 1


def test_of_equals_those_that_found_a_place_know_it_and_the_others_are_told_a_rank_behind_all_of_them():
    survey = Survey(use=dict.fromkeys(range(100, 130), 5))
    kept = [pid for pid in range(100, 130) if survey.explain(pid).verdict == Verdict.KEEP]
    assert len(kept) == 2
    assert changes(survey.explain(kept[0])) == {"top_n.cpu": 0}
    other = next(pid for pid in range(100, 130) if pid not in kept)
    assert changes(survey.explain(other))["top_n.cpu"] == 30


def test_an_observing_agent_exports_all_and_tells_the_profiles_own_reason():
    survey = Survey(scores={110: 0.7}, observe=True)
    kept, rolled = survey.explain(110), survey.explain(111)
    assert kept.observed
    assert (kept.verdict, kept.reason, changes(kept)) == (
        Verdict.KEEP,
        Reason.SCORE,
        {"threshold": pytest.approx(0.71)},
    )
    assert (rolled.verdict, rolled.reason) == (Verdict.KEEP, Reason.BELOW)
    assert "overrides.importance" in changes(rolled)


def test_whom_coverage_needs_is_told_the_setting_that_would_give_it_up():
    use = {101: 50, 102: 40, 103: 30}
    kept = Survey(use=use, top_cpu=1, cpu_coverage=0.9).explain(103)
    assert (kept.verdict, kept.reason) == (Verdict.KEEP, Reason.TOP_CPU)
    assert changes(kept) == {"top_n.cpu_coverage": 0.0}
    assert Survey(use=use, top_cpu=1, cpu_coverage=0.0).explain(103).verdict == Verdict.ROLL_UP
    assert changes(Survey(use=use, top_cpu=1, cpu_coverage=0.9).explain(101)) == {"top_n.cpu": 0}
