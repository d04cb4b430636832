"""What a line says about a library that was left out can be typed by whoever reads it."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from nrdot.extras import mend

EXTRAS = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"][
    "optional-dependencies"
]
NAMED = ("report", "train", "operator", "s3", "dashboards")


def said(extra, package, prefix):
    words = mend(extra, package, prefix)
    assert "\n" not in words
    return words


@pytest.fixture
def environment(tmp_path):
    pip = tmp_path / "with blanks" / "bin" / "pip"
    pip.parent.mkdir(parents=True)
    pip.touch()
    return tmp_path / "with blanks"


def test_a_clone_has_everything_by_make_install(tmp_path):
    (tmp_path / "Makefile").touch()
    assert said("report", tmp_path / "nrdot", tmp_path / ".venv") == f"`make install` in {tmp_path} brings it"


def test_a_clone_in_an_environment_of_the_readers_own_is_not_mended_by_make(tmp_path, environment):
    (tmp_path / "Makefile").touch()
    assert "make" not in said("report", tmp_path / "nrdot", environment).split()


@pytest.mark.parametrize("extra", NAMED)
def test_pip_of_the_same_environment_is_asked_for_the_libraries_themselves(extra, environment):
    words = said(extra, environment / "lib/python3.11/site-packages/nrdot", environment)
    typed = shlex.split(words.removeprefix("install it: "))
    assert typed[:2] == [f"{environment}/bin/pip", "install"]
    assert sorted(typed[2:]) == sorted(EXTRAS[extra])
    assert not any("nrdot" in word for word in typed[2:])


def test_an_environment_without_pip_uses_its_interpreters(tmp_path):
    words = said("train", tmp_path / "lib/nrdot", tmp_path)
    python, *install, what = shlex.split(words.removeprefix("install it: "))
    assert "python" in python
    assert install == ["-m", "pip", "install"]
    assert what.startswith("scikit-learn")


def test_pipx_is_told_to_add_them(environment):
    (environment / "pipx_metadata.json").touch()
    words = said("s3", environment / "lib/python3.11/site-packages/nrdot", environment)
    assert words == f"install it: pipx inject nrdot {shlex.join(EXTRAS['s3'])}"


def test_whoever_has_the_package_or_the_bundle_is_sent_to_the_wheel(tmp_path):
    (tmp_path / "start.py").touch()
    bundle = said("report", tmp_path / "packages/nrdot", Path("/opt/nrdot"))
    package = said("report", Path("/usr/lib/nrdot/nrdot"), Path("/usr"))
    assert bundle.startswith("the bundle leaves it out")
    assert package.startswith("the Debian package leaves it out")
    assert all(
        re.search(r"pip install '\./nrdot-[\d.]+-py3-none-any\.whl\[report\]'$", one)
        for one in (bundle, package)
    )
