"""docs/migration.md promises names: each of them is one that NRDOT sends, spelled as backends spell it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nrdot.batch import Host, Identity, Owner
from nrdot.dashboards.names import OF_PROCESSES, known, label
from nrdot.encode.attributes import Resources
from nrdot.encode.catalogue import DEFAULT, NAMES
from nrdot.encode.redact import CommandLines

PAGE = Path(__file__).parents[2] / "docs/migration.md"
ATTRIBUTES = {
    *("process.pid", "process.parent_pid", "process.executable.name", "process.executable.path"),
    *("process.command", "process.command_line", "process.owner", "container.id", "k8s.pod.name"),
    *("host.name", "host.id", "nrdot.rollup"),
}
OURS = {"nrdot_group_processes", "nrdot_rollup", "nrdot_processes_vanished_total", "process_executable_name"}


def promised():
    """Names in the columns that say what NRDOT has."""
    for line in PAGE.read_text().splitlines():
        if line.startswith("| ") and not line.startswith("|---"):
            for cell in line.strip("| ").split(" | ")[1:]:
                yield from re.findall(r"\b(?:process|container|k8s|host|nrdot)[._][a-z_.]*[a-z]", cell)


@pytest.mark.parametrize("name", sorted(set(promised())))
def test_every_name_that_the_page_promises_is_sent(name):
    if "." in name:
        assert name in {*NAMES, *ATTRIBUTES}
    else:
        labels = {label(one) for one in ATTRIBUTES}
        assert name in {*known(stable=False), *labels, *OF_PROCESSES, *OURS}


def test_what_is_the_same_without_a_word_is_sent_by_default():
    rows = [line for line in PAGE.read_text().splitlines() if "| the same | `process_" in line]
    named = {name for row in rows for name in re.findall(r"process\.[a-z.]+", row.split("|")[1])}
    assert named & set(NAMES) == {"process.cpu.time", "process.memory.usage", "process.memory.virtual"}
    assert named & set(NAMES) <= set(DEFAULT)


def test_the_attributes_are_those_of_the_encoder():
    host = Host(id="h1", name="host", boot="b", cpus=2, memory=1, hz=100)
    owner = Owner(container="c" * 64, pod="web-1")
    resources = Resources({}, CommandLines(longest=100))
    identity = Identity("nginx", "nginx", "nginx: worker", "/usr/sbin/nginx", 33, "www-data", owner=owner)
    sent = {*resources.process(host, identity, 1, 1), *resources.group(host, "nginx", "executable")}
    assert sent >= ATTRIBUTES
