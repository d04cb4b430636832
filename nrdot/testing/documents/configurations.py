"""Configuration documents by the thousand, most of them wrong: for fuzzing whatever reads one.

A document is either built from the schema's own keys with values of any kind, or a given text in which
slices were cut, doubled or replaced. The same seed gives the same documents.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import msgspec

from nrdot.checks.loading import CHECKS
from nrdot.config.problem import SHOWN, Severity
from nrdot.config.reading.expectations import examine_tests
from nrdot.config.reading.load import examine, lint
from nrdot.config.schema.expectations import Expectations
from nrdot.config.schema.profiles import Profile
from nrdot.config.schema.settings import Settings
from nrdot.config.schema.shapes import Shape, fields_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from nrdot.config.settled.configuration import Configuration

REASONS = ("score", "never_filtered")
SCALARS = (
    "balanced", "conservative", "nowhere", "true", "no", "on", "~", "", "''", "'a'", "0", "1", "-1", "0.5",
    "1.5", "010", "22:30", "1e9", ".nan", ".inf", "99999999999999999999", "15s", "5 parsecs", "7 years", "1%",
    "64MiB", "1GB", "[]", "{}", "[a, [b]]", "{a: b}", "'*'", "a: b", "- a", "&a x", "*a", "!!binary x",
    "${env:HOME}", "${env:A}", "${env:NOT_SET}", "$${env:X}", "http://h:4317", "https://h", "grpc://h", "EST",
    "Europe/Berlin", "2027-01-31", "Mon-Fri 09:00-18:00", "'T-24h'", "zstd", "maximum", "|\n  text\n  more",
    '"\\0"', '"\\ud800"', "Köln", "\U0001f642", "Switch all regions to conservative", "UTC 00:00-08:00",
    "{no_sampling: true}", "[{no_sampling: true}]", "^payment-", "(?=x)", "(a{900}){900}", "payment-*", "[",
    "tier=front", "a in (b", "a=b,a=c", "!x", "Dec 24-26", "*/5 * * * *", "0 0 30 2 *", "Feb 30",
    "00:00-24:00", "***",
    "Mon-Sun 25:00-26:00", "9999-12-31", "0001-01-01T00:00:00Z", "'T+99999999h'", "999999999999d", ">= 0.8",
)  # fmt: skip
FITTING = {bool: "true", int: "7", float: "0.5", str: "balanced"}
NOISE = (
    "\0", "\t", "\n", " ", ":", ": ", "- ", "{", "}", "[", "]", ",", "&a ", "*a", "<<: ", "!", "%", "|", ">",
    "'", '"', "#", "\\", "\x85", "\u2028", "\ufeff", "\x07", "---\n", "...\n",
    "? ", "é", "${", "${env:A}", "9" * 40,
)  # fmt: skip


def documents(seed: int, count: int, texts: Sequence[str] = ()) -> Iterator[bytes]:
    """`count` documents, some of them made from `texts`."""
    source = random.Random(seed)
    for _ in range(count):
        text = _mutated(source, source.choice(texts)) if texts and source.random() < 0.5 else _built(source)
        data = text.encode("utf-8", "replace")
        if source.random() < 0.03:
            at = source.randrange(len(data) + 1)
            data = data[:at] + bytes([source.randrange(256)]) + data[at:]
        yield data


ENVIRON = {"HOME": "/root", "A": "s3cr3t-value"}


def answer(path: Path, data: bytes) -> Configuration | None:
    """What loading a document as the agent does says, once every promise about that was checked.

    An answer for any bytes; each problem one printable line at a place within the file; nothing of the
    environment repeated; the same configuration at each reading. Raises AssertionError where one is broken,
    and lets pass whatever the loader lets pass.
    """
    path.write_bytes(data)
    configuration, problems = examine(path, ENVIRON, CHECKS)
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    assert (configuration is None) == bool(errors)
    lines = len(data.decode("utf-8", "replace").splitlines()) + 2
    for problem in problems:
        said = str(problem)
        assert "s3cr3t" not in said
        assert said.isprintable()
        assert len(problem.message) < 400 + SHOWN
        assert problem.file != str(path) or 0 <= problem.line <= lines
    if configuration is not None:
        assert configuration.settings.profile in configuration.profiles
        again, _ = examine(path, ENVIRON, CHECKS)
        assert again is not None
        assert again.revision == configuration.revision
    lint(path, ENVIRON, CHECKS)
    examine_tests(path, ENVIRON, REASONS)
    return configuration


def _mutated(source: random.Random, text: str) -> str:
    for _ in range(source.randrange(1, 6)):
        at = source.randrange(len(text) + 1)
        end = min(len(text), at + source.randrange(1, 30))
        what = source.randrange(4)
        if what == 0:
            text = text[:at] + text[end:]
        elif what == 1:
            text = text[:end] + text[at:]
        elif what == 2:
            text = text[:at] + source.choice(NOISE) + text[at:]
        else:
            text = text[:at] + source.choice(SCALARS) + text[end:]
    return text


def _built(source: random.Random) -> str:
    struct: Any = source.choice((Settings, Settings, Settings, Profile, Expectations))
    lines: list[str] = []
    known = sorted(fields_of(struct).items())
    for key, (_, shape, _) in source.sample(known, source.randrange(1, min(6, len(known) + 1))):
        lines += _entry(source, _spelled(source, key), shape, 0)
    text = "\n".join(lines) + "\n"
    return _mutated(source, text) if source.random() < 0.3 else text


def _entry(source: random.Random, key: str, shape: Shape, depth: int) -> list[str]:
    indent = "  " * depth
    if source.random() < 0.05 or depth > 5:
        return [f"{indent}{key}: {source.choice(SCALARS)}"]
    if shape.base is dict:
        inner = shape.inner[1]
        keys = source.sample(("a", "b", "T-1h", "UTC 00:00-08:00", "process", "x y"), source.randrange(1, 3))
        return [f"{indent}{key}:", *(line for one in keys for line in _entry(source, one, inner, depth + 1))]
    if shape.base is tuple:
        lines = [f"{indent}{key}:"]
        for _ in range(source.randrange(1, 3)):
            item = _entry(source, "x", shape.inner[0], depth + 1)
            first = item[0].strip().removeprefix("x:").strip()
            lines += [f"{indent}  - {first}"] if len(item) == 1 else [f"{indent}  -", *item[1:]]
        return lines
    if isinstance(shape.base, type) and issubclass(shape.base, msgspec.Struct):
        fields = sorted(fields_of(shape.base).items())
        chosen = source.sample(fields, source.randrange(1, min(4, len(fields)) + 1))
        return [
            f"{indent}{key}:",
            *(
                line
                for name, (_, inner, _) in chosen
                for line in _entry(source, _spelled(source, name), inner, depth + 1)
            ),
        ]
    return [f"{indent}{key}: {_scalar(source, shape)}"]


def _scalar(source: random.Random, shape: Shape) -> str:
    """A value that fits, or now and then any other."""
    if source.random() < 0.1:
        return source.choice(SCALARS)
    if shape.choices:
        return str(source.choice(shape.choices))
    return shape.example or FITTING.get(shape.base, "x")


def _spelled(source: random.Random, key: str) -> str:
    """The key, or now and then something like it."""
    if source.random() > 0.04:
        return key
    at = source.randrange(len(key))
    return key[:at] + source.choice(("", "x", key[at] * 2)) + key[at + 1 :] or "x"
