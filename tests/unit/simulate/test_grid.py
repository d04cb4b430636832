"""Candidates around a profile, those that none beats, and the search among more of them than can be tried."""

from __future__ import annotations

from pathlib import Path

from nrdot.config.reading.load import load_profile
from nrdot.config.schema.governance import Dimension, Solver
from nrdot.simulate.goals import goals
from nrdot.simulate.grid import Candidate, lattice, pareto
from nrdot.simulate.search import INTERVALS, THRESHOLDS, TOPS, search

GOALS = goals({"cost": Dimension(weight=0.5), "coverage": Dimension(weight=0.5, constraint="> 60%")})


def document(cost, coverage):
    measures = {"cost": cost, "coverage": coverage, "compliance": 1.0, "performance": 0.0}
    return {"measures": measures}


def test_a_lattice_is_every_combination_once():
    found = lattice([0.3, 0.5], [0, 10])
    assert [(one.threshold, one.top) for one in found] == [(0.3, 0), (0.3, 10), (0.5, 0), (0.5, 10)]


def test_a_candidate_changes_its_values_of_a_profile_and_nothing_else():
    balanced = load_profile("balanced", Path(), {})
    changed = Candidate(0.55, 7, 30.0).of(balanced)
    assert (changed.threshold, changed.top_n.cpu, changed.top_n.memory, changed.top_n.io) == (0.55, 7, 7, 7)
    assert changed.export_interval == 30.0
    assert (changed.hold, changed.metrics, changed.roll_up) == (
        balanced.hold,
        balanced.metrics,
        balanced.roll_up,
    )
    assert Candidate(0.55, 7).of(balanced).export_interval == balanced.export_interval


def test_pareto_points_are_those_that_none_beats_by_rising_cost():
    documents = {
        "waste": document(50, 0.4),
        "dear": document(90, 0.99),
        "cheap": document(10, 0.3),
        "twin": document(20, 0.5),
        "middle": document(20, 0.7),
        "same for more": document(60, 0.7),
    }
    assert pareto(documents) == ["cheap", "middle", "dear"]


class Landscape:
    """Cost and coverage by a formula, and who was asked for."""

    def __init__(self) -> None:
        self.asked = []

    def __call__(self, candidates):
        self.asked += candidates
        return {one: self.document(one) for one in candidates}

    @staticmethod
    def document(one):
        detail = (1 - one.threshold) + one.top / 60
        return document(1000 * detail * 60 / one.interval, min(1.0, 0.2 + 0.5 * detail))


def test_a_search_asks_for_nobody_twice_and_the_same_seed_gives_the_same_answer():
    first, second = Landscape(), Landscape()
    solver = Solver(algorithm="genetic_algorithm", population_size=20, generations=50)
    assert search(solver, GOALS, 200, first) == search(solver, GOALS, 200, second)
    assert first.asked == second.asked
    assert len(first.asked) == len(set(first.asked))


def test_a_search_ends_at_its_tries():
    landscape = Landscape()
    search(Solver(population_size=10, generations=1000), GOALS, 25, landscape)
    assert len(landscape.asked) <= 25


def test_one_generation_is_its_population():
    landscape = Landscape()
    search(Solver(population_size=12, generations=1), GOALS, 500, landscape)
    assert len(landscape.asked) == 12


def test_without_mutation_and_crossover_nobody_new_is_born():
    landscape = Landscape()
    search(
        Solver(population_size=8, generations=30, mutation_rate=0.0, crossover_rate=0.0),
        GOALS,
        500,
        landscape,
    )
    assert len(landscape.asked) == 8


def test_a_search_finds_what_is_within_a_few_percent_of_the_best_of_all():
    landscape = Landscape()
    known = search(Solver(population_size=40, generations=100), GOALS, 250, landscape)
    everything = [Candidate(*values) for values in _all()]

    def cost_of_the_best(candidates):
        kept = [one for one in candidates if Landscape.document(one)["measures"]["coverage"] > 0.6]
        return min(Landscape.document(one)["measures"]["cost"] for one in kept)

    assert len(known) < len(everything) / 3
    assert cost_of_the_best(known) <= 1.2 * cost_of_the_best(everything)


def _all():
    return [(threshold, top, interval) for threshold in THRESHOLDS for top in TOPS for interval in INTERVALS]
