"""What a type cannot say: names that must exist elsewhere, zones, and what is legal but probably wrong."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from nrdot.config import effects, zones
from nrdot.config.problem import MalformedError, cut

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nrdot.config.problem import Findings, Path
    from nrdot.config.schema import Settings

_LAST_WORD = re.compile(r"([A-Za-z_/+-]+)\s*\Z")


class Rules:
    """Checks of one document, beyond its types."""

    def __init__(self, settings: Settings, findings: Findings) -> None:
        self._settings = settings
        self._findings = findings

    def check(self) -> None:
        self._destinations()
        self._classes()
        self._zones()
        self._events()
        self._wishes()

    def _destinations(self) -> None:
        seen: set[str] = set()
        for index, destination in enumerate(self._settings.export):
            if destination.title in seen:
                message = (
                    f"two destinations are called {destination.title!r}, and each needs a buffer of its own"
                )
                self._findings.error(("export", index, "name"), message, "give each a `name`")
            seen.add(destination.title)

    def _classes(self) -> None:
        encrypted = False
        for name, rule in self._settings.process_classification.items():
            path = ("process_classification", name)
            if not rule.patterns:
                self._findings.error(
                    (*path, "patterns"), "a class without patterns matches nothing", "add a pattern"
                )
            encrypted = encrypted or rule.special_handling.encrypted_storage
            if encrypted and not self._settings.encryption.has_key:
                self._findings.warn(
                    (*path, "special_handling"),
                    "the agent does not start without a key for the buffer",
                    "add `encryption: {key_file: PATH}`",
                )
                encrypted = False

    def _zones(self) -> None:
        settings = self._settings
        self._zone(("timezone",), settings.timezone)
        for index, rule in enumerate(settings.time_based_rules):
            path = ("time_based_rules", index)
            self._zone((*path, "timezone"), rule.timezone)
            self._schedule((*path, "schedule"), rule.schedule)
        for name, event in settings.event_handling.events.items():
            self._zone(("event_handling", name, "timezone"), event.timezone)
        for index, seasons in enumerate(settings.event_handling.seasonal_events):
            for name, season in seasons.items():
                inside = ("event_handling", "seasonal_events", index, name)
                self._zone((*inside, "timezone"), season.timezone)
                self._schedule((*inside, "schedule"), season.schedule)

    def _zone(self, path: Path, name: str | None) -> None:
        if name is None:
            return
        try:
            zones.zone(name)
        except MalformedError as error:
            self._findings.error(path, error.message, error.hint)
        self._abbreviation(path, name)

    def _schedule(self, path: Path, schedule: str | None) -> None:
        word = _LAST_WORD.search(schedule or "")
        if word:
            self._abbreviation(path, word[1])

    def _abbreviation(self, path: Path, name: str) -> None:
        warning = zones.abbreviation_warning(name)
        if warning:
            self._findings.warn(path, *warning)

    def _events(self) -> None:
        handling = self._settings.event_handling
        for name, event in handling.events.items():
            if event.start is None and event.cron is None:
                self._findings.warn(
                    ("event_handling", name),
                    "this event never begins",
                    "give it a `start`, or a `cron` if it recurs",
                )
        for index, seasons in enumerate(handling.seasonal_events):
            for name, season in seasons.items():
                if season.schedule is None and season.cron is None:
                    self._findings.warn(
                        ("event_handling", "seasonal_events", index, name),
                        "this season has no dates and never begins",
                        "give it a table, for example {profile: conservative, schedule: Dec 24-26}",
                    )
        for index, day in enumerate(self._settings.holidays):
            try:
                date.fromisoformat(day)
            except ValueError:
                self._findings.error(("holidays", index), f"{cut(day)!r} is not a date", "write YYYY-MM-DD")

    def _wishes(self) -> None:
        encryption = self._settings.encryption
        for field in ("config_files", "metrics_transport"):
            for index, wish in enumerate(getattr(encryption, field)):
                self._findings.warn(
                    ("encryption", field, index), "words do nothing here", effects.instead_of(wish)
                )


def references(settings: Settings) -> Iterator[tuple[Path, str]]:
    """Every place that names a profile."""
    yield ("profile",), settings.profile
    for index, rule in enumerate(settings.time_based_rules):
        yield ("time_based_rules", index, "profile"), rule.profile
    for index, scope in enumerate(settings.scopes):
        yield ("scopes", index, "profile"), scope.profile
    if settings.canary is not None:
        yield ("canary", "profile"), settings.canary.profile
    for index, hours in enumerate(settings.follow_the_sun):
        for key, window in hours.items():
            yield ("follow_the_sun", index, key, "profile"), window.profile
    if settings.active_region_handling.profile is not None:
        yield ("active_region_handling", "profile"), settings.active_region_handling.profile
    yield from _event_references(settings)


def _event_references(settings: Settings) -> Iterator[tuple[Path, str]]:
    handling = settings.event_handling
    for name, event in handling.events.items():
        if event.profile is not None:
            yield ("event_handling", name, "profile"), event.profile
        for index, phases in enumerate(event.preparation):
            for at, phase in phases.items():
                if phase.profile is not None:
                    yield ("event_handling", name, "preparation", index, at, "profile"), phase.profile
    for index, seasons in enumerate(handling.seasonal_events):
        for name, season in seasons.items():
            if season.profile is not None:
                yield ("event_handling", "seasonal_events", index, name, "profile"), season.profile
