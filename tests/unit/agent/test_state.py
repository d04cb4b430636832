import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from nrdot.agent.state import StateDirectory
from nrdot.errors import StartError
from nrdot.testing.disks.little_room import little_room
from nrdot.testing.hosts.procfs import unprivileged


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_missing_directory_is_made_with_its_parents_and_for_us_alone(tmp_path):
    path = tmp_path / "var" / "lib" / "nrdot"

    state = StateDirectory(path)

    assert mode(path) == 0o700
    assert not state.warning
    state.close()


def test_an_empty_directory_is_made_private(tmp_path):
    path = tmp_path / "state"
    path.mkdir()
    path.chmod(0o755)

    StateDirectory(path).close()

    assert mode(path) == 0o700


def test_our_directory_is_made_private_again(tmp_path):
    path = tmp_path / "state"
    StateDirectory(path).close()
    (path / "buffer").mkdir()
    path.chmod(0o755)

    StateDirectory(path).close()

    assert mode(path) == 0o700


def test_a_directory_with_other_things_keeps_its_mode_and_is_warned_about(tmp_path):
    path = tmp_path / "etc"
    path.mkdir()
    path.chmod(0o755)
    (path / "nrdot.yaml").write_text("")

    state = StateDirectory(path)

    assert mode(path) == 0o755
    assert f"others may read {path} (mode 0755)" in state.warning
    state.close()


def test_a_directory_that_everybody_writes_to_is_refused(tmp_path):
    path = tmp_path / "tmp"
    path.mkdir()
    path.chmod(0o1777)
    (path / "of-somebody").write_text("")

    with pytest.raises(StartError, match=f"everybody may write to {path}; give"):
        StateDirectory(path)


def test_a_second_agent_is_told_the_pid_of_the_first(tmp_path):
    first = StateDirectory(tmp_path / "state")

    with pytest.raises(StartError, match=rf"in use by another agent \(pid {os.getpid()}\); stop that one or"):
        StateDirectory(tmp_path / "state")

    first.close()


def test_an_agent_that_closed_lets_the_next_one_in(tmp_path):
    first = StateDirectory(tmp_path / "state")
    first.close()
    first.close()

    StateDirectory(tmp_path / "state").close()


def test_a_lock_left_behind_by_a_killed_agent_locks_nobody_out(tmp_path):
    path = tmp_path / "state"
    code = (
        "import sys, pathlib; from nrdot.agent.state import StateDirectory; "
        "held = StateDirectory(pathlib.Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=tmp_path,
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StartError, match=rf"\(pid {holder.pid}\)"):
            StateDirectory(path)
        holder.kill()

    StateDirectory(path).close()


def test_a_file_in_the_place_of_the_directory_is_a_clean_error(tmp_path):
    path = tmp_path / "state"
    path.write_text("")

    with pytest.raises(StartError, match=f"cannot keep files in {path}: File exists"):
        StateDirectory(path)


def test_a_directory_that_we_may_not_make_is_a_clean_error():
    path = Path("/nrdot-state-of-nobody")

    with (
        unprivileged(),
        pytest.raises(StartError, match=f"in {path}: Permission denied; make"),
    ):
        StateDirectory(path)


def test_a_directory_of_somebody_else_is_a_clean_error():
    with (
        unprivileged(),
        pytest.raises(StartError, match="in /etc: Permission denied; make"),
    ):
        StateDirectory(Path("/etc"))


def test_a_directory_on_a_full_disk_is_named(tmp_path):
    path = tmp_path / "state"

    with little_room(0), pytest.raises(StartError, match=f"agent.state_dir: cannot keep files in {path}: "):
        StateDirectory(path)

    StateDirectory(path).close()  # the lock was let go


@pytest.mark.skipif(os.geteuid() != 0, reason="only root writes where others may not; nobody else can be led")
def test_root_keeps_nothing_in_a_directory_of_another_user(tmp_path):
    path, victim = tmp_path / "state", tmp_path / "shadow"
    path.mkdir(mode=0o700)
    victim.write_text("root:*:")
    (path / "lock").symlink_to(victim)
    os.chown(path, 65534, 65534)

    with pytest.raises(StartError, match=f"agent.state_dir: {path} belongs to user 65534"):
        StateDirectory(path)

    assert victim.read_text() == "root:*:"


def test_a_lock_that_is_a_link_is_not_followed(tmp_path):
    path, victim = tmp_path / "state", tmp_path / "file"
    path.mkdir(mode=0o700)
    victim.write_text("of somebody")
    (path / "lock").symlink_to(victim)

    with pytest.raises(StartError, match=f"agent.state_dir: cannot keep files in {path}: "):
        StateDirectory(path)

    assert victim.read_text() == "of somebody"
