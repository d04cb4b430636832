"""Documents that were made to crash or to stall a reader. Each runs in a process of its own, so that a crash
of the interpreter fails the test and nothing else."""

from __future__ import annotations

import os

import pytest

from nrdot.testing.commands.nursery import Forked

GUARD = 30.0  # seconds; a bomb that goes off takes minutes or the memory of the machine

LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=False)
)
MERGES = "a0: &a0 {k: v}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{','.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 8)
)
TOWER = "t0: &t0 [[[[[[[[[[x]]]]]]]]]]\n" + "".join(
    f"t{n}: &t{n} [[[[[[[[[[*t{n - 1}]]]]]]]]]]\n" for n in range(1, 90)
)

BOMBS = {
    "brackets that crash a composer written in C": ("[" * 60_000, "nested deeper than 64 levels"),
    "brackets that are closed": ("[" * 30_000 + "]" * 30_000, "nested deeper than 64 levels"),
    "braces": ("{a: " * 20_000, "nested deeper than 64 levels"),
    "dashes": ("- " * 30_000, "nested deeper than 64 levels"),
    "question marks": ("? " * 30_000, "a key that is not text"),
    "a billion laughs": (LAUGHS, "more than 100000 values, aliases followed"),
    "a bomb of merges": (MERGES, "merge keys (`<<`) are not read"),
    "a tower of aliases": (TOWER, "nested deeper than 64 levels"),
    "many aliases": ("a: &a x\nb: [" + "*a, " * 200 + "]\n", "more than 100 aliases"),
    "more than a mebibyte": ("# " + "x" * 2**20, "larger than 1 MiB"),
    "a flat crowd of values": ("a: [" + "1," * 400_000 + "]", "more than 100000 values"),
    "a crowd of unknown keys": ("".join(f"k{n}: 1\n" for n in range(49_000)), "k0: unknown key"),
    "a crowd of keys written twice": ("mode: observe\n" * 49_000, "mode: written twice, first in line 1"),
    "a crowd of profiles that nobody wrote": (
        "scopes:\n" + "".join(f"- {{user: u, profile: p{n}}}\n" for n in range(15_000)),
        "scopes[0].profile: there is no profile 'p0'",
    ),
    "a crowd of profiles that extend one another": (
        "profiles:\n" + "".join(f"  p{n}: {{extends: p{n + 1}}}\n" for n in range(20_000)) + "  p20000: {}\n",
        "more than 32 profiles extend one another",
    ),
    "digits": ("budget: " + "9" * 500_000, "a whole number is wanted"),
    "spaces in a duration": ("export_interval: '1s" + " " * 900_000 + "x'", "is not a duration"),
    "indentation": ("\n".join(" " * n + "a:" for n in range(1000)), "nested deeper than 64 levels"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused_and_nothing_crashes(tmp_path, text, message):
    path = tmp_path / "bomb.yaml"
    path.write_text(text)
    said, complaint = tmp_path / "said", tmp_path / "complaint"
    lint = Forked("profile", "lint", path, folder=tmp_path, environment=os.environ, out=said, err=complaint)
    assert lint.wait(GUARD) == 1, complaint.read_text()[-2000:]
    assert message in said.read_text().splitlines()[0]


SMALL = [
    "brackets that crash a composer written in C",
    "a billion laughs",
    "a bomb of merges",
    "a tower of aliases",
]


@pytest.mark.parametrize("name", SMALL)
def test_a_bomb_of_depth_merges_or_aliases_is_refused_before_it_is_read_to_its_end(name):
    from nrdot.config.document.tree import parse
    from nrdot.config.problem import Problems

    problems = Problems()
    text, _ = BOMBS[name]
    assert parse(text.encode(), "bomb.yaml", problems) is None
    (problem,) = problems.sorted()
    assert problem.line < text.count("\n") + 1 or problem.column < len(text) / 100
