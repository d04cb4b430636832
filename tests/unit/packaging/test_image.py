import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOCKERFILE = ROOT / "operator" / "Dockerfile"


def instructions():
    """Every instruction with its arguments, continued lines joined."""
    text = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE))
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def stages():
    """The instructions of each stage by its name, and the stage or image that it begins from."""
    found, bases = {}, {}
    for word, rest in instructions():
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found[name], bases[name] = [], base
        elif found:
            found[name].append((word, rest))
    return found, bases


def of(stage, word):
    return [rest for name, rest in stages()[0][stage] if name == word]


@pytest.mark.parametrize("target", ["agent", "operator"])
def test_an_image_holds_what_was_built_and_not_what_built_it(target):
    _, bases = stages()

    assert bases[target] == "base"
    assert of(target, "RUN") == []
    assert of(target, "COPY") == [f"--from={target}-build /opt/nrdot /opt/nrdot"]


def test_the_program_gets_its_signals_itself():
    assert json.loads(of("base", "ENTRYPOINT")[0]) == ["nrdot"]
    assert json.loads(of("agent", "CMD")[0])[0] == "agent"
    assert json.loads(of("operator", "CMD")[0])[0] == "operator"


def test_only_the_agent_is_user_zero_because_no_other_user_is_given_capabilities():
    assert of("agent", "USER") == ["0:0"]
    assert of("operator", "USER") == ["65532:65532"]


def test_nothing_is_written_beside_the_modules_at_run_time():
    assert "PYTHONDONTWRITEBYTECODE=1" in of("base", "ENV")[0]
    for target in ("agent", "operator"):
        assert all("--compile" in step for step in of(f"{target}-build", "RUN"))


@pytest.mark.parametrize("target", ["agent", "operator"])
def test_an_image_holds_the_locked_versions_by_their_hashes(target):
    locked, ours = of(f"{target}-build", "RUN")

    assert f"--require-hashes --requirement locks/{target}.txt" in locked
    assert "--no-deps ." in ours


def test_no_base_image_floats():
    _, bases = stages()

    assert {base for base in bases.values() if base not in bases} == {"python:${PYTHON}-slim-bookworm"}
    assert re.search(r"^ARG PYTHON=3\.\d+$", DOCKERFILE.read_text(), re.MULTILINE)


def test_whatever_is_copied_is_in_the_repository_and_in_the_build_context():
    allowed = (DOCKERFILE.parent / "Dockerfile.dockerignore").read_text().split()
    for rest in of("source", "COPY"):
        *sources, _ = rest.split()
        for source in sources:
            assert (ROOT / source).exists()
            assert f"!{source}" in allowed


def test_everything_that_the_wheel_takes_along_is_copied_to_where_it_is_built():
    copied = {source for rest in of("source", "COPY") for source in rest.split()[:-1]}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]) <= copied
