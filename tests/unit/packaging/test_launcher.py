import os
import shutil
import subprocess
from pathlib import Path

import pytest

LAUNCHER = Path(__file__).parents[3] / "packaging" / "bundle" / "nrdot"
# Stands in for the loader: says what it was called with.
LOADER = '#!/bin/sh\nprintf "%s\\n" "roots=$SSL_CERT_FILE" "$@"\n'


@pytest.fixture
def bundle(tmp_path):
    root = tmp_path / "a place" / "nrdot-1"
    (root / "bin").mkdir(parents=True)
    (root / "lib/system").mkdir(parents=True)
    for name in ("nrdot", "python3"):
        shutil.copy(LAUNCHER, root / "bin" / name)
    loader = root / "lib/system/nrdot"
    loader.write_text(LOADER)
    loader.chmod(0o755)
    return root


def called(program, *arguments, **environment):
    said = subprocess.run(
        [program, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"], **environment},
    )
    roots, *rest = said.stdout.splitlines()
    return roots.removeprefix("roots="), rest


def test_it_finds_its_bundle_through_links_and_from_anywhere(bundle, tmp_path):
    link = tmp_path / "nrdot"
    link.symlink_to(bundle / "bin/nrdot")

    _, words = called(link, "scan", "--sort", "a b")

    library = f"{bundle}/lib/system"
    assert words[:4] == ["--argv0", f"{bundle}/bin/python3", "--library-path", library]
    assert words[4:] == [
        f"{library}/python3.11", "-I", "-S", f"{bundle}/lib/start.py", "scan", "--sort", "a b",
    ]  # fmt: skip


def test_processes_that_it_starts_itself_get_the_same_interpreter(bundle):
    _, words = called(bundle / "bin/python3", "-c", "pass")

    assert words[4:] == [f"{bundle}/lib/system/python3.11", "-c", "pass"]


def test_roots_of_trust_that_were_chosen_stay_chosen(bundle):
    assert called(bundle / "bin/nrdot", SSL_CERT_FILE="/company.pem")[0] == "/company.pem"
    assert called(bundle / "bin/nrdot", SSL_CERT_DIR="/company")[0] == ""


def test_without_a_choice_there_are_roots_of_trust_on_every_host(bundle):
    (bundle / "lib/roots.pem").touch()

    assert Path(called(bundle / "bin/nrdot")[0]).is_file()
