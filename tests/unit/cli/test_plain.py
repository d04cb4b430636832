"""The way in which a service starts the agent needs no library for command lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from nrdot.cli.plain import Plain, plain_agent


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["agent"], Plain(None, once=False)),
        (["agent", "-c", "a.yaml"], Plain(Path("a.yaml"), once=False)),
        (["agent", "--once", "--config", "a.yaml"], Plain(Path("a.yaml"), once=True)),
    ],
)
def test_the_plain_forms_are_understood(arguments, meant):
    assert plain_agent(arguments) == meant


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["scan"],
        ["agent", "--help"],
        ["agent", "-c"],
        ["agent", "-c", "--once"],
        ["agent", "--duration", "3s"],
        ["agent", "x"],
    ],
)
def test_everything_else_goes_the_usual_way(arguments):
    assert plain_agent(arguments) is None
