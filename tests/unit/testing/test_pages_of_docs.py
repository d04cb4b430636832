"""The readers of documentation look closely: what is wrong in a page is seen."""

from __future__ import annotations

import pytest

from nrdot.testing.commands.console import Console, shows
from nrdot.testing.documents.pages import anchors, blocks, links, prose, spoken_commands

PAGE = """# A page

```sh status=1
nrdot one
```

1. a step

   ```yaml file=a.yaml
   key: value
   ```

See `nrdot scan --json`, [there](other.md#a-heading) and ![a picture](x.svg).

```text
[not a link](nowhere.md) `nrdot nonsense`
```

## With `code` and, words
"""


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    return path


def test_blocks_come_with_their_kind_marks_and_line(page):
    first, second, third = blocks(page)
    assert (first.kind, first.text, first.marks, first.line) == ("sh", "nrdot one\n", {"status": "1"}, 4)
    assert (second.kind, second.text, second.marks) == ("yaml", "key: value\n", {"file": "a.yaml"})
    assert third.kind == "text"


@pytest.mark.parametrize(
    ("fence", "words"),
    [
        ("```shell\nx\n```", "is none of"),
        ("```sh skip=1\nx\n```", "has a mark that is none of"),
        ("```sh needs=root\nx\n```", "needs= and by= go together"),
        ("```sh by=tests/x.py::test_y\nx\n```", "needs= and by= go together"),
        ("```sh\nx\n", "never ends"),
        ("- ```sh\n  x\n  ```", "on a line of its own"),
    ],
)
def test_a_fence_that_is_not_understood_is_refused(tmp_path, fence, words):
    path = tmp_path / "page.md"
    path.write_text(fence)
    with pytest.raises(AssertionError, match=words):
        list(blocks(path))


def test_links_and_commands_are_those_of_the_prose(page):
    assert list(links(page)) == ["other.md#a-heading", "x.svg"]
    assert list(spoken_commands(page)) == ["nrdot scan --json"]
    assert anchors(page) == {"a-page", "with-code-and-words"}
    assert len(prose(page).splitlines()) == len(PAGE.splitlines())


@pytest.fixture
def console(tmp_path):
    return Console(tmp_path, tmp_path)


def test_commands_run_in_order_with_their_status_and_what_they_print(console, tmp_path):
    (tmp_path / "a.yaml").write_text("profile: balanced\n")
    (tmp_path / "b.yaml").write_text("profil: balanced\n")
    good, bad, both = console.run(
        "nrdot profile lint a.yaml   # all is well\n"
        "nrdot profile lint b.yaml   # status 1: a typo\n"
        "nrdot profile lint *.yaml >told.txt\n"
    )
    assert (good.status, good.wanted, good.out) == (0, None, "a.yaml: no problems\n")
    assert (bad.status, bad.wanted) == (1, 1)
    assert both.status == 1
    assert (tmp_path / "told.txt").read_text() == good.out + bad.out


def test_what_needs_a_shell_gets_one_and_stops_at_the_first_failure(console):
    (done,) = console.run("echo one | tr o 0\nfalse\necho two\n")
    assert (done.status, done.out) == (1, "0ne\n")
    (agent,) = console.run("nrdot agent -c nowhere.yaml\n")
    assert agent.status == 2
    assert "nowhere.yaml: there is no such file" in agent.err


@pytest.mark.parametrize(
    ("wanted", "missing"),
    [
        ("b  c\n", ""),
        ("a\nb c\n", ""),
        ("b c\na\n", "a"),
        ("b\n", "b"),
        ("d ... f\n", ""),
        ("...\nd e ...\n", ""),
        ("d ... g\n", "d ... g"),
    ],
)
def test_a_promise_is_kept_line_by_line_and_in_order(wanted, missing):
    assert shows(wanted, "a\n b   c\nd e f\n") == missing
