"""What is compiled once, and what is forgotten."""

from __future__ import annotations

import pytest

from nrdot.cluster.objects import Custom, Metadata
from nrdot.kube.compiled import Compiler, NotCompiledError


def test_what_is_the_same_is_compiled_once_and_what_nobody_asks_for_is_forgotten() -> None:
    compiler = Compiler()
    first = compiler.compile(_profile_of("balanced"), (), (), ())
    other = compiler.compile(_profile_of("aggressive"), (), (), ())
    assert other.revision != first.revision
    compiler.forget_unused()
    assert compiler.compile(_profile_of("balanced"), (), (), ()) is first
    compiler.forget_unused()
    assert compiler.compile(_profile_of("aggressive"), (), (), ()) is not other


def test_what_is_refused_is_refused_again_without_a_second_look() -> None:
    compiler = Compiler()
    for _ in range(2):
        with pytest.raises(NotCompiledError, match="nonsense"):
            compiler.compile(_profile_of("nonsense"), (), (), ())


def _profile_of(name: str) -> Custom:
    return Custom(Metadata("general"), {"profile": name})
