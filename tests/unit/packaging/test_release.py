"""What `make release` says before it builds, and what it leaves at the end."""

import shutil
import subprocess
from pathlib import Path

import pytest

PACKAGING = Path(__file__).parents[3] / "packaging"


@pytest.fixture
def clone(tmp_path):
    """A clone of a project that has just been released as 1.2.3."""
    shutil.copytree(PACKAGING, tmp_path / "packaging")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "nrdot"\nversion = "1.2.3"\n')
    changelog = "# Changelog\n\n## Unreleased\n\n## 1.2.3 - 2026-11-21\n\n- Begun.\n"
    (tmp_path / "CHANGELOG.md").write_text(changelog)
    (tmp_path / ".gitignore").write_text("dist/\nbuild/\n")
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "1.2.3"]):
        named = ["-c", "user.name=n", "-c", "user.email=n@example.org"]
        subprocess.run(["git", *named, *words], cwd=tmp_path, check=True)
    return tmp_path


def said(clone, script="check-release"):
    done = subprocess.run([clone / "packaging" / script], capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def test_a_clone_that_is_as_it_was_committed_raises_no_doubt(clone):
    assert said(clone) == ""


def test_changes_that_no_commit_holds_are_said(clone):
    (clone / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.3 of today\n")

    (line,) = said(clone).splitlines()

    assert "in no commit" in line


@pytest.mark.parametrize("head", ["Unreleased", "1.2.30", "1x2.3"])
def test_a_version_that_the_changelog_does_not_tell_of_is_said(clone, head):
    (clone / "CHANGELOG.md").write_text(f"# Changelog\n\n## {head}\n")

    lines = said(clone).splitlines()

    assert lines[-1] == f"release: CHANGELOG.md has no section 1.2.3; its head is {head}"


def test_every_file_of_a_release_has_its_hash_and_may_be_read_by_all(clone):
    for folder in ("dist", "build"):
        (clone / folder).mkdir()
    (clone / "dist/nrdot-1.2.3-py3-none-any.whl").write_bytes(b"wheel")

    said(clone, "finish-release")
    said(clone, "finish-release")

    checked = subprocess.run(
        ["sha256sum", "--check", "SHA256SUMS"], cwd=clone / "dist", capture_output=True, text=True, check=True
    )
    names = {line.partition(":")[0] for line in checked.stdout.splitlines()}
    assert names == {"nrdot-1.2.3-py3-none-any.whl", "requirements-agent.txt", "requirements-all.txt"}
    assert (clone / "dist/SHA256SUMS").stat().st_mode & 0o777 == 0o644
