"""What a controller pushed to this host, and how it meets what the host itself says.

    DIR/pushed.yaml
        pushed: {revision: 42, expires: 2027-01-31T00:00:00Z, controller: fleet}
        profile: aggressive
        overrides: [...]

A pushed document says what is kept and how often, never how the agent runs, where metrics go or what is
written down about changes. Local rules that never filter and `force_collect` overrides hold whatever is
pushed. Of the rest the document with the higher revision wins, the local one where both have the same and
where it says `local_decision_making: true`: its tables are laid over the other's, key by key, and anything
else replaces the other's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from nrdot.config.document.sources import read_tree
from nrdot.config.document.tree import Items, Scalar, Table
from nrdot.config.problem import MalformedError, Mark, did_you_mean, shown
from nrdot.config.reading.check import BAD, Checker
from nrdot.config.reading.profiles import merged
from nrdot.config.schema.profiles import profile_keys
from nrdot.config.schema.scoring import NEVER_FILTERED
from nrdot.config.schema.settings import Settings
from nrdot.config.schema.shapes import fields_of
from nrdot.config.values.units import Positive, Section, doc

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from nrdot.config.document.tree import Node
    from nrdot.config.problem import Problems

FILE = "pushed.yaml"
HEADER = "pushed"
PUSHABLE = (profile_keys() - {"extends", "local_decision_making"}) | {
    "active_region_handling",
    "business_rules",
    "canary",
    "event_handling",
    "follow_the_sun",
    "holidays",
    "label_based_scoring",
    "mode",
    "overrides",
    "process_classification",
    "profile",
    "profiles",
    "scopes",
    "time_based_rules",
    "timezone",
}
LOCAL = (profile_keys() | fields_of(Settings).keys()) - PUSHABLE  # what only the file of a host says


class Header(Section, frozen=True):
    """Who pushed what, and until when it holds."""

    revision: Annotated[Positive, doc("Grows with every push; a lower one than before is refused.")]
    expires: Annotated[str, doc("RFC 3339 time after which the document no longer holds.")]
    controller: Annotated[str, doc("Who pushes, for the audit trail.")] = ""
    justification: Annotated[str, doc("Why, for the audit trail.")] = ""
    approval_id: Annotated[str, doc("Where it was approved, for the audit trail.")] = ""

    def __post_init__(self) -> None:
        try:
            expires = datetime.fromisoformat(self.expires)
        except ValueError:
            expires = None
        if expires is None or expires.tzinfo is None:
            raise MalformedError(
                f"'{shown(self.expires)}' is not an RFC 3339 time with an offset",
                "write 2027-01-31T00:00:00Z",
                field="expires",
            )

    @property
    def expires_ns(self) -> int:
        return int(datetime.fromisoformat(self.expires).astimezone(UTC).timestamp()) * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Pushed:
    """A pushed document that is right in itself."""

    header: Header
    tree: Table  # without the header
    file: str
    digest: str  # SHA-256 of its bytes


def read_pushed(path: Path, problems: Problems) -> Pushed | None:
    """The document in a file; None where there is a problem, which is reported.

    Nothing of the environment is filled in: what is pushed has no business there.
    """
    tree = read_tree(path, {}, problems)
    if tree is None:
        return None
    header = _header(tree, problems)
    for key in tree.entries.keys() - PUSHABLE - {HEADER}:
        if key in LOCAL:
            message, hint = f"`{shown(key)}` cannot be pushed", "say it in the file of the host"
        else:
            hint = "" if problems.crowded else did_you_mean(key, (*PUSHABLE, HEADER))
            message = "unknown key"
        problems.error(tree.keys[key], (key,), message, hint)
    if header is None or problems.failed:
        return None
    return Pushed(header, _without(tree, HEADER), str(path), problems.read[str(path)])


def _header(tree: Table, problems: Problems) -> Header | None:
    node = tree.entries.get(HEADER)
    if node is None:
        hint = "begin with `pushed: {revision: 1, expires: 2027-01-31T00:00:00Z}`"
        problems.error(tree.mark, (HEADER,), "a pushed document says its revision and its expiry", hint)
        return None
    found = Checker(problems).struct(node, Header, (HEADER,))
    return None if found is BAD else found


def joined(local: Table, pushed: Pushed) -> Table:
    """One document of both."""
    theirs = pushed.tree
    wins = pushed.header.revision > _revision(local) and not _decides_alone(local)
    table = merged(local, theirs) if wins else merged(theirs, local)
    entries = dict(table.entries)
    classes = _classes(entries.get("process_classification"), local)
    if classes is not None:
        entries["process_classification"] = classes
    overrides = _overrides(entries.get("overrides"), local.entries.get("overrides"))
    if overrides is not None:
        entries["overrides"] = overrides
    region = _region(entries.get("active_region_handling"), local.entries.get("active_region_handling"))
    if region is not None:
        entries["active_region_handling"] = region
    return Table(local.mark, entries, table.keys)


def _classes(both: Node | None, local: Table) -> Node | None:
    """Local classes that are never filtered, as they stand there."""
    own = local.entries.get("process_classification")
    if not (isinstance(both, Table) and isinstance(own, Table)):
        return both
    held = {name: rule for name, rule in own.entries.items() if _never_filtered(rule)}
    return Table(both.mark, {**both.entries, **held}, {**own.keys, **both.keys})


def _overrides(both: Node | None, own: Node | None) -> Node | None:
    """With every local `force_collect`, beside what else there is."""
    if not (isinstance(both, Items) and isinstance(own, Items)) or both is own:
        return both
    held = tuple(one for one in own.items if _forces(one))
    return Items(both.mark, (*held, *both.items))


def _region(both: Node | None, own: Node | None) -> Node | None:
    if not (isinstance(both, Table) and isinstance(own, Table)):
        return both
    overrides = _overrides(both.entries.get("overrides"), own.entries.get("overrides"))
    entries = both.entries if overrides is None else {**both.entries, "overrides": overrides}
    return Table(both.mark, entries, both.keys)


def _never_filtered(rule: Node) -> bool:
    score = rule.entries.get("score") if isinstance(rule, Table) else None
    return isinstance(score, Scalar) and _number(score.text) >= NEVER_FILTERED


def _forces(override: Node) -> bool:
    said = override.entries.get("force_collect") if isinstance(override, Table) else None
    return isinstance(said, Scalar) and said.text.lower() == "true"


def _revision(local: Table) -> float:
    said = local.entries.get("revision")
    return _number(said.text) if isinstance(said, Scalar) else 0.0


def _decides_alone(local: Table) -> bool:
    said = local.entries.get("local_decision_making")
    return isinstance(said, Scalar) and said.text.lower() == "true"


def _number(text: str) -> float:
    """What is no number is told of where types are checked."""
    try:
        return float(text)
    except ValueError:
        return 0.0


def _without(tree: Table, *names: str) -> Table:
    kept: Iterable[str] = [key for key in tree.entries if key not in names]
    return Table(
        tree.mark,
        {key: tree.entries[key] for key in kept},
        {key: tree.keys.get(key, Mark("")) for key in kept},
    )
