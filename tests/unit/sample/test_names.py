from __future__ import annotations

import pytest

from nrdot.batch import Counter
from nrdot.sample import parse


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"a) R 1 2 (x", "a) R 1 2 (x"),
        (b")", ")"),
        (b"((((", "(((("),
        (b"two\nlines", "two\nlines"),
        (b"\xff", "\ufffd"),
        (b"\xf0\x9f\x92\xbe", "\U0001f4be"),
        (b"", ""),
        (b" ", " "),
    ],
)
def test_a_name_may_hold_anything_and_the_numbers_behind_it_are_still_right(host, raw, name):
    host.proc.add(42, raw, cmdline=b"", parent=1, user=7, system=9)
    host.sample()
    row = host.row(42)
    assert host.identity(42).name == name
    assert host.identity(42).name.encode("utf-8").decode("utf-8") == name
    assert host.table.parent[row] == 1
    assert (host.counter(42, Counter.CPU_USER), host.counter(42, Counter.CPU_SYSTEM)) == (7, 9)
    host.proc.run(42, user=2)
    host.sample()
    assert host.delta(42, Counter.CPU_USER) == 2
    assert host.identity(42).name == name


@pytest.mark.parametrize(
    ("raw", "argument", "exe", "name"),
    [
        (b"gnome-terminal-", "/usr/libexec/gnome-terminal-server", "", "gnome-terminal-server"),
        (b"gnome-terminal-", "something else", "", "gnome-terminal-"),
        (b"abcdefghijklmn", "/bin/abcdefghijklmnop", "", "abcdefghijklmn"),  # 14 bytes were not cut
        (b"abcdefghijklmn\xc3", "abcdefghijklmn\u00e4\u00f6", "", "abcdefghijklmn\u00e4\u00f6"),
        (b"long-daemon-nam", "long-daemon-name: worker 3", "/bin/long-daemon-name", "long-daemon-name"),
    ],
)
def test_a_name_that_the_kernel_cut_is_whole_where_another_word_still_has_it(host, raw, argument, exe, name):
    host.proc.add(42, raw, cmdline=[argument], exe=exe)
    host.sample()
    assert host.identity(42).name == name


@pytest.mark.parametrize(
    "title",
    [
        "nginx: master process /usr/sbin/nginx -g daemon off;",
        "postgres: 15/main: autovacuum launcher ",
    ],
)
@pytest.mark.parametrize("filling", [b"", b"\0", b"\0" * 30])
def test_a_title_without_nul_is_the_command_line_and_no_argv0(host, title, filling):
    name = title.partition(":")[0]
    host.proc.add(42, name, cmdline=title.encode() + filling, exe=f"/usr/sbin/{name}")
    host.sample()
    identity = host.identity(42)
    assert (identity.name, identity.command) == (name, f"/usr/sbin/{name}")
    assert identity.command_line == title


def test_arguments_are_separated_by_blanks_and_empty_ones_leave_two(host):
    host.proc.add(42, "a", cmdline=["a", "", "b c"])
    host.sample()
    assert host.identity(42).command_line == "a  b c"


def test_a_kernel_worker_keeps_its_name_whatever_it_works_on(host):
    host.proc.add_kernel_thread(42, "kworker/0:1-events")
    host.sample()
    assert host.identity(42).name == "kworker/0:1"
    host.proc.run(42, system=1)
    host.proc.change(42, name=b"kworker/0:1+flush-8:0")
    batch = host.sample()
    assert host.identity(42).name == "kworker/0:1"
    assert host.row(42) not in batch.named


@pytest.mark.parametrize("cut", [0, 5, 20, 60, -1])
def test_a_line_that_does_not_end_is_no_stat_line(host, cut):
    host.proc.add(42, "a")
    line = (host.proc.root / "42/stat").read_bytes()
    with pytest.raises(ValueError):
        parse.stat_fields(line[:cut], parse.stat_head(line[:cut]))


def test_context_switches_are_found_behind_thousands_of_groups(host, tmp_path):
    host.proc.add(42, "a", voluntary=11, involuntary=12)
    text = (host.proc.root / "42/status").read_bytes()
    groups = b"Groups:\t" + b" ".join(b"%d" % number for number in range(100_000, 101_000))
    host.proc.write("42/status", text.replace(b"Groups:\t ", groups))
    assert host.source._words.status("42")[2:] == (11, 12)
