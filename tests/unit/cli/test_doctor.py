from __future__ import annotations

from nrdot.cli.doctor import _show
from nrdot.cli.output import console
from nrdot.doctor.finding import fine, odd, wrong


def test_a_mend_for_several_findings_is_said_once_behind_the_last(capsys):
    console.cache_clear()
    _show(
        [
            odd("a", "one", "as root"),
            odd("b", "two", "as root"),
            wrong("c", "three", "reboot"),
            fine("d", "four"),
        ]
    )
    console.cache_clear()

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]

    assert [line[-1] for line in lines[2:8]] == ["one", "two", "root", "three", "reboot", "four"]
    assert lines[-1] == ["1", "error,", "2", "warnings"]
