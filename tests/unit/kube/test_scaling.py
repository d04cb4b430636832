"""What follows from the size of workloads."""

from __future__ import annotations

from nrdot.cluster.objects import Autoscaler, Custom, Metadata, ScaleSpec, ScaleStatus, Target
from nrdot.kube.plans import rfc3339
from nrdot.kube.scaling import calm_scopes, growing

NOW = 1_800_000_000.0
WISH = Custom(Metadata("general"), {"profile": "balanced", "scaleIn": {"profile": "aggressive"}})


def _scaler(name: str, current: int, desired: int, age: float = 3600.0, least: int = 2) -> Autoscaler:
    return Autoscaler(
        Metadata(name, "shop"),
        ScaleSpec(least, 10, Target("Deployment", name)),
        ScaleStatus(current, desired, rfc3339(NOW - age)),
    )


def test_who_scales_out_is_named() -> None:
    assert growing([_scaler("a", 2, 8), _scaler("b", 2, 3), _scaler("c", 2, 2)]) == (
        "shop/a scales out, and 1 more"
    )
    assert not growing([_scaler("c", 8, 2)])


def test_only_who_is_at_the_minimum_for_the_cooldown_gets_the_other_profile() -> None:
    scalers = [
        _scaler("calm", 2, 2),
        _scaler("fresh", 2, 2, age=600.0),
        _scaler("fresher", 2, 2, age=60.0),
        _scaler("shrinking", 5, 2),
        _scaler("large", 5, 5),
        _scaler("fixed", 10, 10, least=10),
    ]
    scopes, again = calm_scopes(WISH, scalers, NOW)
    assert scopes == [
        {
            "namespace": "shop",
            "selector": "workload=Deployment/calm",
            "profile": "aggressive",
            "reason": "HorizontalPodAutoscaler shop/calm is at its minimum",
        }
    ]
    assert again == 300.0


def test_a_profile_that_does_not_ask_for_it_stays_as_it_is() -> None:
    plain = Custom(Metadata("general"), {"profile": "balanced"})
    assert calm_scopes(plain, [_scaler("calm", 2, 2)], NOW) == ([], None)


def test_one_that_never_scaled_says_nothing() -> None:
    quiet = Autoscaler(Metadata("a", "shop"), ScaleSpec(1, 5), ScaleStatus(1, 1, None))
    assert calm_scopes(WISH, [quiet], NOW) == ([], None)
