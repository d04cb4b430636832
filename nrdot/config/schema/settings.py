"""The whole configuration document.

`Settings` is what the YAML becomes. A profile's keys (`profiles.py`) may stand beside these at the top
of the file and then override every profile.
"""

from typing import Annotated, Literal

import msgspec

from nrdot.config.schema.agent import Agent, Baseline, CommandLine, LedgerSettings, Series
from nrdot.config.schema.cluster import Kubernetes
from nrdot.config.schema.export import Destination
from nrdot.config.schema.governance import AuditLog, Change, Dimension, Encryption, Retention, Solver
from nrdot.config.schema.profiles import Profile
from nrdot.config.schema.scoring import BusinessRule, ClassRule, Incidents, LabelRule, Model, Override, Packs
from nrdot.config.schema.timing import ActiveRegion, Canary, EventHandling, Scope, SunWindow, TimeRule
from nrdot.config.values.units import Count, Section, doc

DEFAULT_PROFILE = "conservative"


class Settings(Section, frozen=True):
    """One configuration document."""

    profile: Annotated[str, doc("Profile of this host: a shipped one, one under `profiles`, or a file.")] = (
        DEFAULT_PROFILE
    )
    profiles: Annotated[dict[str, Profile], doc("Profiles of this file, by name.")] = msgspec.field(
        default_factory=dict
    )
    mode: Annotated[
        Literal["optimize", "observe"],
        doc("observe exports everything and only records what would be saved."),
    ] = "optimize"
    semconv: Annotated[
        Literal["hostmetrics", "stable"],
        doc("Names of metrics: hostmetrics' own, or the semantic conventions'."),
    ] = "hostmetrics"
    timezone: Annotated[str, doc("IANA zone for rules that name none.")] = "UTC"
    region: Annotated[str | None, doc("Region of this host, for follow_the_sun.")] = None
    agent: Annotated[Agent, doc("How the agent runs.")] = Agent()
    kubernetes: Annotated[
        Kubernetes | None, doc("What the agent does as part of a cluster; nothing where absent.")
    ] = None
    export: Annotated[
        tuple[Destination, ...], doc("Where metrics go; a file in the state directory where absent.")
    ] = ()
    resource: Annotated[dict[str, str], doc("Attributes of everything that is exported.")] = msgspec.field(
        default_factory=dict
    )
    labels: Annotated[dict[str, str], doc("Labels that every process of this host carries.")] = msgspec.field(
        default_factory=dict
    )
    command_line: Annotated[CommandLine, doc("Whether command lines leave the host.")] = CommandLine()
    series: Annotated[Series, doc("How series begin and end at the backend.")] = Series()
    baseline: Annotated[Baseline, doc("What savings are measured against.")] = Baseline()
    ledger: Annotated[LedgerSettings, doc("The record of what was seen, kept and saved.")] = LedgerSettings()

    overrides: Annotated[tuple[Override, ...], doc("What a person decided about certain processes.")] = ()
    process_classification: Annotated[dict[str, ClassRule], doc("Classes of processes, by name.")] = (
        msgspec.field(default_factory=dict)
    )
    packs: Annotated[Packs, doc("Classes that NRDOT ships.")] = Packs()
    label_based_scoring: Annotated[tuple[LabelRule, ...], doc("Scores by labels.")] = ()
    business_rules: Annotated[tuple[BusinessRule, ...], doc("What services are worth to the business.")] = ()
    incidents: Annotated[Incidents | None, doc("History of incidents.")] = None
    model: Annotated[Model, doc("The trained model.")] = Model()

    time_based_rules: Annotated[tuple[TimeRule, ...], doc("Profiles by time.")] = ()
    holidays: Annotated[tuple[str, ...], doc("Dates, YYYY-MM-DD, that time rules may name as holidays.")] = ()
    event_handling: Annotated[EventHandling, doc("Planned events and seasons.")] = EventHandling()
    follow_the_sun: Annotated[
        tuple[dict[str, SunWindow], ...], doc("Hours, each with what holds for a region during them.")
    ] = ()
    active_region_handling: Annotated[ActiveRegion, doc("What holds while the host's region is active.")] = (
        ActiveRegion()
    )
    canary: Annotated[Canary | None, doc("Hosts that try another profile.")] = None
    scopes: Annotated[tuple[Scope, ...], doc("Profiles for some of the processes.")] = ()

    data_retention: Annotated[dict[str, Retention], doc("How long data stays on the host.")] = msgspec.field(
        default_factory=dict
    )
    audit_log: Annotated[AuditLog | None, doc("The trail of configuration changes.")] = msgspec.field(
        default=None, name="auditLog"
    )
    change: Annotated[Change, doc("What the author says about this change.")] = Change()
    revision: Annotated[
        Count,
        doc("Of this file, compared with what a controller pushed: where they differ, the higher wins."),
    ] = 0
    encryption: Annotated[Encryption, doc("Encryption of the disk buffer.")] = Encryption()

    optimization_dimensions: Annotated[dict[str, Dimension], doc("Goals of the solver.")] = msgspec.field(
        default_factory=dict
    )
    solver: Annotated[Solver, doc("How `nrdot simulate` searches for a profile.")] = Solver()
