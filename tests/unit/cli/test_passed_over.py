"""A host has a configuration, and a command is typed without one."""

from __future__ import annotations

from pathlib import Path

from nrdot.cli.options import SERVICE, passed_over
from nrdot.testing.hosts.procfs import unprivileged

UNIT = Path(__file__).parents[3] / "samples/systemd/nrdot.service"


def test_that_the_defaults_are_not_the_agents_own_is_said(tmp_path):
    service = tmp_path / "nrdot.yaml"
    service.write_text("profile: aggressive\n")

    assert passed_over(None, service) == [
        f"the defaults hold here, not {service}; `-c {service}` asks as the agent of this host does"
    ]


def test_nothing_is_said_where_a_file_was_named_or_none_is_there(tmp_path):
    service = tmp_path / "nrdot.yaml"

    assert passed_over(None, service) == []
    service.touch()
    assert passed_over(service, service) == []


def test_a_folder_that_is_closed_to_us_ends_nothing(tmp_path):
    closed = tmp_path / "etc"
    closed.mkdir(mode=0)

    with unprivileged():
        assert passed_over(None, closed / "nrdot.yaml") == []


def test_it_is_where_the_unit_file_has_it():
    assert f"-c {SERVICE}" in UNIT.read_text()
