"""What is written down when the configuration in effect changes, and whether the change may take effect.

Where the file has an `auditLog`, the trail decides: a change whose entry cannot be written is refused.
Without one the trail is kept all the same, and a change takes effect even where it could not be told. What
happens by itself (schedules, verdicts, refusals) is written when that is possible and refuses nothing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nrdot.audit.copies import Copies
from nrdot.audit.entry import timestamp
from nrdot.audit.places import place
from nrdot.audit.trail import FOLDER, Trail
from nrdot.config.schema.governance import EVERY_FIELD, AuditLog
from nrdot.config.settled.retention import keeping
from nrdot.config.showing.effective import CONTENTS, differences, effective
from nrdot.errors import AuditFailure, ConfigError
from nrdot.govern.archive import identity
from nrdot.govern.author import author
from nrdot.govern.choosing import Origin, Refusal
from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nrdot.audit.copies import Destination
    from nrdot.audit.disk import Disk
    from nrdot.audit.entry import Entry
    from nrdot.clock import Clock
    from nrdot.config.schema.settings import Settings
    from nrdot.config.showing.effective import Values
    from nrdot.govern.archive import Archive
    from nrdot.govern.choosing import Choice
    from nrdot.govern.course import Course

WAITING = 256  # entries that are kept in memory while the trail cannot be written
DAY = 86400.0
ALWAYS = frozenset({"timestamp", "change_type"})  # the chain and the retention need them
PUSHED = "pushed.revision"
SCHEDULE = "schedule"  # the type of an entry
BY_FILE = ("start", "reload")  # types of entries whose reason stands in the file
REASON = ("justification", "approval_id")

_log = Log("audit")


@dataclass(frozen=True, slots=True)
class Change:
    """A configuration that may take effect, and what is to be written about that."""

    choice: Choice
    id: str
    values: Values
    destination: Destination | None
    content: Mapping[str, Any] | None  # None where nothing in effect changes
    decides: bool  # it may take effect only once it is written


class Auditor:
    """For the daemon's thread. Raises AuditFailure and ConfigError where a change is refused."""

    def __init__(self, state_dir: Path, host_id: str, archive: Archive, clock: Clock, disk: Disk) -> None:
        self._directory = state_dir / FOLDER
        self._host_id = host_id
        self._archive = archive
        self._clock = clock
        self._disk = disk
        self._trail: Trail | None = None
        self._copies: Copies | None = None
        self._settings: Settings | None = None  # in effect
        self._id = ""  # of the configuration in effect
        self._waiting: deque[Mapping[str, Any]] = deque()
        self._left_out = 0  # of those that waited, the oldest were given up
        self._phase: Mapping[str, Any] | None = None  # the last of the timetable; None until it is looked for
        self._refused: set[str] = set()  # digests of what was refused and told
        self._tend_at = clock.monotonic()
        self._failing = ""

    def weigh(self, choice: Choice, *, starting: bool = False) -> Change:
        """What a choice changes. Raises ConfigError where it lacks what the policy asks for."""
        settings = choice.configuration.settings
        stated = settings.audit_log or AuditLog()
        before = self._before()
        values = self._values(choice)
        name = identity(values)
        decides = _explicit(settings.audit_log) or before.get("auditLog.enabled") is True
        destination = place(stated, self._host_id, self._disk) if stated.enabled else None
        if name == self._id or not (stated.enabled or decides):
            return Change(choice, name, values, destination, None, decides)
        by_push = bool(self._id) and before.get(PUSHED) != values.get(PUSHED)
        content = self._content(choice, before, values, name, starting=starting, by_push=by_push)
        if self._id and choice.origin is not Origin.LAST_GOOD:
            self._check_policy(choice, stated, before, name, by_push=by_push)
            self._check_reason(choice, stated, before, content)
        return Change(choice, name, values, destination, content, decides)

    def write(self, change: Change) -> None:
        """Before the change takes effect. Raises AuditFailure where it must not."""
        if change.content is None:
            return
        try:
            self._keep(change)
            entry = self._append(change.content)
        except AuditFailure as error:
            if change.decides:
                raise AuditFailure(
                    f"{error}; the change is refused, the configuration in effect stays"
                ) from None
            self._cannot(error)
            return
        fields = {"entry": entry.number, "hash": entry.hash, "user": entry.content.get("user", "")}
        _log.info("the change is written to the audit trail", type=entry.content["change_type"], **fields)
        if (earlier := entry.content.get("reason_of")) is not None:
            _log.warning(
                "the reason of this change was given for an earlier one; edit `change` with each change",
                entry=entry.number,
                reason_of=earlier,
            )

    def settle(self, change: Change) -> None:
        """The change has taken effect."""
        self._id = change.id
        self._settings = change.choice.configuration.settings
        self._follow(change.destination)
        self._tend()

    def holds(self, course: Course) -> None:
        """What the timetable says as a configuration takes effect, where the trail does not say so already.

        Its hour may have come while the agent was down.
        """
        if not self._enabled:
            return
        try:
            self._phase = self._told() if self._phase is None else self._phase
        except AuditFailure as error:
            self._cannot(error)
            return
        entry = course.untold(self._phase)
        if entry is not None:
            self.note(entry)

    def refused(self, refusal: Refusal) -> None:
        """A pushed document, or a change that the policy does not allow; once for each content."""
        if refusal.digest in self._refused:
            return
        self._refused.add(refusal.digest)
        self.note(
            {"change_type": "refused", "user": refusal.controller or "unknown", "justification": refusal.what}
        )

    def note(self, content: Mapping[str, Any]) -> None:
        """Something that happened by itself. Never raises: what cannot be written now is written later."""
        if not self._enabled:
            return
        if content["change_type"] == SCHEDULE:
            self._phase = content.get("new_value")
        self._waiting.append({"timestamp": timestamp(self._clock.wall_ns()), **content})
        if len(self._waiting) > WAITING:
            self._waiting.popleft()
            self._left_out += 1
        self._write_waiting()

    def tend(self) -> None:
        """Now and then: what could not be written, and what has been kept long enough."""
        if self._waiting:
            self._write_waiting()
        if self._clock.monotonic() >= self._tend_at:
            self._tend()

    def document(self) -> dict[str, Any]:
        """For /readyz."""
        if self._trail is None:
            return {"error": self._failing} if self._failing else {}
        head, copies = self._trail.head, self._copies
        return {
            "entries": head.count,
            "hash": head.hash,
            **({"waiting": len(self._waiting)} if self._waiting else {}),
            **({"copied": copies.done, "to": copies.destination.name} if copies else {}),
            **({"error": copies.error} if copies and copies.error else {}),
        }

    def close(self) -> None:
        if self._copies is not None:
            self._copies.close()

    # Inside

    def _told(self) -> Mapping[str, Any]:
        """The last phase in the trail, empty where it has none. Raises AuditFailure."""
        last = self._opened().newest(SCHEDULE)
        return (last.content.get("new_value") if last else None) or {}

    @property
    def _enabled(self) -> bool:
        return self._settings is None or (self._settings.audit_log or AuditLog()).enabled

    def _opened(self) -> Trail:
        if self._trail is None:
            self._trail = Trail(self._directory, self._clock, self._disk)
        return self._trail

    def _before(self) -> Values:
        """What the trail says is in effect."""
        if not self._id:
            try:
                last = self._opened().last
            except AuditFailure as error:
                self._cannot(error)
                return {}
            self._id = str(last.content.get("configuration", "")) if last else ""
        return self._archive.values(self._id) or {}

    def _values(self, choice: Choice) -> Values:
        try:
            salt = self._archive.salt()
        except OSError:
            salt = b""  # nothing can be written here; whether that matters is decided where it is tried
        values = effective(choice.configuration, choice.contents, salt)
        return values if choice.pushed is None else {**values, PUSHED: choice.pushed.header.revision}

    def _check_policy(
        self, choice: Choice, stated: AuditLog, before: Values, name: str, *, by_push: bool
    ) -> None:
        if by_push and choice.pushed is None:
            return  # its time is over, and nobody can give a reason for that
        written = author(choice, by_push=by_push)
        required = dict.fromkeys((*stated.require, *before.get("auditLog.require", ())))
        missing = [name for name in required if not written.get(name)]
        if missing:
            what = f"a change needs {' and '.join(missing)} (auditLog.require)"
            self._refuse(choice, name, what, written["user"], missing[0])

    def _check_reason(
        self, choice: Choice, stated: AuditLog, before: Values, content: Mapping[str, Any]
    ) -> None:
        """A reason is of one change, where the policy says so."""
        policies = {stated.reused_reason, before.get("auditLog.reused_reason")}
        if "refuse" not in policies or (earlier := content.get("reason_of")) is None:
            return
        what = f"the reason of this change was given for entry {earlier} (auditLog.reused_reason)"
        user = author(choice, by_push=False)["user"]
        self._refuse(choice, str(content["configuration"]), what, user, REASON[0])

    def _refuse(self, choice: Choice, name: str, what: str, user: str, lacks: str) -> None:
        told = f"{choice.configuration.file or 'the environment'}: {what}"
        self.refused(Refusal(told, name, user))
        hint = f"write `change: {{{lacks}: ...}}` beside the change"
        raise ConfigError(f"{told}; the configuration in effect stays; {hint}")

    def _content(
        self, choice: Choice, before: Values, after: Values, name: str, *, starting: bool, by_push: bool
    ) -> dict[str, Any]:
        previous, new = differences(before, after)
        kind = "start" if starting or not self._id else "reload"
        if choice.rollback is not None:
            kind = "rollback"
        elif by_push:
            kind = "pushed"
        written = author(choice, by_push=by_push)
        content: dict[str, Any] = {
            "change_type": kind,
            **written,
            "previous_value": previous,
            "new_value": new,
        }
        if kind in BY_FILE and any(not path.startswith(CONTENTS) for path in new):
            content |= self._reason_of(written)
        stated = choice.configuration.settings.audit_log or AuditLog()
        left_out = set(EVERY_FIELD) - set(stated.fields) - ALWAYS
        return {
            **{key: value for key, value in content.items() if key not in left_out},
            "host": self._host_id,
            "configuration": name,
            "previous_configuration": self._id,
            "revision": choice.configuration.revision,
        }

    def _reason_of(self, written: Mapping[str, str]) -> dict[str, int]:
        """The entry for which this reason was written, where the file still has it from then."""
        try:
            earlier = [found for kind in BY_FILE if (found := self._opened().newest(kind)) is not None]
        except AuditFailure:  # the entry itself tells of it, when it is written
            return {}
        last = max(earlier, key=lambda entry: entry.number, default=None)
        # What `fields` left out of that entry cannot be compared.
        told = [field for field in REASON if last is not None and field in last.content]
        if last is None or not any(written[field] for field in told):
            return {}
        if any(written[field] != last.content[field] for field in told):
            return {}
        return {"reason_of": int(last.content.get("reason_of", last.number))}

    def _keep(self, change: Change) -> None:
        try:
            self._archive.keep(change.id, change.choice.configuration.document, change.values)
        except OSError as error:
            words = error.strerror or type(error).__name__
            raise AuditFailure(
                f"{self._directory.parent}: the configuration cannot be kept: {words}"
            ) from None

    def _append(self, content: Mapping[str, Any]) -> Entry:
        trail = self._opened()
        self._drain_waiting(trail)
        entry = trail.append(content)
        self._failing = ""
        if self._copies is not None:
            self._copies.wake()
        return entry

    def _drain_waiting(self, trail: Trail) -> None:
        while self._waiting:
            content = {"host": self._host_id, "configuration": self._id, **self._waiting[0]}
            if self._left_out:
                content["left_out"] = self._left_out
            trail.append(content)
            self._waiting.popleft()
            self._left_out = 0
            if self._copies is not None:
                self._copies.wake()

    def _write_waiting(self) -> None:
        try:
            self._drain_waiting(self._opened())
        except AuditFailure as error:
            self._cannot(error)
        else:
            self._failing = ""

    def _cannot(self, error: AuditFailure) -> None:
        if str(error) != self._failing:
            _log.error("the audit trail lacks an entry, nothing is refused for that", error=str(error))
        self._failing = str(error)

    def _follow(self, destination: Destination | None) -> None:
        """The copies of a configuration; a destination that stays is not disturbed."""
        before = self._copies
        wanted = destination.settings if destination else ()
        if before is not None and before.destination.settings == wanted:
            before.wake()
            return
        if before is not None:
            before.leave()
        self._copies = None
        if destination is not None:
            self._copies = Copies(self._directory, destination, self._clock, self._disk)
            self._copies.start()

    def _tend(self) -> None:
        """Once a day, and after each change."""
        self._tend_at = self._clock.monotonic() + DAY
        if self._settings is None or self._trail is None:
            return
        kept = keeping(self._settings)
        about = {"user": "nrdot", "host": self._host_id, "configuration": self._id}
        try:
            self._trail.retire(kept.audit, about, overwrite=kept.overwrite)
        except AuditFailure as error:
            self._cannot(error)


def _explicit(stated: AuditLog | None) -> bool:
    return stated is not None and stated.enabled
