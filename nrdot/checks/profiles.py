"""What is legal in a profile and surely not meant: thresholds that decide nothing, intervals that cannot be.

Only what follows from the configuration alone is told, and only of values that the user wrote: the shipped
profiles are nobody's mistake to mend.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nrdot.config.paths import shipped_profiles
from nrdot.config.settled.intervals import exports_every

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nrdot.config.problem import Mark, Path
    from nrdot.config.reading.load import Report
    from nrdot.config.schema.profiles import Profile
    from nrdot.config.schema.settings import Settings
    from nrdot.config.settled.configuration import Configuration

_PARTS = {  # a part of the score, and the section of the configuration that it counts for
    "pattern": "label_based_scoring",
    "business": "business_rules",
    "incident": "incidents",
}


def check_profiles(configuration: Configuration, report: Report) -> None:
    shipped = frozenset(str(path) for path in shipped_profiles().values())
    for name, profile in configuration.profiles.items():
        places = Places(configuration, name, shipped)
        for found in _everything(configuration.settings, profile, places):
            report.warn(found.path, found.message, found.hint)
    _unused(configuration, report)


@dataclass(frozen=True, slots=True)
class Places:
    """Where the values of one profile were written, and by whom."""

    configuration: Configuration
    profile: str
    shipped: frozenset[str]

    def wrote(self, *steps: str | int) -> bool:
        """Whether the user wrote the value, or something in it."""
        known = self.configuration.profile_origins.get(self.profile, {})
        return any(
            path[: len(steps)] == steps and mark.file and mark.file not in self.shipped
            for path, mark in known.items()
        )

    def together(self, *keys: str) -> bool:
        """Whether the user wrote these side by side, so that one of them was inherited from nobody."""
        known = self.configuration.origins
        for base in ((), ("profiles", self.profile)):
            marks = [known.get((*base, key)) for key in keys]
            files = {mark.file for mark in marks if mark is not None}
            if None not in marks and len(files) == 1 and not files & self.shipped:
                return True
        return False

    def path(self, *steps: str | int) -> Path:
        """The value as its file spells it: above all profiles, or within this one."""
        above = self.configuration.origins.get(steps)
        own = self._mark(steps)
        return steps if above is not None and above == own else ("profiles", self.profile, *steps)

    def _mark(self, steps: Path) -> Mark | None:
        return self.configuration.origin(steps, self.profile)


@dataclass(frozen=True, slots=True)
class _Found:
    path: Path
    message: str
    hint: str


def _everything(settings: Settings, profile: Profile, places: Places) -> Iterator[_Found]:
    yield from _selection(settings, profile, places)
    yield from _budget(profile, places)
    yield from _intervals(settings, profile, places)
    yield from _lists(profile, places)
    yield from _weights(settings, profile, places)
    if profile.local_decision_making and ("local_decision_making",) not in places.configuration.origins:
        yield _Found(
            places.path("local_decision_making"),
            "`local_decision_making` is read at the top of a host's file, not in a profile",
            "move it there",
        )


def _selection(settings: Settings, profile: Profile, places: Places) -> Iterator[_Found]:
    visible = profile.full_visibility or not profile.aggregation
    if visible:
        because = "full_visibility" if profile.full_visibility else "aggregation"
        why = "full_visibility: true" if profile.full_visibility else "aggregation: false"
        for key in ("threshold", "top_n"):
            if places.together(key, because):
                yield _Found(
                    places.path(key), f"`{why}` keeps every process, so this decides nothing", "remove one"
                )
        return
    if profile.threshold == 0 and places.wrote("threshold"):
        yield _Found(
            places.path("threshold"),
            "a threshold of 0 keeps every process: no score is below it",
            "write `full_visibility: true` if that is meant, or a threshold such as 0.3",
        )
    if profile.threshold >= 1 and _keeps_nothing(settings, profile) and places.wrote("threshold"):
        yield _Found(
            places.path("threshold"),
            "nothing is ever kept: no score, no rank, no anomaly and no rule leads to series of its own",
            "lower the threshold, or give `top_n` or an override with `force_collect`",
        )


def _keeps_nothing(settings: Settings, profile: Profile) -> bool:
    top = profile.top_n
    ways = (
        top.cpu or top.memory or top.io,
        profile.anomaly.enabled,
        profile.grace,
        any(rule.never_filtered for rule in settings.process_classification.values()),
        any(rule.force_collect or rule.importance == 1 for rule in settings.overrides),
        any(rule.importance == 1 for rule in settings.active_region_handling.overrides),
        settings.scopes,
    )
    return not any(ways)


def _budget(profile: Profile, places: Places) -> Iterator[_Found]:
    keys = [("budget",), ("roll_up", "groups"), ("metrics",)]
    written = next((key for key in keys if places.wrote(*key)), None)
    if written is None or not profile.budget:
        return
    from nrdot.encode.catalogue import select  # loads numpy, which most files do without

    points = sum(len(metric.points) for metric in select(profile.metrics))
    reserved = profile.roll_up.groups * (points + 1)
    if profile.budget - reserved < points:
        yield _Found(
            places.path(*written),
            f"a budget of {profile.budget} series has no room for a process: "
            f"{profile.roll_up.groups} groups of {points + 1} series may take {reserved}",
            f"write `budget: {reserved + 10 * points}` or more, or fewer groups",
        )


def _intervals(settings: Settings, profile: Profile, places: Places) -> Iterator[_Found]:
    sampled, wanted = settings.agent.interval, profile.export_interval
    if profile.real_time:
        if places.together("real_time", "export_interval"):
            message = "`real_time: true` exports at every sample, so this decides nothing"
            yield _Found(places.path("export_interval"), message, "remove one of them")
    elif exports_every(settings, profile) != wanted:
        every = exports_every(settings, profile)
        own = places.wrote("export_interval")
        if own or ("agent", "interval") in places.configuration.origins:
            yield _Found(
                places.path("export_interval") if own else ("agent", "interval"),
                f"{wanted:g} s is no multiple of `agent.interval`, {sampled:g} s: "
                f"exports come every {every:g} s",
                "make one a multiple of the other",
            )
    suppressed = "delta_encoding" if profile.delta_encoding else "compression"
    late = exports_every(settings, profile) >= profile.heartbeat
    if profile.suppresses_unchanged and late and (places.wrote(suppressed) or places.wrote("heartbeat")):
        yield _Found(
            places.path("delta_encoding") if profile.delta_encoding else places.path("compression"),
            f"delta_encoding leaves nothing out: exports come every {exports_every(settings, profile):g} s, "
            f"and each value is sent every {profile.heartbeat:g} s anyway",
            "export more often than the heartbeat, or remove it",
        )


def _lists(profile: Profile, places: Places) -> Iterator[_Found]:
    for steps, values in ((("metrics",), profile.metrics), (("roll_up", "by"), profile.roll_up.by)):
        for index, value in enumerate(values):
            if value in values[:index] and places.wrote(*steps):
                yield _Found(places.path(*steps, index), "written twice in this list", "keep one")
    keys = profile.roll_up.by
    after = keys[keys.index("executable") + 1 :] if "executable" in keys else ()
    if after and places.wrote("roll_up", "by"):
        yield _Found(
            places.path("roll_up", "by", keys.index(after[0])),
            f"`{after[0]}` is never used: every process has an executable, and the first key counts",
            "put `executable` last",
        )


def _weights(settings: Settings, profile: Profile, places: Places) -> Iterator[_Found]:
    for part, section in _PARTS.items():
        if (
            getattr(profile.weights, part) == 0
            and getattr(settings, section)
            and places.wrote("weights", part)
        ):
            yield _Found(
                places.path("weights", part),
                f"`{section}` decides nothing at a weight of 0",
                "give the part a weight, or remove the rules",
            )


def _unused(configuration: Configuration, report: Report) -> None:
    """Profiles of this very file, while the host runs the default that nobody asked for."""
    settings = configuration.settings
    if not settings.profiles or ("profile",) in configuration.origins:
        return
    if not settings.profiles.keys().isdisjoint(_named(settings)):
        return
    names = ", ".join(f"`{name}`" for name in list(settings.profiles)[:3])
    report.warn(
        ("profiles",),
        f"nothing names {names}, and the host uses {settings.profile}",
        f"write `profile: {next(iter(settings.profiles))}`",
    )


def _named(settings: Settings) -> Iterator[str]:
    """Every profile that a rule of the file names, or that one of its profiles extends."""
    yield settings.profile
    for profile in settings.profiles.values():
        if profile.extends is not None:
            yield profile.extends
    yield from (rule.profile for rule in settings.time_based_rules)
    yield from (scope.profile for scope in settings.scopes)
    for hours in settings.follow_the_sun:
        yield from (window.profile for window in hours.values())
    events = settings.event_handling
    optional: list[str | None] = [settings.active_region_handling.profile]
    optional += [settings.canary.profile] if settings.canary else []
    for event in events.events.values():
        optional += [event.profile, *(one.profile for phases in event.preparation for one in phases.values())]
    optional += [one.profile for seasons in events.seasonal_events for one in seasons.values()]
    yield from filter(None, optional)
