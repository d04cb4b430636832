"""From resources to the document that agents take, checked as `nrdot profile lint` would.

    TelemetryProfile (a profile for nodes)  ─┐
    TelemetryProfile with `workloads`       ─┤─► one document for each node group ─► its revision
    ClassificationPolicy                    ─┤
    ConfigMap nrdot-k8s-classification      ─┘

The revision is a hash of the document's text: the same content has the same revision wherever it comes from.
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from nrdot.checks.loading import CHECKS
from nrdot.cluster.objects import Custom, Metadata
from nrdot.cluster.revision import revision_of
from nrdot.config.document.tree import parse_text
from nrdot.config.problem import InvalidConfigurationError, Mark, Problems
from nrdot.config.reading.load import load
from nrdot.config.reading.pushed import FILE, read_pushed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from nrdot.cluster.objects import ConfigMap

RULES_MAP = (
    "nrdot-k8s-classification"  # the ConfigMap of plain rules, as teams wrote it before there were policies
)
MOST = 450_000  # bytes of a document; a pointer holds two and names of nodes, and an object at most 1 MiB
_LONGEST = 400  # characters of a reason
_PLAIN = Custom(Metadata("plain"), {"profile": "conservative"})
_PROBE = "pushed: {revision: 1, expires: '2100-01-01T00:00:00Z'}\n"


class NotCompiledError(Exception):
    """A resource that the API server let through, and the linter does not."""


@dataclass(frozen=True, slots=True)
class Compiled:
    text: str
    revision: str
    warnings: tuple[str, ...] = ()


class Compiler:
    """Compiles what changed. The linter reads every pattern, so it is asked once for the same sources."""

    def __init__(self) -> None:
        self._known: dict[str, Compiled | NotCompiledError] = {}
        self._used: set[str] = set()

    def compile(
        self,
        profile: Custom,
        workloads: Sequence[Custom],
        policies: Sequence[Custom],
        maps: Sequence[ConfigMap],
        discovered: Mapping[str, Any] | None = None,
    ) -> Compiled:
        """The document for the nodes of one profile. Raises NotCompiledError, the same each time."""
        scopes = [(one.metadata.name, one.spec) for one in workloads]
        sources = [
            profile.spec,
            scopes,
            [one.spec for one in policies],
            [one.data for one in maps],
            discovered,
        ]
        return self._asked(
            revision_of(json.dumps(sources)),
            lambda: compile_group(profile, workloads, policies, maps, discovered),
        )

    def compile_rules(self, policies: Sequence[Custom]) -> Compiled:
        """Policies over the plainest profile. Raises NotCompiledError, the same each time."""
        sources = [_PLAIN.spec, [one.spec for one in policies]]
        return self._asked(revision_of(json.dumps(sources)), lambda: compile_group(_PLAIN, (), policies, ()))

    def _asked(self, key: str, compiled: Callable[[], Compiled]) -> Compiled:
        self._used.add(key)
        if key not in self._known:
            try:
                self._known[key] = compiled()
            except NotCompiledError as error:
                self._known[key] = error
        found = self._known[key]
        if isinstance(found, NotCompiledError):
            raise NotCompiledError(str(found))
        return found

    def forget_unused(self) -> None:
        """What was not asked for since the last time."""
        self._known = {key: found for key, found in self._known.items() if key in self._used}
        self._used = set()


def compile_group(
    profile: Custom,
    workloads: Sequence[Custom],
    policies: Sequence[Custom],
    maps: Sequence[ConfigMap],
    discovered: Mapping[str, Any] | None = None,
) -> Compiled:
    """The document for the nodes of one profile. Raises NotCompiledError."""
    document: dict[str, Any] = dict(profile.spec.get("configuration") or {})
    document["profile"] = profile.spec.get("profile")
    if schedule := profile.spec.get("schedule"):
        document["time_based_rules"] = [*document.get("time_based_rules", ()), *schedule]
    # What the operator itself recommends comes last, because the first scope that matches decides.
    advised = (discovered or {}).get("scopes") or ()
    scopes = [*(scope for one in workloads for scope in _scopes(one)), *advised]
    if scopes:
        document["scopes"] = [*document.get("scopes", ()), *scopes]
    policed, ruled = [policy.spec for policy in policies], [rules_of(one) for one in maps]
    for source in (*policed, *ruled, discovered or {}):
        _add(document, source)
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)
    if len(text.encode()) > MOST:
        raise NotCompiledError(
            f"the document has {len(text.encode())} bytes, and at most {MOST} fit into a pointer; "
            "split the profile, or shorten its lists of patterns"
        )
    return Compiled(text, revision_of(text), _checked(text))


def _scopes(profile: Custom) -> Iterable[dict[str, Any]]:
    for one in profile.spec.get("workloads") or ():
        found = {key: one[key] for key in ("namespace", "selector") if key in one}
        yield {
            **found,
            "profile": profile.spec.get("profile"),
            "reason": f"TelemetryProfile {profile.metadata.name}",
        }


def _add(document: dict[str, Any], source: Mapping[str, Any]) -> None:
    """Lists go on, tables take what they do not have: who says something about a class first, holds."""
    for key in ("label_based_scoring", "overrides", "business_rules"):
        if source.get(key):
            document[key] = [*document.get(key, ()), *source[key]]
    classes = source.get("process_classification")
    if classes:
        document["process_classification"] = {**classes, **document.get("process_classification", {})}


def rules_of(one: ConfigMap) -> Mapping[str, Any]:
    """What a ConfigMap of plain rules says. Raises NotCompiledError."""
    found: dict[str, Any] = {}
    for name, text in sorted(one.data.items()):
        if not name.endswith((".yaml", ".yml")):
            continue
        # The configuration's own parser first: it refuses what would be slow or dangerous to load.
        problems = Problems()
        parse_text(text, Mark(f"{one.metadata.name}/{name}"), problems)
        if problems.failed:
            raise NotCompiledError(_said(str(problem) for problem in problems.sorted()))
        loaded = yaml.safe_load(text)
        if isinstance(loaded, dict):
            _add(found, loaded)
    return found


def _checked(text: str) -> tuple[str, ...]:
    """The linter's warnings. Raises NotCompiledError with its errors."""
    problems = Problems()
    with tempfile.TemporaryDirectory(prefix="nrdot-compile-") as folder:
        file = Path(folder) / FILE
        file.write_text(_PROBE + text, encoding="utf-8")
        pushed = read_pushed(file, problems)
        if pushed is None:
            raise NotCompiledError(_said(_plain(str(one), folder) for one in problems.sorted()))
        try:
            configuration = load(None, {}, CHECKS, pushed=pushed)
        except InvalidConfigurationError as error:
            raise NotCompiledError(_said([_plain(str(error), folder)])) from None
    return tuple(_plain(str(one), folder) for one in configuration.warnings)


def _plain(words: str, folder: str) -> str:
    """Without the place where it was looked at, which means nothing to whoever wrote the resource."""
    return re.sub(rf"(?:{re.escape(folder)}/)?{re.escape(FILE)}:\d+(:\d+)?: ", "", words)


def _said(problems: Iterable[str]) -> str:
    return "; ".join(problems)[:_LONGEST]
