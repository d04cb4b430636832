"""Which profile a namespace needs, how sure that is, and whether it is applied: one hour at a time.

Every hour is one vote: for the cheapest profile that would still show the wanted share of the namespace's CPU
time process by process. What most hours vote for is recommended.

Confidence is the product of two shares, so that neither few hours nor one-sided ones make it large:

    how much the hours agree   the share of the seen hours that voted so, at its lower 90 % bound (Wilson), so
                               that 10 of 10 hours are 0.86 and 2 of 2 are 0.55
    how much of a day is seen  hours of the day that were seen, of 24

    Watching ─► Proposed ─► Applied ─► Applied for another hour, as long as nothing got worse
                   ▲            │
                   └── Resting ◄┘  taken back, and not tried again for a day

Everything here is a function of what was and what is seen; the memory is the status of the resource.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING, Literal

from nrdot.cluster.usage import PROFILES

if TYPE_CHECKING:
    from collections.abc import Mapping

UNSEEN = "."
MINIMUM = 0.85  # confidence that must be passed
HOLDS = "it holds already"
DIGITS = 6  # of a share of points
COVERAGE = 0.8  # share of the CPU time that stays visible process by process
State = Literal["Watching", "Proposed", "Applied", "Resting"]
Occasion = Literal["", "OptimizationApplied", "OptimizationKept", "OptimizationTakenBack"]
_LETTERS = {name: name[0] for name in PROFILES}
_NAMES = {letter: name for name, letter in _LETTERS.items()}
_Z = 1.2816  # of a one-sided bound of 90 %
_IDLE = 0.001  # cores, below which a namespace shows nothing that could be missed


@dataclass(frozen=True, slots=True)
class Terms:
    """What tests make short. A span is an hour everywhere else."""

    span: float = 3600.0  # seconds of a vote
    lease: float = 3600.0  # seconds for which a profile is applied at a time
    day: int = 24  # spans
    memory: int = 168  # votes that count
    margin: float = 0.05  # confidence that may be lost before what is applied is taken back
    dearer: float = 0.05  # share by which the points that are sent may grow


@dataclass(frozen=True, slots=True)
class Wish:
    """What the resource allows."""

    against: str = "it is proposed only"  # why nothing is applied; empty where that is allowed
    minimum: float = MINIMUM
    coverage: float = COVERAGE


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen of a namespace in the last hour."""

    profile: str  # that holds for most of its processes
    processes: float
    cpu: float  # cores
    would: Mapping[
        str, tuple[float, float]
    ]  # by profile: processes that it keeps for their score, their cores
    sent: float | None = None  # points for each point that would be without NRDOT
    critical: float = 1.0  # share of never-filtered processes that were exported

    @property
    def share(self) -> float | None:
        """What is sent, to as many digits as the status keeps: the next leader judges as this one would."""
        return None if self.sent is None else round(self.sent, DIGITS)

    def visible(self, profile: str) -> float:
        """Share of the CPU time that a profile shows at least; the largest users come on top of it."""
        if self.cpu < _IDLE:
            return 1.0
        return min(1.0, self.would.get(profile, (0.0, 0.0))[1] / self.cpu)

    def vote(self, coverage: float) -> str:
        """For the cheapest profile that shows enough."""
        cheapest = (name for name in reversed(PROFILES) if self.visible(name) >= coverage)
        return next(cheapest, PROFILES[0])


@dataclass(frozen=True, slots=True)
class Scene:
    """What a look at a namespace sees."""

    terms: Terms
    wish: Wish
    sight: Sight | None  # None where no node reports the namespace
    now: float  # seconds since the epoch
    held: str = ""  # why nothing may change now; then only votes are counted


@dataclass(frozen=True, slots=True)
class Advice:
    """What is recommended for a namespace, and what became of it."""

    namespace: str
    profile: str = ""
    confidence: float = 0.0
    evidence: str = ""
    state: State = "Watching"
    reason: str = ""  # why it is in that state
    since: float = 0.0  # when the state began; seconds since the epoch
    until: float = 0.0  # when it is looked at again
    before: float | None = None  # points sent for each that would be, when it was applied
    votes: str = ""  # a letter a span, the newest last
    at: int = -1  # number of the span of the newest vote

    @property
    def applied(self) -> bool:
        return self.state == "Applied"


def confidence(votes: str, at: int, profile: str, day: int = 24) -> float:
    """0 to 1; `at` is the number of the span of the last vote."""
    seen = [(at - back, vote) for back, vote in enumerate(reversed(votes)) if vote != UNSEEN]
    if not seen:
        return 0.0
    agreeing = sum(1 for _, vote in seen if vote == _LETTERS.get(profile))
    of_a_day = len({number % day for number, _ in seen}) / day
    return round(_lower_bound(agreeing, len(seen)) * min(1.0, of_a_day), 3)


def _lower_bound(agreeing: int, count: int) -> float:
    share, z2 = agreeing / count, _Z * _Z
    middle = share + z2 / (2 * count)
    spread = _Z * sqrt(share * (1 - share) / count + z2 / (4 * count * count))
    return max(0.0, (middle - spread) / (1 + z2 / count))


def favourite(votes: str) -> str:
    """What most votes are for; of equals the most careful."""
    counts = Counter(vote for vote in votes if vote in _NAMES)
    if not counts:
        return ""
    return max(PROFILES, key=lambda name: (counts[_LETTERS[name]], -PROFILES.index(name)))


def advance(scene: Scene, before: Advice) -> tuple[Advice, Occasion]:
    """One look at a namespace, however often; what it leads to, and what people are told of it."""
    advice, terms, wish, now = _counted(scene, before), scene.terms, scene.wish, scene.now
    if scene.held:
        return replace(advice, reason=scene.held), ""
    if advice.applied:
        return _applied(scene, advice)
    if advice.state == "Resting" and now < advice.until:
        return advice, ""
    why = _why_not(scene, advice)
    if why:
        state: State = "Proposed" if advice.confidence > wish.minimum else "Watching"
        since = advice.since if state == advice.state else now
        return replace(advice, state=state, reason=why, since=since, until=0.0, before=None), ""
    reason = f"confidence {advice.confidence:.3f} is above {wish.minimum:g}"
    sent = scene.sight.share if scene.sight else None
    made = replace(advice, state="Applied", reason=reason, since=now, until=now + terms.lease, before=sent)
    return made, "OptimizationApplied"


def _counted(scene: Scene, before: Advice) -> Advice:
    """With the vote of this span, at most one a span; spans that nobody saw have none."""
    terms, sight = scene.terms, scene.sight
    number = int(scene.now // terms.span)
    if number <= before.at:
        return before
    missed = 0 if before.at < 0 else min(number - before.at - 1, terms.memory)
    vote = UNSEEN if sight is None else _LETTERS[sight.vote(scene.wish.coverage)]
    votes = (before.votes + UNSEEN * missed + vote)[-terms.memory :]
    profile = before.profile if before.applied else favourite(votes)
    sure = confidence(votes, number, profile, terms.day)
    advice = replace(before, votes=votes, at=number, profile=profile, confidence=sure)
    return replace(advice, evidence=_evidence(scene, advice, sight)) if sight else advice


def _evidence(scene: Scene, advice: Advice, sight: Sight) -> str:
    day, votes, profile = scene.terms.day, advice.votes, advice.profile
    seen = [advice.at - back for back, vote in enumerate(reversed(votes)) if vote != UNSEEN]
    agreeing = votes.count(_LETTERS.get(profile, UNSEEN))
    hours = len({number % day for number in seen})
    kept = sight.would.get(profile, (0.0, 0.0))[0]
    return (
        f"{agreeing} of {len(seen)} hours call for {profile}, {hours} of {day} hours of the day are seen; "
        f"in the last one it keeps {kept:.0f} of {sight.processes:.0f} processes for their score, "
        f"with {sight.visible(profile):.0%} of the CPU time, and {scene.wish.coverage:.0%} are wanted"
    )


def _why_not(scene: Scene, advice: Advice) -> str:
    """Why a recommendation is not applied; empty where it is to be."""
    sight, least = scene.sight, scene.wish.minimum
    if sight is None:
        return "no node reports this namespace"
    if advice.confidence <= least:
        return f"confidence {advice.confidence:.3f} is not above {least:g}"
    if sight.critical < 1.0:
        return _uncovered(sight)
    return _no_gain(sight.profile, advice.profile) or scene.wish.against


def _no_gain(holds: str, recommended: str) -> str:
    if holds == recommended:
        return HOLDS
    if holds not in PROFILES:
        return f"{holds or 'no profile'} holds, which is not one of ours to replace"
    if PROFILES.index(recommended) < PROFILES.index(holds):
        return f"it is dearer than {holds}, which holds: that is for a person to decide"
    return ""


def _uncovered(sight: Sight) -> str:
    return f"{sight.critical:.1%} of the never-filtered processes were exported"


def _applied(scene: Scene, advice: Advice) -> tuple[Advice, Occasion]:
    """Taken back at once where it must be, looked at again when its time is over."""
    terms, sight, now = scene.terms, scene.sight, scene.now
    if scene.wish.against:
        made = replace(advice, state="Proposed", reason=scene.wish.against, since=now, until=0.0, before=None)
        return made, "OptimizationTakenBack"
    worse = _uncovered(sight) if sight is not None and sight.critical < 1.0 else ""
    if not worse and now < advice.until:
        return advice, ""
    worse = worse or _worse(scene, advice)
    if worse:
        rest = now + terms.day * terms.span
        made = replace(advice, state="Resting", reason=worse, since=now, until=rest, before=None)
        return made, "OptimizationTakenBack"
    return replace(advice, reason="nothing got worse", until=now + terms.lease), "OptimizationKept"


def _worse(scene: Scene, advice: Advice) -> str:
    """What got worse in the hour that is over, in words; empty where nothing did."""
    terms, wish, sight, profile = scene.terms, scene.wish, scene.sight, advice.profile
    if sight is None:
        return "no node reports this namespace any more"
    if sight.profile != profile:
        return f"it is not in effect: {sight.profile or 'no profile'} holds for most processes"
    if advice.confidence <= wish.minimum - terms.margin:
        return f"confidence fell to {advice.confidence:.3f}"
    recent = [PROFILES.index(_NAMES[vote]) for vote in advice.votes[-2:] if vote in _NAMES]
    if len(recent) == 2 and max(recent) < PROFILES.index(profile):
        seen = sight.visible(profile)
        return f"{seen:.0%} of the CPU time stays visible, and {wish.coverage:.0%} are wanted"
    was, sent = advice.before, sight.share
    if was is not None and sent is not None and sent > was * (1 + terms.dearer):
        return f"{sent:.1%} of the points are sent, and {was:.1%} were before"
    return ""
