"""What a configuration does to one query: blinds it, changes what it shows, or leaves it alone.

Blind is a query that finds nothing, or not what it asks for: a metric that is not exported, a label that no
series has, a process that is summed into a group of another name. Changed is one that still answers, and
differently: the sum of a group counts as one series, and has no pid. Sums over all processes stay exact
under every profile, so they are never named.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nrdot.dashboards import names
from nrdot.stages import Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping

    from nrdot.config.schema.profiles import Profile
    from nrdot.config.settled.configuration import Configuration
    from nrdot.dashboards.names import Known
    from nrdot.dashboards.promql import Asked
    from nrdot.simulate.verdicts import Judged

# Aggregations to which a group is one value among those of processes.
_SINGLE = {
    "max": "the largest may be the sum of a group",
    "min": "the sum of a group is among the values",
    "avg": "the mean counts a group as one process",
    "topk": "sums of groups compete with processes",
    "bottomk": "sums of groups compete with processes",
    "quantile": "a group counts as one process",
    "stddev": "a group counts as one process",
    "stdvar": "a group counts as one process",
}
_PLAIN = re.compile(r"[A-Za-z0-9_./:@ \\-]+")
_ANY_END = re.compile(r"(?:\.[*+]|\\d[*+]|\[0-9\][*+])\Z")


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that happens to a query."""

    blind: bool
    rule: str
    message: str
    mend: str


@dataclass(frozen=True)
class Situation:
    """A configuration, and what is known of processes by name under each profile of the host."""

    configuration: Configuration
    profiles: Mapping[str, Profile]
    judged: Mapping[str, Mapping[str, tuple[Judged, ...]]]  # by profile, then by name
    measured: frozenset[str] = frozenset()  # names that a capture has; the others are judged idle and alone

    @property
    def rolling(self) -> list[str]:
        """Profiles under which something is summed."""
        if self.configuration.settings.mode == "observe":
            return []
        return [name for name, one in self.profiles.items() if one.aggregation and not one.full_visibility]

    @property
    def stable(self) -> bool:
        return self.configuration.settings.semconv == "stable"


def metrics_of(asked: Asked, *, stable: bool) -> list[Known]:
    """The metrics of NRDOT's that a selector takes; none where it asks for other things."""
    mine = names.known(stable=stable)
    if asked.metric:
        return [mine[asked.metric]] if asked.metric in mine else []
    wanted = [matcher for matcher in asked.on("__name__") if not matcher.open]
    if not wanted:
        return []
    taken = (one for name, one in mine.items() if one.name and all(matcher.takes(name) for matcher in wanted))
    return list(dict.fromkeys(taken))


def names_in(asked: Asked) -> tuple[list[str], bool]:
    """Names of processes that a selector asks for, and whether these are all that it can find."""
    found: list[str] = []
    whole = False
    for matcher in asked.on(names.NAME_LABEL, "process.executable.name"):
        if matcher.open or matcher.takes_absent or matcher.operator.startswith("!"):
            continue
        values = [matcher.value] if matcher.operator == "=" else _alternatives(matcher.value)
        found += values or []
        whole = whole or (values is not None and matcher.operator == "=") or _all_plain(matcher.value)
    return list(dict.fromkeys(found)), whole and bool(found)


def _alternatives(pattern: str) -> list[str] | None:
    """The names that a pattern lists, an example where it goes on freely; None where it says no names."""
    bare = pattern.removeprefix("(").removesuffix(")") if pattern.startswith("(") else pattern
    found = []
    for part in bare.split("|"):
        example = _ANY_END.sub("1", part)
        if not example or not _PLAIN.fullmatch(example) or part in {".*", ".+"}:
            return None
        found.append(example.replace("\\", ""))
    return found


def _all_plain(pattern: str) -> bool:
    parts = pattern.removeprefix("(").removesuffix(")").split("|")
    return all(_PLAIN.fullmatch(part) for part in parts)


def effects(asked: Asked, who: str, lists: str, situation: Situation) -> Iterator[Effect]:
    """Everything that the configuration does to one selector; `lists`: the label whose values it lists."""
    found = metrics_of(asked, stable=situation.stable)
    if not found:
        yield from _other_names(asked, situation)
        return
    missing = [one for one in found if not _exported(one, situation)]
    if len(missing) == len(found):
        yield _not_exported(asked, missing[0], situation)
        return
    yield from _labels(asked, found, situation)
    if asked.metric in {"nrdot_group_processes", "nrdot.group.processes"}:
        return
    rolling = situation.rolling
    kept = yield from _processes(asked, situation)
    if rolling and not kept and not asked.on(names.ROLL_UP_LABEL, "nrdot.rollup"):
        yield from _shape(asked, who, lists, rolling)


def _other_names(asked: Asked, situation: Situation) -> Iterator[Effect]:
    """A metric that only the other set of names has."""
    other = names.known(stable=not situation.stable).get(asked.metric)
    if other is None or not other.name:
        return
    mine = next(one for one in names.known(stable=situation.stable).values() if one.name == other.name)
    wanted = "hostmetrics" if situation.stable else "stable"
    yield Effect(
        True,
        "metric-of-other-names",
        f"`{asked.metric}` is called {mine.written} here",
        f"ask for that, or write `semconv: {wanted}`",
    )


def _exported(one: Known, situation: Situation) -> bool:
    if one.name == "nrdot.group.processes":
        return True
    return any(one.name in profile.metrics for profile in situation.profiles.values())


def _not_exported(asked: Asked, one: Known, situation: Situation) -> Effect:
    what = asked.metric or one.written
    if not one.name:
        return Effect(True, "metric-not-offered", f"`{what}` is not among NRDOT's metrics", "see `metrics`")
    under = _under(list(situation.profiles))
    mend = f"add {one.name} to `metrics`"
    return Effect(True, "metric-not-exported", f"`{what}` is not exported {under}", mend)


# Labels


def _labels(asked: Asked, found: list[Known], situation: Situation) -> Iterator[Effect]:
    settings = situation.configuration.settings
    keys = {one.key for one in found if one.key}
    others = {one.key for one in names.known(stable=not situation.stable).values() if one.key} - {
        one.key for one in names.known(stable=situation.stable).values()
    }
    for matcher in asked.matchers:
        key = names.label(matcher.label)
        if key in others and not matcher.takes_absent:
            mine = " or ".join(sorted(keys)) or "no label"
            wanted = "hostmetrics" if situation.stable else "stable"
            yield Effect(
                True,
                "label-of-other-names",
                f"there is no label {key}: what it splits is split by {mine} here",
                f"ask for that, or write `semconv: {wanted}`",
            )
        values = {value for one in found if one.key == key for value in one.values}
        if values and not matcher.open and not any(matcher.takes(value) for value in values):
            listed = ", ".join(sorted(values))
            yield Effect(
                True,
                "no-such-value",
                f'{key} is never {matcher.operator}"{matcher.value}"',
                f"it is {listed}",
            )
    asks_line = [one for one in asked.on(names.COMMAND_LINE, "process.command_line") if not one.takes_absent]
    if not settings.command_line.enabled and (asks_line or names.COMMAND_LINE in asked.grouped):
        yield Effect(
            True,
            "no-command-lines",
            "no series has a process_command_line: command lines stay on the host",
            "write `command_line: {enabled: true}`, or ask for process_executable_name",
        )


# Processes


def _processes(asked: Asked, situation: Situation) -> Generator[Effect, None, bool]:
    """What becomes of processes that are asked for by name; gives whether all of them are kept everywhere."""
    wanted, whole = names_in(asked)
    kept = bool(wanted) and whole
    for name in wanted:
        summed: dict[str, Judged] = {}
        for profile in situation.rolling:
            judged = situation.judged.get(profile, {}).get(name, ())
            worst = next((one for one in judged if one.verdict is not Verdict.KEEP), None)
            if worst is not None:
                summed[profile] = worst
        if summed:
            kept = False
            yield _rolled_up(asked, name, summed, situation)
    return kept


def _rolled_up(asked: Asked, name: str, summed: Mapping[str, Judged], situation: Situation) -> Effect:
    profile, one = next(iter(summed.items()))
    by_name = situation.profiles[profile].roll_up.by[0] == "executable"
    alone = any(
        not matcher.takes_absent
        for matcher in asked.matchers
        if names.label(matcher.label) in names.OF_PROCESSES
    )
    absent = any(function.startswith("absent") for function in asked.functions)
    measured = name in situation.measured
    found_by_name = one.group == f"{name} (executable)" if measured else by_name
    blind = alone or not found_by_name or one.verdict is Verdict.DROP
    if one.verdict is Verdict.DROP:
        where = "in the group `dropped`"
    elif measured:
        where = f"in the group {one.group}"
    elif by_name:
        where = "under its name while three or more run, else under its class"
    else:
        where = f"in a group by {situation.profiles[profile].roll_up.by[0]}"
    alarm = f"; the alert {'would' if blind else 'may'} fire" if absent else ""
    plural = "" if len(summed) > 1 else "s"
    verb = f"drop{plural}" if one.verdict is Verdict.DROP else f"roll{plural} up"
    message = f"{', '.join(summed)} {verb} {name} ({_why(one, measured=measured)}): found {where}{alarm}"
    mend = f"keep it: `overrides: [{{process: {_quoted(name)}, force_collect: true}}]`, or a class of its own"
    return Effect(blind, "process-rolled-up", message, mend)


def _why(one: Judged, *, measured: bool) -> str:
    if one.reason is Reason.BELOW:
        kind = f"class {one.class_name}" if one.class_name else "no class"
        return f"{kind}, score {one.score:.2f}{'' if measured else ' when idle'}, below {one.threshold:g}"
    if one.reason is Reason.BUDGET:
        return "the budget is spent"
    return "a `drop` rule" if one.reason is Reason.DROPPED else one.reason.name.lower()


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", name) else f'"{name}"'


# Groups among processes


def _shape(asked: Asked, who: str, lists: str, rolling: list[str]) -> Iterator[Effect]:
    """What a query that looks at all processes makes of groups."""
    under = _under(rolling)
    apart = f'add {names.ROLL_UP_LABEL}="" to see only processes with series of their own'
    demanded = _of_processes(matcher.label for matcher in asked.matchers if not matcher.takes_absent)
    if demanded:
        yield Effect(
            False,
            "label-of-processes",
            f"groups have no {', '.join(demanded)}: what is rolled up {under} is not among what it finds",
            f"force_collect what it must show, or ask by {names.NAME_LABEL}",
        )
        return
    read = _of_processes((*asked.grouped, *([lists] if lists else ())))
    if read:
        yield Effect(
            False,
            "label-of-processes",
            f"groups have no {', '.join(read)}: what is rolled up {under} falls together without it",
            f"group by {names.NAME_LABEL}, or {apart}",
        )
        return
    first = asked.aggregations[0] if asked.aggregations else ""
    if first in _SINGLE:
        yield Effect(False, "group-among-processes", f"{first}: {_SINGLE[first]} {under}", apart)
    elif first in {"count", "count_values", "group"}:
        mend = f'count({{..., {names.ROLL_UP_LABEL}=""}}) + sum(nrdot_group_processes) counts processes'
        yield Effect(False, "group-among-processes", f"{first}: a group counts as one {under}", mend)
    elif not first and who.startswith("alert ") and not _about_one(asked):
        message = f"the alert compares the sum of a group as if it were one process {under}"
        yield Effect(False, "group-among-processes", message, apart)


def _about_one(asked: Asked) -> bool:
    """Whether a query asks for certain processes, or only whether there is any."""
    return bool(names_in(asked)[0]) or any(one.startswith("absent") for one in asked.functions)


def _of_processes(labels: Iterable[str]) -> list[str]:
    found = {names.label(one) for one in labels} & names.OF_PROCESSES
    return sorted(found - {names.COMMAND_LINE})


def _under(profiles: list[str]) -> str:
    return f"under {', '.join(profiles)}"
