"""A profile: how much is kept, how often it is sent."""

from typing import Annotated, Any, ClassVar, Literal

import msgspec

from nrdot.config.problem import MalformedError
from nrdot.config.schema.export import Batching, Compression
from nrdot.config.values.units import (
    Count,
    Duration,
    Factor,
    Glob,
    Positive,
    PositiveDuration,
    Score,
    Section,
    Share,
    Weight,
    doc,
)

Metric = Literal[
    "process.cpu.time",
    "process.disk.io",
    "process.memory.usage",
    "process.memory.virtual",
    "process.memory.private",
    "process.memory.swap",
    "process.threads",
    "process.open_file_descriptors",
    "process.paging.faults",
    "process.context_switches",
]
USUAL_METRICS: tuple[Metric, ...] = (
    "process.cpu.time",
    "process.disk.io",
    "process.memory.usage",
    "process.memory.virtual",
)
GroupKey = Literal["executable", "class", "container", "pod", "namespace", "unit", "user"]


class TopN(Section, frozen=True):
    """The largest consumers, kept whatever their score."""

    cpu: Annotated[Count, doc("Processes kept for the CPU time they use.")] = 50
    memory: Annotated[Count, doc("Processes kept for the resident memory they hold.")] = 50
    io: Annotated[Count, doc("Processes kept for the bytes they read and write.")] = 50
    cpu_coverage: Annotated[
        Share,
        doc(
            "CPU of each sample that kept processes are to have: besides the largest as many as it takes; 0% "
            "is no more."
        ),
    ] = 0.9

    def __post_init__(self) -> None:
        if self.cpu_coverage > 1:
            raise MalformedError("more than all of the CPU", "write 100% or less", field="cpu_coverage")


class RollUp(Section, frozen=True):
    """How the rest becomes sums."""

    by: Annotated[
        tuple[GroupKey, ...], doc("What groups are keyed by; the first key that a process has is used.")
    ] = ("executable",)
    groups: Annotated[
        Positive, doc("Groups at most; what does not fit joins its class's group, then `other`.")
    ] = 64
    members: Annotated[Positive, doc("Processes that a group needs to open.")] = 3
    hold: Annotated[Duration, doc("How long an empty group stays open.")] = 600.0


class Weights(Section, frozen=True):
    """How much each part of the score counts; a part that is absent gives its weight to the others."""

    pattern: Annotated[Weight, doc("Class by name and command line, adjusted by labels.")] = 0.4
    model: Annotated[Weight, doc("The trained model.")] = 0.3
    business: Annotated[Weight, doc("Business rules.")] = 0.2
    incident: Annotated[Weight, doc("History of incidents.")] = 0.1

    def __post_init__(self) -> None:
        if self.pattern + self.model + self.business + self.incident <= 0:
            raise MalformedError("all weights are 0", "give at least one part a weight")


class Anomaly(Section, frozen=True):
    """When a process counts as having left its own history."""

    enabled: Annotated[bool, doc("Keep processes that behave unlike their own past.")] = True
    sensitivity: Annotated[
        Factor, doc("Width of the band in robust standard deviations; less is more alert.")
    ] = 6.0
    warm_up: Annotated[PositiveDuration, doc("How long a process is watched before it can be anomalous.")] = (
        600.0
    )
    restarts: Annotated[Positive, doc("Restarts within ten minutes that count as a loop.")] = 3


class DropRule(Section, frozen=True):
    """Processes whose own detail is worth nothing; their sums go into the one group `dropped`."""

    process: Annotated[Glob | None, doc("Glob of process names.")] = None
    class_: Annotated[str | None, doc("Name of a class.")] = msgspec.field(default=None, name="class")
    below: Annotated[Score | None, doc("Only where the score is below this.")] = None
    reason: Annotated[str, doc("Why, for people.")] = ""

    def __post_init__(self) -> None:
        if self.process is None and self.class_ is None and self.below is None:
            raise MalformedError(
                "this rule would drop everything", "name a `process`, a `class` or a score `below`"
            )


class Profile(Section, frozen=True):
    """How much is kept and how often it is sent. The defaults are those of `conservative`."""

    description: Annotated[str, doc("What the profile is for.")] = ""
    extends: Annotated[str | None, doc("Profile whose values hold where this one is silent.")] = None
    threshold: Annotated[Score, doc("Score from which a process keeps its own series.")] = 0.3
    export_interval: Annotated[
        PositiveDuration, doc("How often to export; rounded up to a multiple of `agent.interval`.")
    ] = 15.0
    metrics: Annotated[tuple[Metric, ...], doc("Metrics of each process, by their hostmetrics names.")] = (
        USUAL_METRICS
    )
    top_n: Annotated[TopN, doc("The largest consumers, kept whatever their score.")] = msgspec.field(
        default_factory=TopN
    )
    budget: Annotated[
        Count, doc("Distinct series within 20 minutes at most, the never-filtered aside; 0 is no limit.")
    ] = 7000
    points: Annotated[
        Share,
        doc(
            "Points, of those of every process, 300 at least, up to which `cpu_coverage` keeps more; mean of "
            "20 minutes."
        ),
    ] = 1.0
    roll_up: Annotated[RollUp, doc("How the rest becomes sums.")] = msgspec.field(default_factory=RollUp)
    hold: Annotated[Duration, doc("How long a process stays kept after the last reason to keep it.")] = 600.0
    grace: Annotated[Duration, doc("How long a new process is kept, from its second observation.")] = 600.0
    compression: Annotated[Compression, doc("How request bodies are compressed.")] = msgspec.field(
        default_factory=Compression
    )
    batching: Annotated[Batching, doc("How records wait and merge into requests.")] = msgspec.field(
        default_factory=Batching
    )
    delta_encoding: Annotated[bool, doc("Leave out points that did not change, between heartbeats.")] = False
    heartbeat: Annotated[PositiveDuration, doc("How often an unchanged point is sent all the same.")] = 120.0
    weights: Annotated[Weights, doc("How much each part of the score counts.")] = msgspec.field(
        default_factory=Weights
    )
    anomaly: Annotated[Anomaly, doc("When a process counts as anomalous.")] = msgspec.field(
        default_factory=Anomaly
    )
    drop: Annotated[tuple[DropRule, ...], doc("Processes whose detail is given up.")] = ()
    aggregation: Annotated[bool, doc("Roll up what is not kept.")] = True
    full_visibility: Annotated[bool, doc("Keep every process.")] = False
    real_time: Annotated[bool, doc("Export at every sample, whatever `export_interval` says.")] = False
    local_decision_making: Annotated[
        bool, doc("At the top of the file: nothing that a controller pushes overrides what it says.")
    ] = False

    synonyms: ClassVar[dict[str, str]] = {"upload_frequency": "export_interval"}

    @property
    def suppresses_unchanged(self) -> bool:
        return self.delta_encoding or self.compression.delta_encoding

    def __post_init__(self) -> None:
        if self.heartbeat > LONGEST_HEARTBEAT:
            raise MalformedError(
                "backends forget a series within minutes", "write 2m or less", field="heartbeat"
            )
        if not self.metrics:
            raise MalformedError("a profile without metrics sends nothing", field="metrics")


LONGEST_HEARTBEAT = 120.0  # seconds


def profile_keys() -> frozenset[str]:
    """Every key that a profile may hold, other spellings included."""
    fields: Any = msgspec.structs.fields(Profile)
    return frozenset((*(field.encode_name for field in fields), *Profile.synonyms))
