"""`nrdot profile lint --dashboards`: each query that a configuration would blind or change, with the mend."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from nrdot.config.problem import Problem, Severity, clip, one_line
from nrdot.config.reading.load import find_profile, is_profile
from nrdot.config.schema.settings import Settings
from nrdot.config.settled.configuration import Configuration
from nrdot.dashboards.blinding import Situation, effects, names_in
from nrdot.dashboards.files import Query, queries, unreadable
from nrdot.dashboards.promql import UnreadableError, asked, parser
from nrdot.simulate.given import Given, judge
from nrdot.simulate.run import under
from nrdot.simulate.verdicts import verdicts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from nrdot.dashboards.promql import Asked
    from nrdot.simulate.verdicts import Judged

    Load = Callable[[Path], Configuration]


def look(file: Path, directory: Path, load: Load, capture: Path | None = None) -> dict[Path, list[Problem]]:
    """Problems of each dashboard and rule file. Raises ConfigError, UsageError, CaptureError."""
    parser()
    configuration = _configuration(file, load)
    found = queries(directory)
    read: list[tuple[Path, Query, list[Asked]]] = []
    problems: dict[Path, list[Problem]] = {path: [] for path in found}
    for path, entries in found.items():
        for entry in entries:
            if isinstance(entry, Problem):
                problems[path].append(entry)
                continue
            try:
                read.append((path, entry, asked(entry.text)))
            except UnreadableError as error:
                words = f"not PromQL that can be read: {error}"
                problems[path].append(unreadable(entry.mark, words, entry.who))
    wanted = {name for _, _, selectors in read for one in selectors for name in names_in(one)[0]}
    situation = _situation(configuration, sorted(wanted), capture)
    for path, query, selectors in read:
        problems[path] += dict.fromkeys(_problems(query, selectors, situation))
    return problems


def _problems(query: Query, selectors: Sequence[Asked], situation: Situation) -> list[Problem]:
    mark = query.mark
    return [
        Problem(
            Severity.ERROR if effect.blind else Severity.WARNING,
            mark.file,
            mark.line,
            mark.column,
            clip(one_line(query.who)),
            one_line(effect.message),
            one_line(effect.mend),
            effect.rule,
        )
        for one in selectors
        for effect in effects(one, query.who, query.label, situation)
    ]


def _configuration(file: Path, load: Load) -> Configuration:
    """A configuration, or a profile as if it were the host's."""
    if not is_profile(file, os.environ):
        return load(file)
    found = find_profile(file.name, file.parent, os.environ)
    name = file.stem
    return Configuration(str(file), Settings(profile=name), {name: found.profile}, (), {}, {})


def _situation(configuration: Configuration, names: Sequence[str], capture: Path | None) -> Situation:
    """What is known of processes by name under each profile that the host may have."""
    own = configuration.settings.profile
    scoped = {scope.profile for scope in configuration.settings.scopes}
    others = [name for name in configuration.profiles if name != own and name not in scoped]
    profiles = {name: configuration.profiles[name] for name in (own, *others)}
    judged: dict[str, Mapping[str, tuple[Judged, ...]]] = {}
    measured: set[str] = set()
    for name, profile in profiles.items():
        one = under(configuration, name, profile)
        described = dict(zip(names, judge(one, [Given(each) for each in names], time.time_ns()), strict=True))
        known = {each: (found,) for each, found in described.items()}
        seen = _measured(one, names, capture) if capture else {}
        measured |= seen.keys()
        judged[name] = {**known, **seen}
    return Situation(configuration, profiles, judged, frozenset(measured))


def _measured(
    configuration: Configuration, names: Sequence[str], capture: Path
) -> dict[str, tuple[Judged, ...]]:
    found: dict[str, tuple[Judged, ...]] = {}
    processes = verdicts(capture, configuration).processes
    for name in names:
        mine = tuple(one for one in processes if one.name == name)
        if mine:
            found[name] = mine
    return found
