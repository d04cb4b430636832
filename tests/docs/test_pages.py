"""Every page tells the truth: its commands run, its documents load, its links lead somewhere.

A page is read from top to bottom in one scratch folder, as a reader would. What cannot run here names the
test that covers it, and that test has to exist; nothing is left out without a word.
"""

from __future__ import annotations

import ast
import json
import os
import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import msgspec
import pytest
import typer
import yaml

from nrdot.checks import loading as checks_of_the_agent
from nrdot.checks.loading import CHECKS
from nrdot.cli.app import app
from nrdot.cli.profiles.problems import problems_of
from nrdot.cluster.objects import Custom
from nrdot.config.reading.expectations import holds_tests
from nrdot.config.reading.load import lint
from nrdot.dashboards.promql import asked
from nrdot.kube.compiled import compile_group
from nrdot.pricing.prices import load_pricing
from nrdot.schedule.lint import check_schedules
from nrdot.score.packs import load_pack
from nrdot.testing.commands.console import shows
from nrdot.testing.documents.pages import anchors, blocks, links, spoken_commands

ROOT = Path(__file__).parents[2]
GENERATED = {"docs/reference/configuration.md"}  # tests/unit/config/test_reference_files.py compares it
PAGES = [
    path
    for pattern in ("*.md", "docs/**/*.md", "samples/**/*.md")
    for path in sorted(ROOT.glob(pattern))
    if str(path.relative_to(ROOT)) not in GENERATED
]
TYPED = {
    "nrdot",
    "kubectl",
    "helm",
    "make",
    "curl",
    "systemctl",
    "sudo",
    "pip",
    "pipx",
    "apt",
    "promtool",
    "$",
}
NOW = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
NOT_TYPED = {"nrdot buffer segment 1", "nrdot buffer key id"}  # constants of the buffer's format
NEEDS = {"root", "cluster", "network", "agent", "time", "tool"}


def name_of(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_a_page_says_works_from_top_to_bottom(page, scratch):
    outcomes, every = [], list(blocks(page))
    if any("/var/lib/nrdot" in block.text and block.kind == "sh" and not block.covered_by for block in every):
        scratch.host()
    for block in every:
        if block.covered_by:
            continue
        if block.kind == "sh":
            outcomes = ran(block, scratch)
        elif block.kind == "output":
            assert outcomes, f"{block.place}: there is no command above that could print this"
            printed = "".join(one.out + one.err for one in outcomes).replace(str(scratch.folder), "")
            missing = shows(block.text, printed)
            assert not missing, f"{block.place}: not printed: {missing}\nbut:\n{printed}"
        else:
            READERS[block.kind](block, scratch)


def ran(block, scratch):
    outcomes = scratch.run(scratch.placed(block.text))
    assert outcomes, f"{block.place}: no command in it"
    for one in outcomes:
        wanted = int(block.marks.get("status", "0")) if one.wanted is None else one.wanted
        assert one.status == wanted, f"{block.place}: {one.command}: status {one.status}\n{one.out}{one.err}"
        assert "Traceback" not in one.err, f"{block.place}: {one.err}"
    return outcomes


def read_yaml(block, scratch):
    text = scratch.placed(block.text)
    name = block.marks.get("file", f"block-{block.line}.yaml")
    path = scratch.path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    documents = [document for document in yaml.safe_load_all(text) if document is not None]
    first = documents[0]
    if "apiVersion" in first:
        for document in documents:
            read_resource(block, document)
    elif "meters" in first:
        load_pricing(path)
    elif "classes" in first:
        assert load_pack(path)[1], block.place
    else:
        found = problems(path)
        said = [str(problem) for problem in found]
        assert len(said) == int(block.marks.get("warns", "0")), f"{block.place}: {said}"
        assert not any(problem.severity == "error" for problem in found), f"{block.place}: {said}"


def problems(path):
    """As `nrdot profile lint` has them, on a day when no date of a page is over."""

    def check_time(configuration, report):
        check_schedules(configuration, report, NOW)

    if holds_tests(path):
        return problems_of(path)
    checks = tuple(check_time if check is checks_of_the_agent.check_time else check for check in CHECKS)
    return lint(path, os.environ, checks)


@cache
def definitions():
    """The schema of each custom resource, by its kind."""
    found = {}
    for path in (ROOT / "operator/crds").glob("*.yaml"):
        document = yaml.safe_load(path.read_text())
        (version,) = [one for one in document["spec"]["versions"] if one["storage"]]
        found[document["spec"]["names"]["kind"]] = version["schema"]["openAPIV3Schema"]
    return found


def read_resource(block, document):
    """Fields that a custom resource has; what it compiles to where it is a profile."""
    assert document["kind"] in definitions(), f"{block.place}: name the test of a {document['kind']} with by="
    assert list(strange(definitions()[document["kind"]], document, "")) == [], block.place
    if document["kind"] == "TelemetryProfile":
        assert compile_group(msgspec.convert(document, Custom), [], [], []), block.place


def strange(schema, value, path):
    """Fields that the schema does not have, and required ones that are missing."""
    if isinstance(value, list):
        for index, entry in enumerate(value):
            yield from strange(schema.get("items", {}), entry, f"{path}[{index}]")
    if not isinstance(value, dict) or path == ".metadata":
        return
    yield from (f"{path}.{name} is missing" for name in schema.get("required", ()) if name not in value)
    properties, more = schema.get("properties", {}), schema.get("additionalProperties")
    for name, entry in value.items():
        if name in properties or isinstance(more, dict):
            yield from strange(properties.get(name, more), entry, f"{path}.{name}")
        elif not (schema.get("x-kubernetes-preserve-unknown-fields") or more):
            yield f"{path}.{name} is unknown"


def read_json(block, scratch):
    decoder, rest = json.JSONDecoder(), block.text.strip()
    while rest:  # one document, or several one behind the other
        _, end = decoder.raw_decode(rest)
        rest = rest[end:].lstrip()
    if name := block.marks.get("file"):
        scratch.path(name).write_text(block.text)


def read_promql(block, scratch):
    for line in block.text.splitlines():
        query = line.partition("#")[0].strip()
        assert not query or asked(query), f"{block.place}: {query}"


def read_text(block, scratch):
    for line in block.text.splitlines():
        first = line.split()[:1]
        assert not TYPED.intersection(first), f"{block.place}: a command belongs into ```sh: {line}"


def read_sql(block, scratch):
    raise AssertionError(f"{block.place}: name the test that runs this query with by=")


READERS = {
    "yaml": read_yaml,
    "json": read_json,
    "promql": read_promql,
    "text": read_text,
    "sql": read_sql,
}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_does_not_run_here_names_a_test_that_exists(page):
    for block in blocks(page):
        if not block.covered_by:
            continue
        assert block.marks["needs"] in NEEDS, f"{block.place}: needs= is one of {sorted(NEEDS)}"
        file, _, name = block.covered_by.partition("::")
        assert (ROOT / file).is_file(), f"{block.place}: {file} does not exist"
        tree = ast.parse((ROOT / file).read_text())
        tests = {one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)}
        assert name.startswith("test_"), f"{block.place}: name the test itself, not {name!r}"
        assert name in tests, f"{block.place}: {file} has no {name}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_block_hides_behind_four_blanks(page):
    """An indented block has no mark, so nothing would look at it."""
    lines = page.read_text().splitlines()
    fenced = False
    for number, (before, line) in enumerate(zip(["", *lines], lines, strict=False), start=1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced and not before.strip() and line.startswith("    "):
            raise AssertionError(f"{page.name}:{number}: an indented block; put it behind a fence")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    for target in links(page):
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        assert there.exists(), f"{page.name}: {target} does not exist"
        if anchor and there.suffix == ".md":
            assert anchor in anchors(there), f"{page.name}: {there.name} has no heading #{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_in_sentences_exist_with_their_options(page):
    root = typer.main.get_command(app)
    for text in set(spoken_commands(page)) - NOT_TYPED:
        words = re.sub(r"[\[\]{}()]|\.\.\.", " ", text.replace("\\", "")).split()[1:]
        command = root
        while words and hasattr(command, "commands") and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        if hasattr(command, "commands") and words and not words[0].startswith("-"):
            options = words[0].split("|")
            assert all(one in command.commands or one.isupper() for one in options), f"{page.name}: {text}"
            continue
        known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)} | {"--help"}
        given = {word.partition("=")[0].strip("`,;|") for word in words if re.match(r"--?[a-z]", word)}
        assert given <= known, f"{page.name}: `{text}`: {given - known} unknown"
