from __future__ import annotations

import re

import numpy as np
import pytest

from nrdot.batch import Owner
from nrdot.errors import ConfigError
from nrdot.score.pattern_set import CACHE_LIMIT
from nrdot.score.patterns import CLASSES_LIMIT, PatternPart, owner_kind
from nrdot.score.rules import ClassRule, Kind, OwnerKind
from nrdot.testing.stages.scoring import process, table_of


def part(*own: ClassRule, packs: tuple[ClassRule, ...] = ()) -> PatternPart:
    return PatternPart(own, packs)


def class_of(classes: PatternPart, *identities) -> list[str]:
    table = table_of(*identities)
    classes.score(table, table.living())
    return [classes.class_names[number] for number in table.class_id[: len(identities)]]


def pack(name: str, score: float, *programs: str, **more) -> ClassRule:
    return ClassRule(name, score, programs=programs, origin="packs.test", **more)


PHI = ClassRule("phi", 1.0, ("^patient-data-service", "^plc-controller"))


def test_a_pattern_meets_the_name_argv0_the_file_and_what_a_runtime_runs() -> None:
    assert class_of(
        part(PHI),
        process("/opt/bin/patient-data-service --port 80"),
        process("patient-data-service: worker 3"),
        process("/usr/bin/worker", executable="/opt/patient-data-service (deleted)"),
        process("java -Xmx1g -jar /srv/patient-data-service.jar"),
        process("/usr/bin/python3 /opt/patient-data-service/main.py"),
        process("node /srv/patient-data-service/dist/index.js"),
        process("/usr/bin/python3 -m patient-data-service"),
        process(name="plc-controller-7"),
        process("vim /etc/patient-data-service.conf"),
    ) == ["phi"] * 8 + [""]


def test_an_unanchored_pattern_searches_the_command_line_as_well() -> None:
    classes = part(ClassRule("orders", 0.5, ("--role=orders", r"orders\.toml$")))
    assert class_of(
        classes, process("run --role=orders -v"), process("run -c orders.toml"), process("run")
    ) == [
        "orders",
        "orders",
        "",
    ]


def test_no_pattern_reaches_from_one_name_into_the_next() -> None:
    assert class_of(
        part(ClassRule("both", 0.5, (r"one\s+two", "one.two", "one[^x]two"))), process("two", name="one")
    ) == [""]


def test_a_line_break_in_a_name_begins_no_line_of_its_own() -> None:
    assert class_of(part(PHI), process(name="x\npatient-data-service")) == [""]


def test_the_score_is_the_class_and_nothing_where_there_is_none() -> None:
    classes = part(ClassRule("a", 0.25, ("^a$",)))
    table = table_of(process("a"), process("b"))
    scores = classes.score(table, table.living())
    assert scores[0] == 0.25
    assert np.isnan(scores[1])


def test_only_a_class_of_one_is_never_filtered() -> None:
    classes = part(ClassRule("most", 1.0, ("^a",)), ClassRule("nearly", 0.99, ("^b",)))
    table = table_of(process("a"), process("b"), process("c"))
    classes.score(table, table.living())
    assert classes.never_filtered(table.class_id[:3]).tolist() == [True, False, False]


def test_the_users_class_comes_before_a_packs_even_with_a_lower_score() -> None:
    classes = part(ClassRule("mine", 0.1, ("^postgres",)), packs=(pack("database", 0.9, "postgres"),))
    assert class_of(classes, process("/usr/bin/postgres")) == ["mine"]


def test_of_the_users_classes_the_higher_score_wins_then_the_first() -> None:
    low, high, second = (
        ClassRule(name, score, ("^svc",)) for name, score in (("a", 0.2), ("b", 0.8), ("c", 0.8))
    )
    for order in ((low, high, second), (high, low, second), (high, second, low)):
        assert class_of(part(*order), process("svc")) == ["b"]


def test_in_packs_the_more_exact_claim_wins_whatever_the_score() -> None:
    packs = (
        pack("line", 0.1, patterns=("^kafka: helper",)),
        pack("exact", 0.2, "kafka"),
        pack("family", 0.3, "kaf*"),
        pack("unit", 0.4, "broker"),
        pack("runtime", 0.5, "java", kind=Kind.RUNTIME),
        pack("owner", 0.6, owners=frozenset({OwnerKind.SERVICE})),
        pack("form", 0.7, patterns=("^ka",), kind=Kind.HINT),
    )
    classes = part(packs=packs)
    service = Owner(unit="broker@1.service")
    assert class_of(
        classes,
        process("kafka: helper 3"),
        process("/usr/bin/kafka", owner=service),
        process("/usr/bin/kafka-x", owner=service),
        process("/usr/bin/java Main", owner=service),
        process("/usr/bin/java Main", owner=Owner(unit="other.service")),
        process("/usr/bin/karotte", owner=Owner(unit="other.service")),
        process("/usr/bin/ka"),
    ) == ["line", "exact", "family", "unit", "runtime", "owner", "form"]  # fmt: skip


def test_what_a_runtime_runs_beats_the_runtime() -> None:
    packs = (pack("java", 0.9, "java", kind=Kind.RUNTIME), pack("noise", 0.1, "gradle.Daemon", "tool.jar"))
    classes = part(packs=packs)
    assert (
        class_of(classes, process("java -cp x gradle.Daemon"), process("java -jar /a/tool.jar"))
        == ["noise"] * 2
    )


def test_the_evidence_names_every_claim_and_why_it_does_not_decide() -> None:
    own = ClassRule("phi", 1.0, ("^patient",))
    other = ClassRule("data", 0.5, ("data",))
    classes = part(other, own, packs=(pack("database", 0.9, "patient-data"),))
    table = table_of(process("/opt/patient-data"))
    found = classes.evidence(table, 0)
    assert [(one.rule, one.value, one.decides) for one in found] == [
        ("process_classification.phi pattern ^patient", 1.0, True),
        ("process_classification.data pattern data", 0.5, False),
        ("packs.test.database program patient-data", 0.9, False),
    ]
    assert found[0].note == ""
    assert found[1].note == "phi comes first: the higher score"
    assert found[2].note == "phi comes first: your own classes before the program's name"


def test_the_evidence_tells_claims_of_the_same_worth_apart() -> None:
    classes = part(ClassRule("a", 0.5, ("^svc", "svc$")), ClassRule("b", 0.5, ("svc",)))
    found = classes.evidence(table_of(process("svc")), 0)
    assert [(one.rule.rpartition(".")[2], one.note) for one in found] == [
        ("a pattern ^svc", ""),
        ("a pattern svc$", "says the same"),
        ("b pattern svc", "a comes first: the order in which they are written"),
    ]


def test_of_classes_that_list_the_same_program_the_higher_score_wins() -> None:
    high, low = pack("high", 0.9, "kafka"), pack("low", 0.1, "kafka")
    for order in ((high, low), (low, high)):
        assert class_of(part(packs=order), process("/usr/bin/kafka")) == ["high"]


def test_special_handling_of_every_own_class_applies_and_ends_with_the_process() -> None:
    classes = part(
        ClassRule("a", 1.0, ("^svc",), special_handling=frozenset({"no_sampling"})),
        ClassRule("b", 0.5, ("^svc-b",), special_handling=frozenset({"full_audit_trail"})),
    )
    table = table_of(process("svc-b"), process("svc-a"), process("x"))
    classes.score(table, table.living())
    assert classes.handled("no_sampling", table.capacity)[:3].tolist() == [True, True, False]
    assert classes.handled("full_audit_trail", table.capacity)[:3].tolist() == [True, False, False]
    table.identity[0] = process("y")
    classes.score(table, np.array([0]))
    assert classes.handled("no_sampling", table.capacity)[:3].tolist() == [False, True, False]


def test_special_handling_follows_a_table_that_grows() -> None:
    classes = part(ClassRule("a", 1.0, ("^svc",), special_handling=frozenset({"no_sampling"})))
    table = table_of(*(process("svc") for _ in range(3)))
    classes.score(table, table.living())
    for number in range(600):
        table.identity[table.open_row(number, 1)] = process("svc")
    rows = table.living()
    classes.score(table, rows[3:])
    assert classes.handled("no_sampling", table.capacity)[rows].all()


def test_requirements_are_those_of_every_class_that_claims_the_process() -> None:
    classes = part(
        ClassRule("pay", 1.0, ("^pay",), requirement=("PCI-DSS", "SOX")),
        ClassRule("all", 0.2, (".*",), requirement=("SOX", "GDPR")),
    )
    assert classes.requirements(process("payments")) == ("PCI-DSS", "SOX", "GDPR")
    assert classes.requirements(process("x")) == ("SOX", "GDPR")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"score": float("nan")}, "score nan is not a number"),
        ({"score": float("inf")}, "score inf is not a number"),
        ({"score": -0.1}, "score -0.1 is not between 0 and 1"),
        ({"score": 1.01}, "score 1.01 is not between 0 and 1"),
        ({"patterns": ()}, "no patterns, so it can never match"),
        ({"name": " "}, "a class without a name"),
        ({"special_handling": frozenset({"no_smapling"})}, "unknown special_handling 'no_smapling'"),
    ],
)
def test_a_class_that_cannot_be_meant_is_refused_with_one_line(words: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)) as refused:
        ClassRule(**{"name": "x", "score": 0.5, "patterns": ("^x",), **words})
    assert "\n" not in str(refused.value)


def test_the_same_class_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="the class is there twice"):
        part(ClassRule("a", 0.1, ("x",)), ClassRule("a", 0.2, ("y",)))


def test_a_long_program_is_known_by_what_the_kernel_keeps_of_its_name() -> None:
    classes = part(packs=(pack("records", 0.9, "patient-record-server"), pack("cut", 0.5, "patient-recordx")))
    assert class_of(
        classes,
        process(name="patient-record-"),
        process(name="patient-recordx"),
        process(name="patient-record"),
        process(name="patient-record-s"),
    ) == ["records", "cut", "", ""]


def test_a_script_or_archive_is_its_program_whatever_its_version_and_other_endings_are_not() -> None:
    classes = part(
        packs=(pack("build", 0.4, "jenkins"), pack("web", 0.6, "nginx"), pack("moon", 0.1, "saturn5"))
    )
    assert class_of(
        classes,
        process("java -jar /srv/jenkins-2.401.war"),
        process("python3 /srv/jenkins.py"),
        process("/usr/sbin/nginx"),
        process("/usr/sbin/nginx.old"),
        process("/usr/sbin/nginx.py.bak"),
        process("C:\\tools\\Saturn5.exe", name="Saturn5.exe"),
    ) == ["build", "build", "web", "", "", "moon"]


def test_the_evidence_of_a_family_names_the_shell_pattern() -> None:
    (found,) = part(packs=(pack("queue", 0.5, "kaf*"),)).evidence(table_of(process("kafka")), 0)
    assert found.rule == "packs.test.queue program kaf*"


def test_more_classes_than_there_may_be_are_refused() -> None:
    packs = tuple(pack(f"c{number}", 0.1, f"p{number}") for number in range(CLASSES_LIMIT + 1))
    assert class_of(part(packs=packs[:-1]), process(f"p{CLASSES_LIMIT - 1}")) == [f"c{CLASSES_LIMIT - 1}"]
    with pytest.raises(ConfigError, match=r"^10001 classes; 10000 are the limit$"):
        part(packs=packs)


def test_more_processes_than_are_remembered_are_all_told_apart() -> None:
    classes = part(ClassRule("even", 0.5, ("[02468]$",)))
    identities = [process(f"p{number}") for number in range(CACHE_LIMIT + 2)]
    expected = ["even", ""] * (CACHE_LIMIT // 2 + 1)
    assert class_of(classes, *identities) == expected
    assert class_of(classes, *identities) == expected


@pytest.mark.parametrize(
    ("owner", "kind"),
    [
        (Owner(), OwnerKind.OTHER),
        (Owner(unit="cron.service", slice="system.slice"), OwnerKind.SERVICE),
        (Owner(unit="init.scope"), OwnerKind.OTHER),
        (Owner(unit="user@1000.service"), OwnerKind.SESSION),
        (Owner(unit="session-7.scope"), OwnerKind.SESSION),
        (Owner(unit="app.service", slice="user.slice"), OwnerKind.SESSION),
        (Owner(unit="docker.service", container="c"), OwnerKind.CONTAINER),
        (Owner(container="c", pod_uid="u"), OwnerKind.POD),
        (Owner(container="c", pod="p"), OwnerKind.POD),
    ],
)
def test_whose_a_process_is_goes_by_the_innermost_owner(owner, kind) -> None:
    assert owner_kind(process("a", owner=owner)) is kind
    assert owner_kind(process("a", owner=owner, kernel="yes")) is OwnerKind.KERNEL


def test_the_evidence_of_an_owner_names_its_kind() -> None:
    packs = (pack("mine", 0.5, owners=frozenset({OwnerKind.SERVICE})),)
    (found,) = part(packs=packs).evidence(table_of(process("a", owner=Owner(unit="a.service"))), 0)
    assert found.rule == "packs.test.mine owner service"
