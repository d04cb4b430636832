"""What a type cannot say: names that must exist elsewhere, zones, and what is legal but probably wrong.

The rules look at every structure that could be made, so one mistake in a file does not hide the next.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from nrdot.config.problem import MalformedError, did_you_mean, shown
from nrdot.config.reading import wishes
from nrdot.config.schema.export import Otlp, Tls
from nrdot.config.schema.governance import Encryption
from nrdot.config.schema.scoring import ClassRule, Override
from nrdot.config.schema.settings import Settings
from nrdot.config.schema.timing import ActiveRegion, Canary, Event, Phase, Scope, Season, SunWindow, TimeRule
from nrdot.config.settled import retention
from nrdot.config.values import phrases, zones
from nrdot.config.values.limits import DIMENSIONS, EXAMPLES, written
from nrdot.config.values.units import offset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from nrdot.config.problem import Findings, Path

_END_WORDS = (re.compile(r"\s*([A-Za-z_/+-]+)"), re.compile(r"([A-Za-z_/+-]+)\s*\Z"))
_NAMES_A_PROFILE = (Settings, TimeRule, Scope, Canary, SunWindow, ActiveRegion, Phase, Season, Event)

MANY = 8  # names in a hint

Built = tuple["Path", Any]  # a structure and where it stands


class Rules:
    """Checks of one document, beyond its types."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._by_type: dict[type, Callable[[Path, Any], None]] = {
            Settings: self._settings,
            ClassRule: self._class,
            Override: self._override,
            TimeRule: self._timed,
            Season: self._season,
            Event: self._event,
            Encryption: self._encryption,
            Otlp: self._otlp,
        }

    def check(self, built: Iterable[Built]) -> None:
        for path, part in built:
            rule = self._by_type.get(type(part))
            if rule is not None:
                rule(path, part)

    def _settings(self, path: Path, settings: Settings) -> None:
        self._destinations(settings)
        self._zone(("timezone",), settings.timezone)
        for index, day in enumerate(settings.holidays):
            if not _is_date(day):
                self._findings.error(("holidays", index), f"'{shown(day)}' is not a date", "write YYYY-MM-DD")
        self._sun(settings)
        self._goals(settings)
        retention.check(settings, self._findings)
        if settings.encryption.has_key:
            return
        for name, rule in settings.process_classification.items():
            if rule.special_handling.encrypted_storage:
                self._findings.warn(
                    (*path, "process_classification", name, "special_handling"),
                    "encrypted_storage needs a key, and the agent does not start without one",
                    "add `encryption: {key_file: PATH}`",
                )

    def _destinations(self, settings: Settings) -> None:
        seen: set[str] = set()
        for index, destination in enumerate(settings.export):
            if destination.title in seen:
                message = (
                    f"two destinations are called '{shown(destination.title)}', and they would share a buffer"
                )
                self._findings.error(("export", index), message, "give each a `name`")
            seen.add(destination.title)

    def _goals(self, settings: Settings) -> None:
        for name, goal in settings.optimization_dimensions.items():
            where: Path = ("optimization_dimensions", name)
            if name not in DIMENSIONS:
                hint = did_you_mean(name, DIMENSIONS) or f"there are {', '.join(DIMENSIONS)}"
                self._findings.error(where, "no such dimension", hint)
            elif goal.constraint and written(goal.constraint, money=DIMENSIONS[name]) is None:
                hint = f"write for example {EXAMPLES[DIMENSIONS[name]]}"
                self._findings.error((*where, "constraint"), f"'{shown(goal.constraint)}' is no limit", hint)

    def _sun(self, settings: Settings) -> None:
        for index, hours in enumerate(settings.follow_the_sun):
            for key in hours:
                where: Path = ("follow_the_sun", index, key)
                try:
                    zone, _, _ = phrases.hours(key)
                except MalformedError as error:
                    self._findings.error(where, error.message, error.hint)
                else:
                    self._zone(where, zone or "UTC")
        regions = {window.region for hours in settings.follow_the_sun for window in hours.values()}
        own = (settings.region or "").lower()
        if regions and own not in {region.lower() for region in regions}:
            hint = f"set `region` to one of {', '.join(shown(region) for region in sorted(regions)[:MANY])}"
            path: Path = ("follow_the_sun",) if settings.region is None else ("region",)
            self._findings.warn(
                path, "none of the hours of follow_the_sun is for the region of this host", hint
            )

    def _class(self, path: Path, rule: ClassRule) -> None:
        if not rule.patterns:
            self._findings.error(path, "a class without patterns matches nothing", "add `patterns`")

    def _override(self, path: Path, override: Override) -> None:
        if override.expires is not None and not _is_time(override.expires):
            message = f"'{shown(override.expires)}' is not a time"
            self._findings.error((*path, "expires"), message, "write YYYY-MM-DD or 2027-01-31T18:00:00Z")

    def _timed(self, path: Path, rule: TimeRule | Season) -> None:
        if rule.timezone is not None:
            self._zone((*path, "timezone"), rule.timezone)
        words = {found[1] for end in _END_WORDS if (found := end.search(rule.schedule or ""))}
        for word in sorted(words):
            self._abbreviation((*path, "schedule"), word)

    def _season(self, path: Path, season: Season) -> None:
        self._timed(path, season)
        if season.schedule is None and season.cron is None:
            known = phrases.SEASONS.get(str(path[-1]).casefold())
            holds = f"and is taken to be {known}" if known else "and never begins"
            self._findings.warn(
                path,
                f"this season has no dates {holds}",
                f"give it a table, for example {{profile: conservative, schedule: {known or 'Dec 24-26'}}}",
            )
        if (season.cron is None) != (season.duration is None):
            self._findings.error(path, "`cron` and `duration` belong together", "write both")

    def _event(self, path: Path, event: Event) -> None:
        if event.timezone is not None:
            self._zone((*path, "timezone"), event.timezone)
        if event.start is not None and not _is_time(event.start):
            message = f"'{shown(event.start)}' is not a time"
            self._findings.error((*path, "start"), message, "write 2027-01-31T18:00:00Z or 2027-01-31 18:00")
        if event.start is None and event.cron is None:
            hint = "give it a `start`, or a `cron` if it recurs"
            self._findings.warn(path, "this event never begins", hint)
        for index, phases in enumerate(event.preparation):
            for key in phases:
                try:
                    offset(key)
                except MalformedError as error:
                    self._findings.error((*path, "preparation", index, key), error.message, error.hint)

    def _encryption(self, path: Path, encryption: Encryption) -> None:
        for field in ("config_files", "metrics_transport"):
            for index, wish in enumerate(getattr(encryption, field)):
                hint = wishes.instead_of(wish)
                self._findings.warn((*path, field, index), "words do nothing here", hint)

    def _otlp(self, path: Path, otlp: Otlp) -> None:
        path, tls = (*path, "tls"), otlp.tls
        if tls != Tls() and otlp.url.startswith("http://"):
            self._findings.error(path, "`tls` is set and the endpoint is plain http", "write https://")
        if len(set(tls.pins)) == 1:
            hint = "add the pin of a key that is kept in reserve"
            self._findings.warn((*path, "pins"), "with a single pin a lost key locks every agent out", hint)

    def _zone(self, path: Path, name: str) -> None:
        try:
            zones.zone(name)
        except MalformedError as error:
            self._findings.error(path, error.message, error.hint)
        self._abbreviation(path, name)

    def _abbreviation(self, path: Path, name: str) -> None:
        warning = zones.abbreviation_warning(name)
        if warning:
            self._findings.warn(path, *warning)


def references(built: Iterable[Built]) -> Iterator[tuple[Path, str]]:
    """Every place that names a profile, and the name."""
    for path, part in built:
        if isinstance(part, _NAMES_A_PROFILE) and part.profile is not None:
            yield (*path, "profile"), part.profile


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
