"""`solver: {algorithm: genetic_algorithm}`: less of a finer lattice than `grid` tries as a whole.

Every candidate is tried once at most, however often it is born again, so `population_size` times
`generations` bound the work from above only. It also ends where the best stayed the best for `PATIENCE`
generations, and after `tries` candidates. The same seed gives the same answer.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from nrdot.simulate.goals import points
from nrdot.simulate.grid import Candidate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nrdot.config.schema.governance import Solver
    from nrdot.simulate.goals import Goals

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(2, 20))
TOPS = (0, 2, 5, 8, 10, 15, 20, 30, 40, 60)
INTERVALS = (15.0, 30.0, 60.0, 120.0, 300.0)
_AXES: tuple[tuple[float, ...], ...] = (THRESHOLDS, TOPS, INTERVALS)
PATIENCE = 10  # generations
SEED = 1
_RIVALS = 3  # candidates of which the best becomes a parent

Genes = tuple[int, ...]  # places on the axes


def search(
    solver: Solver,
    goals: Goals,
    tries: int,
    evaluate: Callable[[Sequence[Candidate]], Mapping[Candidate, Mapping[str, Any]]],
) -> dict[Candidate, Mapping[str, Any]]:
    """Every candidate that was tried, with its document. `evaluate` is asked for each of them once."""
    chance = Random(SEED)  # noqa: S311 - a search, no secret
    size = min(solver.population_size, tries, _lattice())
    population = _first(chance, size)
    known: dict[Candidate, Mapping[str, Any]] = {}
    leader, since = None, 0
    for _ in range(solver.generations):
        fresh = [one for one in dict.fromkeys(map(_candidate, population)) if one not in known]
        fresh = fresh[: tries - len(known)]
        known.update(evaluate(fresh) if fresh else {})
        worth = _worth(known, goals)
        before, leader = leader, max(known, key=lambda one: worth[one])
        since = since + 1 if leader == before else 0
        if len(known) >= tries or since >= PATIENCE:
            break
        population = _next(population, worth, solver, chance, _genes(leader))
    return known


def _lattice() -> int:
    return len(THRESHOLDS) * len(TOPS) * len(INTERVALS)


def _first(chance: Random, size: int) -> list[Genes]:
    places = chance.sample(range(_lattice()), size)
    tops, intervals = len(TOPS), len(INTERVALS)
    return [(place // (tops * intervals), place // intervals % tops, place % intervals) for place in places]


def _candidate(genes: Genes) -> Candidate:
    return Candidate(THRESHOLDS[genes[0]], TOPS[genes[1]], INTERVALS[genes[2]])


def _genes(candidate: Candidate) -> Genes:
    return (
        THRESHOLDS.index(candidate.threshold),
        TOPS.index(candidate.top),
        INTERVALS.index(candidate.interval or INTERVALS[0]),
    )


def _breach(document: Mapping[str, Any], goals: Goals) -> float:
    return sum(one.breach(one.measure.of(document)) for one in goals.limits)


def _worth(
    known: Mapping[Candidate, Mapping[str, Any]], goals: Goals
) -> dict[Candidate, tuple[float, float]]:
    """Who keeps the limits comes before who does not; then by the weights."""
    by_name = {candidate.name: document for candidate, document in known.items()}
    found = points(by_name, goals)
    return {one: (-_breach(document, goals), found[one.name]) for one, document in known.items()}


def _next(
    population: Sequence[Genes],
    worth: Mapping[Candidate, tuple[float, float]],
    solver: Solver,
    chance: Random,
    leader: Genes,
) -> list[Genes]:
    """The best one stays; the others are children of winners."""
    there = [genes for genes in population if _candidate(genes) in worth] or [leader]

    def winner() -> Genes:
        rivals = [chance.choice(there) for _ in range(_RIVALS)]
        return max(rivals, key=lambda genes: worth[_candidate(genes)])

    children = [leader]
    while len(children) < len(population):
        mother, father = winner(), winner()
        mixed = chance.random() < solver.crossover_rate
        child = tuple(
            (chance.choice((left, right)) if mixed else left)
            for left, right in zip(mother, father, strict=True)
        )
        children.append(
            tuple(
                chance.randrange(len(axis)) if chance.random() < solver.mutation_rate else place
                for place, axis in zip(child, _AXES, strict=True)
            )
        )
    return children
