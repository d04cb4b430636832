from __future__ import annotations

import numpy as np
import pytest

from nrdot.batch import Owner
from nrdot.errors import ConfigError
from nrdot.score.business import BusinessPart, Overrides, process_names
from nrdot.score.rules import BusinessRule, OverrideRule
from nrdot.score.selector import parse_selector
from nrdot.testing.clock import NOON_NS, ManualClock
from nrdot.testing.stages.scoring import process, table_of

HOUR_NS = 3600 * 10**9


def overrides(*rules: OverrideRule, clock: ManualClock | None = None) -> Overrides:
    return Overrides(rules, clock or ManualClock())


def test_the_scenarios_overrides_force_and_set_importance_by_glob() -> None:
    look = overrides(
        OverrideRule("payment-gateway-*", force_collect=True, reason="PCI compliance"),
        OverrideRule("game-server-*", importance=1.0),
        OverrideRule("matchmaking-*", importance=0.95),
    )
    table = table_of(
        process("/opt/payment-gateway-eu --port 1"), process("game-server-7"), process("matchmaking-1"),
        process("java -jar /opt/payment-gateway-us.jar"), process("payment-gateway"),
        process("vi payment-gateway-x"),
    )  # fmt: skip
    forced, importance = look.look(table, table.living())
    assert forced.tolist() == [True, False, False, True, False, False]
    assert importance == pytest.approx([np.nan, 1.0, 0.95, np.nan, np.nan, np.nan], nan_ok=True)


def test_of_several_overrides_the_highest_importance_counts_and_one_force_is_enough() -> None:
    look = overrides(
        OverrideRule("a*", importance=0.9),
        OverrideRule("ab*", importance=0.2),
        OverrideRule("abc", force_collect=True),
    )
    table = table_of(process("abc"))
    forced, importance = look.look(table, table.living())
    assert forced[0]
    assert importance[0] == 0.9


def test_an_override_that_has_expired_is_as_if_it_were_not_there() -> None:
    clock = ManualClock()
    look = overrides(
        OverrideRule("a", force_collect=True, importance=0.7, expires_ns=NOON_NS + HOUR_NS), clock=clock
    )
    table = table_of(process("a"))
    assert look.look(table, table.living())[0].tolist() == [True]
    assert look.next_expiry_ns() == NOON_NS + HOUR_NS
    clock.advance(3600)
    forced, importance = look.look(table, table.living())
    assert not forced[0]
    assert np.isnan(importance[0])
    assert look.next_expiry_ns() is None
    assert [(one.note, one.decides) for one in look.evidence(table, 0)] == [("force_collect, expired", False)]
    assert look.forcing(table.identity[0]) == ()


def test_an_override_that_matches_nothing_is_told_with_the_nearest_names() -> None:
    look = overrides(
        OverrideRule("payment-gatway-*", force_collect=True),
        OverrideRule("nginx", importance=0.5),
        OverrideRule("zzz", importance=0.5),
        OverrideRule("old-*", importance=0.5, expires_ns=NOON_NS - 1),
    )
    table = table_of(process("/opt/payment-gateway-1"), process("nginx: worker"), process("payment-api"))
    look.look(table, table.living())
    told = look.unmatched(process_names(table.identity[row] for row in table.living()))
    assert [one.override.process for one in told] == ["payment-gatway-*", "zzz"]
    assert told[0].nearest[0] == "payment-gateway-1"
    assert str(told[0]).startswith(
        "overrides 'payment-gatway-*': no process has this name; nearest: payment-gateway-1"
    )
    assert str(told[1]) == "overrides 'zzz': no process has this name; it has no effect so far"


@pytest.mark.parametrize(
    ("glob", "names", "nearest"),
    [
        (
            "-Payment.*",
            ["paymaster-of-all-ships", "payment"],
            "payment, paymaster-of-all-ships",
        ),  # spelled alike comes before begun alike
        ("Pay*", ["PAY-1", "pay-2", "pay-3", "pay-4"], "PAY-1, pay-2, pay-3"),
        ("pa*", ["pa-1-and-more", "q"], ""),  # two letters say nothing
        ("payments-api", ["paym", "other"], "paym"),
    ],
)
def test_the_nearest_names_are_three_at_most(glob, names, nearest) -> None:
    look = overrides(OverrideRule(glob, importance=0.5))
    said = str(look.unmatched(names)[0])
    assert said.partition("nearest: ")[2].partition(";")[0] == nearest


def test_a_business_rule_matches_where_all_its_conditions_hold() -> None:
    part = BusinessPart(
        [
            BusinessRule(0.9, process="shop-*", namespace="prod*"),
            BusinessRule(0.6, unit="postgresql@*.service"),
            BusinessRule(0.3, user="anna"),
            BusinessRule(0.8, selector=parse_selector("tier in (db)"), user="anna"),
        ],
        lambda _: {},
    )
    table = table_of(
        process("shop-api", owner=Owner(namespace="production")),
        process("shop-api", owner=Owner(namespace="test")),
        process("postgres", owner=Owner(unit="postgresql@15-main.service")),
        process("x", user="anna"),
        process("x", user="anna", owner=Owner(labels=(("tier", "db"),))),
        process("x", user="bert", owner=Owner(labels=(("tier", "db"),))),
    )
    assert part.score(table, table.living()) == pytest.approx(
        [0.9, np.nan, 0.6, 0.3, 0.8, np.nan], nan_ok=True
    )


def test_the_evidence_names_the_conditions_and_the_reason_the_highest_first() -> None:
    part = BusinessPart(
        [BusinessRule(0.3, user="anna"), BusinessRule(0.9, process="shop*", user="a*", reason="revenue")],
        lambda _: {},
    )
    found = part.evidence(table_of(process("shop", user="anna")), 0)
    assert [(one.rule, one.value, one.note, one.decides) for one in found] == [
        ("business_rules process=shop* user=a*", 0.9, "revenue", True),
        ("business_rules user=anna", 0.3, "", False),
    ]


def test_requirements_come_from_every_rule_that_matches() -> None:
    part = BusinessPart(
        [
            BusinessRule(0.3, user="*", requirement=("SOX",)),
            BusinessRule(0.3, process="x", requirement=("PCI-DSS",)),
        ],
        lambda _: {},
    )
    assert part.requirements(process("x", user="a")) == ("SOX", "PCI-DSS")
    look = overrides(OverrideRule("x", force_collect=True, requirement=("HIPAA",)))
    assert look.requirements(process("x")) == ("HIPAA",)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: OverrideRule("", force_collect=True), "an entry without a process"),
        (lambda: OverrideRule("x", importance=2.0), "importance 2.0 is not between 0 and 1"),
        (lambda: OverrideRule("x", importance=float("nan")), "importance nan is not a number"),
        (lambda: OverrideRule("x[b-a]*"), "overrides 'x[b-a]*': pattern"),
        (lambda: BusinessRule(0.5), "a rule names nothing"),
        (lambda: BusinessRule(-1, process="x"), "score -1 is not between 0 and 1"),
        (lambda: BusinessRule(0.5, unit="x[b-a]*"), "business_rules 'unit=x[b-a]*': pattern"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_with_one_line(build, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        build()
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
