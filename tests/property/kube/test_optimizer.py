"""Whatever is seen of a namespace: confidence is honest, and nothing is applied without it or flaps."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nrdot.cluster.usage import PROFILES
from nrdot.kube.costs.optimizer import (
    HOLDS,
    UNSEEN,
    Advice,
    Scene,
    Sight,
    Terms,
    Wish,
    advance,
    confidence,
    favourite,
)
from nrdot.kube.costs.status import advice, advice_of

HOUR = 3600.0
START = 1_795_262_400.0
TERMS = Terms()
APPLY = Wish(against="")
votes = st.text("cba.", max_size=168)
numbers = st.integers(0, 10**6)
shares = st.floats(0, 1, allow_nan=False)


@st.composite
def sights(draw: st.DrawFn) -> Sight | None:
    if draw(st.integers(0, 9)) == 0:
        return None
    kept = sorted(draw(st.tuples(shares, shares, shares)), reverse=True)
    return Sight(
        profile=draw(st.sampled_from(["", "own", *PROFILES])),
        processes=10.0,
        cpu=draw(st.sampled_from([0.0, 1.0])),
        would={name: (5.0 * share, share) for name, share in zip(PROFILES, kept, strict=True)},
        sent=draw(st.one_of(st.none(), st.floats(0, 2, allow_nan=False))),
        critical=draw(st.sampled_from([1.0, 1.0, 1.0, 0.5])),
    )


def _sight(aggressive: float = 0.9, profile: str = "balanced", **more: object) -> Sight:
    """A namespace whose CPU time the aggressive profile shows to this share."""
    would = {"conservative": (9.0, 1.0), "balanced": (5.0, 0.95), "aggressive": (1.0, aggressive)}
    return replace(Sight(profile, 10.0, 1.0, would, sent=0.3), **more)  # type: ignore[arg-type]


@given(votes, numbers, st.sampled_from(PROFILES))
def test_confidence_is_a_share(said: str, at: int, profile: str) -> None:
    assert 0.0 <= confidence(said, at, profile) <= 1.0


@given(votes, numbers, st.sampled_from(PROFILES))
def test_another_agreeing_hour_never_makes_less_sure(said: str, at: int, profile: str) -> None:
    assert confidence(said + profile[0], at + 1, profile) >= confidence(said, at, profile)


@given(votes, numbers, st.sampled_from(PROFILES), st.integers(0, 167))
def test_an_hour_that_votes_otherwise_makes_no_surer(said: str, at: int, profile: str, place: int) -> None:
    place = min(place, max(0, len(said) - 1))
    if said and said[place] == profile[0]:
        other = next(name[0] for name in PROFILES if name != profile)
        changed = said[:place] + other + said[place + 1 :]
        assert confidence(changed, at, profile) <= confidence(said, at, profile)


@given(votes, numbers, st.sampled_from(PROFILES))
def test_hours_that_nobody_saw_speak_for_nothing(said: str, at: int, profile: str) -> None:
    assert confidence(UNSEEN * 3 + said, at, profile) == confidence(said, at, profile)


@given(st.lists(st.sampled_from([*"cba"]), max_size=20).map("".join), numbers)
def test_less_than_a_day_is_never_enough(said: str, at: int) -> None:
    assert confidence(said, at, favourite(said)) < 0.85


@pytest.mark.parametrize(
    ("said", "sure"),
    [
        ("a" * 24, True),
        ("a" * 20, False),
        ("a" * 168, True),
        ("ab" * 84, False),
        ("a" * 138 + "b" * 30, False),
    ],
)
def test_a_day_of_agreement_is_enough_and_a_sixth_of_doubt_is_too_much(said: str, sure: bool) -> None:
    assert (confidence(said, 1000, "aggressive") > 0.85) is sure


def test_many_hours_of_the_night_say_nothing_of_the_day() -> None:
    nights = ("a" * 8 + UNSEEN * 16) * 7
    assert confidence(nights, 1000, "aggressive") == pytest.approx(0.325, abs=0.01)


@given(st.lists(st.tuples(sights(), st.floats(60, 3 * HOUR), st.booleans()), max_size=80))
def test_nothing_is_applied_without_confidence_permission_and_gain(
    seen: list[tuple[Sight | None, float, bool]],
) -> None:
    now, found = START, Advice("shop")
    for sight, seconds, allowed in seen:
        now += seconds
        wish = Wish(against="" if allowed else "no")
        before, (found, occasion) = found, advance(Scene(TERMS, wish, sight, now), found)
        assert len(found.votes) <= TERMS.memory
        if occasion == "OptimizationApplied":
            assert allowed
            assert found.confidence > 0.85
            assert sight is not None
            assert sight.critical == 1.0
            assert PROFILES.index(found.profile) > PROFILES.index(sight.profile)
            assert found.until == now + HOUR
        if found.applied and before.applied:
            assert allowed
            assert found.until > now
        again, nothing = advance(Scene(TERMS, wish, sight, now), found)
        assert (again, nothing) == (found, ""), "a second look at the same changes nothing"


_RARE = Sight("conservative", 10.0, 0.0, dict.fromkeys(PROFILES, (0.0, 0.0)), sent=1e-9, critical=1.0)


@given(st.lists(sights(), max_size=60), st.integers(0, 59))
@example([_RARE, replace(_RARE, profile="aggressive")], 0)  # so little is sent that few digits say nothing
def test_another_leader_goes_on_where_the_one_before_ended(seen: list[Sight | None], killed: int) -> None:
    one = other = Advice("shop", votes="a" * 24, at=int(START // HOUR) - 1, profile="aggressive")
    for number, sight in enumerate(seen):
        scene = Scene(TERMS, APPLY, sight, START + number * HOUR)
        one, told = advance(scene, one)
        other, heard = advance(scene, other)
        assert told == heard
        if number == killed:
            other = next(iter(advice_of(advice([other]))), other)
    assert (one.state, one.votes, one.profile, one.until) == (
        other.state,
        other.votes,
        other.profile,
        other.until,
    )


class Life:
    """A namespace, hour by hour."""

    def __init__(self, wish: Wish = APPLY) -> None:
        self.wish = wish
        self.now = START
        self.found = Advice("shop")
        self.told: list[str] = []

    def hours(self, count: int, sight: Sight | None, held: str = "") -> None:
        for _ in range(count):
            self.now += HOUR
            holds = sight
            if sight is not None and sight.profile == "balanced" and self.found.applied:
                holds = replace(sight, profile=self.found.profile)
            self.found, occasion = advance(Scene(TERMS, self.wish, holds, self.now, held), self.found)
            if occasion:
                self.told.append(occasion.removeprefix("Optimization"))


def test_a_day_of_the_same_applies_it_and_each_hour_keeps_it() -> None:
    life = Life()
    life.hours(21, _sight())
    assert life.told == []
    life.hours(4, _sight())
    assert life.told == ["Applied", "Kept", "Kept", "Kept"]
    assert life.found.evidence == (
        "25 of 25 hours call for aggressive, 24 of 24 hours of the day are seen; in the last one it keeps 1 "
        "of 10 processes for their score, with 90% of the CPU time, and 80% are wanted"
    )


def test_what_gets_worse_is_taken_back_and_not_tried_again_for_a_day() -> None:
    for worse in (_sight(sent=0.32), _sight(aggressive=0.5)):
        life = Life()
        life.hours(30, _sight())
        assert life.found.applied
        life.hours(2, worse)
        assert life.told[-1] == "TakenBack"
        assert life.found.state == "Resting"
        life.told.clear()
        life.hours(22, _sight())
        assert life.told == []
        life.hours(30, _sight())
        assert life.told[:1] == ["Applied"]


def test_one_hour_that_asks_for_more_is_no_reason_yet() -> None:
    life = Life()
    life.hours(60, _sight())
    life.told.clear()
    life.hours(1, _sight(aggressive=0.5))
    life.hours(1, _sight())
    assert life.told == ["Kept", "Kept"]


def test_coverage_that_falls_is_taken_back_at_once() -> None:
    life = Life()
    life.hours(30, _sight())
    scene = Scene(TERMS, APPLY, _sight(profile="aggressive", critical=0.99), life.now + 60.0)
    found, occasion = advance(scene, life.found)
    assert (found.state, occasion) == ("Resting", "OptimizationTakenBack")
    assert found.reason == "99.0% of the never-filtered processes were exported"


def test_a_namespace_that_falls_silent_is_taken_back() -> None:
    life = Life()
    life.hours(30, _sight())
    life.hours(1, None)
    assert life.told[-1] == "TakenBack"


def test_what_no_node_took_is_taken_back() -> None:
    life = Life()
    life.hours(30, _sight())
    found, _ = advance(Scene(TERMS, APPLY, _sight(profile="balanced"), life.found.until), life.found)
    assert found.reason == "it is not in effect: balanced holds for most processes"


def test_where_people_say_propose_it_is_proposed_and_what_was_applied_goes() -> None:
    life = Life(Wish(against="the resource says Propose"))
    life.hours(30, _sight())
    assert (life.found.state, life.told) == ("Proposed", [])
    assert life.found.reason == "the resource says Propose"
    life.wish = APPLY
    life.hours(1, _sight())
    life.wish = Wish(against="the resource says Propose")
    life.hours(1, _sight())
    assert life.told == ["Applied", "TakenBack"]
    life.wish = APPLY
    life.hours(1, _sight())
    assert life.told[-1] == "Applied", "a person's word needs no rest"


def test_what_holds_already_or_is_dearer_is_not_applied() -> None:
    life = Life()
    life.hours(30, _sight(profile="aggressive"))
    assert (life.found.state, life.found.reason) == ("Proposed", HOLDS)
    life = Life()
    life.hours(30, _sight(aggressive=0.1, profile="aggressive"))
    assert life.found.profile == "balanced"
    assert "for a person to decide" in life.found.reason
    assert life.told == []


def test_while_a_rollout_is_under_way_hours_are_counted_and_nothing_else_happens() -> None:
    life = Life()
    life.hours(30, _sight(), held="ProfileRollout roll is under way")
    assert (life.told, len(life.found.votes)) == ([], 30)
    life.hours(1, _sight())
    assert life.told == ["Applied"]
    life.hours(5, _sight(sent=0.9), held="ProfileRollout roll is under way")
    assert life.found.applied
    life.hours(1, _sight(sent=0.9))
    assert life.told == ["Applied", "TakenBack"]


def test_a_namespace_that_does_nothing_needs_no_detail() -> None:
    idle = replace(_sight(), cpu=0.0, would=dict.fromkeys(PROFILES, (1.0, 0.0)))
    assert idle.vote(0.8) == "aggressive"
    assert _sight(aggressive=0.2).vote(0.99) == "conservative"
    assert _sight().vote(0.8) == "aggressive"
