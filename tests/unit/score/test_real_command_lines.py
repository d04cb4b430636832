"""How distributions and vendors really start things: the class that each gets, and what a runtime runs."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from nrdot.batch import Owner
from nrdot.config.schema.scoring import Packs
from nrdot.score.packs import packs_of, shipped_packs
from nrdot.score.patterns import PatternPart
from nrdot.score.subject import subject
from nrdot.testing.stages.scoring import process

LINES = Path(__file__).parents[2] / "golden/score/command_lines.tsv"
JARS = ":".join(f"/opt/x/libs/library-{number}-1.2.3.jar" for number in range(40))
BEAM = "/usr/lib/erlang/erts-13.1.5/bin/beam.smp -W w -MBas ageffcbf -- -root /usr/lib/erlang -bindir"


def command_lines() -> list[tuple[str, ...]]:
    lines = LINES.read_text(encoding="utf-8").splitlines()[1:]
    return [tuple(line.replace("{jars}", JARS).replace("{beam}", BEAM).split("\t")) for line in lines]


@cache
def packs() -> PatternPart:
    return PatternPart((), packs_of(Packs()))


@pytest.mark.parametrize(("expected", "runs", "file", "line"), command_lines())
def test_a_real_command_line_gets_its_class_and_its_subject(
    expected: str, runs: str, file: str, line: str
) -> None:
    identity = process(line, executable=file) if file else process(line)
    rule = packs().classify(identity)
    assert (rule.name if rule else None, subject(identity)) == (expected, runs)


def test_a_name_that_the_kernel_cut_is_known_all_the_same() -> None:
    for cut, expected in (
        ("systemd-journal", "system_service"),
        ("networkd-dispat", "network_client"),
        ("prometheus-node", "monitoring_agent"),
        ("containerd-shim", "container_helper"),
    ):
        rule = packs().classify(process(name=cut))
        assert rule is not None, cut
        assert rule.name == expected


def test_a_version_in_a_name_does_not_hide_the_program() -> None:
    for name, expected in (
        ("php-fpm8.2", "web_server"),
        ("python3.12", "runtime_python"),
        ("clang-16", "build_tool"),
    ):
        rule = packs().classify(process(name=name))
        assert rule is not None, name
        assert rule.name == expected


def test_the_unit_stands_in_for_a_program_that_nobody_knows() -> None:
    rule = packs().classify(process("/opt/x/frobnicate", owner=Owner(unit="postgresql@15-main.service")))
    assert rule is not None
    assert rule.name == "database"


def test_whose_process_it_is_decides_last() -> None:
    for owner, expected in (
        (Owner(unit="frob.service", slice="system.slice"), "system_unit"),
        (Owner(container="0f1e"), "container_workload"),
        (Owner(container="0f1e", pod_uid="u1"), "cluster_workload"),
        (Owner(unit="session-4.scope", slice="user-1000.slice"), "user_session"),
    ):
        rule = packs().classify(process("/opt/x/frobnicate", owner=owner))
        assert rule is not None
        assert rule.name == expected


def test_a_kernel_thread_is_one_even_under_a_programs_name() -> None:
    rule = packs().classify(process(name="nfsd", kernel="yes"))
    assert rule is not None
    assert rule.name == "kernel_thread"


def test_the_users_own_names_are_claimed_by_their_form_at_most() -> None:
    """A pack that took `frontend` or `swift-payments` for something else would hide somebody's service."""
    names = """payment-gateway-1 checkout gateway frontend orders-service inventory auth-service
        matchmaking-eu chat-service-1 game-server-7 patient-data-service prescription-processor
        edge-ml-processor swift-payments heatmap-api circuit-breaker quota-service smart-contract-api
        cloud-api apt-booking relay-service worker controller manager operator scheduler server app main
        service web billing trading-engine risk-calc settlement ledger-api canvas-app notifier pricing
        catalog search recommender cart shipping reports etl ingest crawler bot"""
    for name in names.split():
        rule = packs().classify(process(name=name))
        assert rule is None or rule.name == "service_by_form", name


def test_no_shipped_class_is_never_filtered_and_every_pack_says_what_it_is() -> None:
    assert not any(rule.never_filtered for rule in packs_of(Packs()))
    assert len(shipped_packs()) > 5


def test_no_program_stands_in_two_shipped_classes() -> None:
    seen: dict[str, str] = {}
    for rule in packs_of(Packs()):
        for program in rule.programs:
            assert seen.setdefault(program.lower(), rule.name) == rule.name, program


def test_nearly_every_service_of_a_distribution_has_a_class() -> None:
    names = (LINES.parents[2] / "bench/data/services_debian12.txt").read_text(encoding="utf-8").split()
    known = [rule for name in names if (rule := packs().classify(process(name=name)))]
    assert sum(rule.name != "service_by_form" for rule in known) >= 0.95 * len(names)
