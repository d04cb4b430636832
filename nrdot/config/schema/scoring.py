"""What a process is worth: classes, labels, overrides, business rules, incidents, the model."""

from typing import Annotated, ClassVar

from nrdot.config.problem import MalformedError
from nrdot.config.values.units import Glob, Modifier, PositiveDuration, Score, Section, Size, doc

NEVER_FILTERED = 1.0


class SpecialHandling(Section, frozen=True):
    """Duties towards the processes of a class."""

    no_sampling: Annotated[bool, doc("Export at every sample, exempt from shedding and suppression.")] = False
    full_audit_trail: Annotated[bool, doc("Changes of verdict go to the audit trail.")] = False
    encrypted_storage: Annotated[
        bool, doc("The buffer is encrypted; without a key the agent does not start.")
    ] = False

    listed: ClassVar[bool] = True


class ClassRule(Section, frozen=True):
    """A class of processes, known by their names or command lines."""

    score: Annotated[Score, doc("Score of the class; 1.0 is never filtered.")]
    patterns: Annotated[
        tuple[str, ...], doc("Patterns (RE2), searched in the name and in the command line.")
    ] = ()
    special_handling: Annotated[SpecialHandling, doc("Duties towards these processes.")] = SpecialHandling()
    requirement: Annotated[
        tuple[str, ...], doc("Requirements that this class serves, for example PCI-DSS.")
    ] = ()
    description: Annotated[str, doc("What the class holds, for people.")] = ""

    @property
    def never_filtered(self) -> bool:
        return self.score >= NEVER_FILTERED


class LabelRule(Section, frozen=True):
    """A score for everything that carries certain labels."""

    selector: Annotated[str, doc("Labels in Kubernetes' selector syntax, for example `tier=database`.")]
    score: Annotated[Score | None, doc("Base score; the highest among matching rules counts.")] = None
    score_modifier: Annotated[Modifier | None, doc("Added to the base; every matching rule counts.")] = None

    def __post_init__(self) -> None:
        if self.score is None and self.score_modifier is None:
            raise MalformedError("this rule changes nothing", "give it a `score` or a `score_modifier`")


class Override(Section, frozen=True):
    """What a person decided about certain processes. Beats every computed score."""

    process: Annotated[Glob, doc("Glob of process names, for example `payment-gateway-*`.")]
    force_collect: Annotated[bool, doc("Never filter these processes.")] = False
    importance: Annotated[Score | None, doc("Takes the place of the computed score.")] = None
    reason: Annotated[str, doc("Why, for people and the audit trail.")] = ""
    requirement: Annotated[
        tuple[str, ...], doc("Requirements that this override serves, for example SOX.")
    ] = ()
    expires: Annotated[str | None, doc("Date or RFC 3339 time after which the override no longer holds.")] = (
        None
    )

    def __post_init__(self) -> None:
        if not self.force_collect and self.importance is None:
            raise MalformedError(
                "this override changes nothing", "add `force_collect: true` or an `importance` from 0 to 1"
            )


class BusinessRule(Section, frozen=True):
    """What a service is worth to the business."""

    score: Annotated[Score, doc("Worth of the service.")]
    process: Annotated[Glob | None, doc("Glob of process names.")] = None
    unit: Annotated[Glob | None, doc("Glob of systemd units.")] = None
    namespace: Annotated[Glob | None, doc("Glob of Kubernetes namespaces.")] = None
    user: Annotated[Glob | None, doc("Glob of user names.")] = None
    selector: Annotated[str | None, doc("Labels in Kubernetes' selector syntax.")] = None
    requirement: Annotated[tuple[str, ...], doc("Requirements that this rule serves.")] = ()
    reason: Annotated[str, doc("Why, for people.")] = ""

    def __post_init__(self) -> None:
        if not any((self.process, self.unit, self.namespace, self.user, self.selector)):
            raise MalformedError(
                "this rule names no service", "name a `process`, `unit`, `namespace`, `user` or `selector`"
            )


class Incidents(Section, frozen=True):
    """Past incidents; what was in one lately matters more."""

    file: Annotated[str, doc("CSV or JSON with time, service or pattern, and severity.")]
    half_life: Annotated[PositiveDuration, doc("Age at which an incident counts half.")] = 90 * 86400.0


class Model(Section, frozen=True):
    """The trained model's part of the score."""

    enabled: Annotated[bool, doc("Let the model take part.")] = True
    file: Annotated[str | None, doc("Model to use; the one that NRDOT ships where absent.")] = None
    sha256: Annotated[str, doc("Checksum of the only model that is used, as `nrdot train` prints it.")] = ""
    max_size: Annotated[Size, doc("Largest model file that is read, in bytes.")] = 16 * 2**20


class Packs(Section, frozen=True):
    """Classes that NRDOT ships, for programs that hosts usually run."""

    enabled: Annotated[bool, doc("Use the shipped classes below the file's own.")] = True
    only: Annotated[tuple[str, ...], doc("Names of packs to use; all where empty.")] = ()
    directories: Annotated[tuple[str, ...], doc("Further directories with packs in the same form.")] = ()
