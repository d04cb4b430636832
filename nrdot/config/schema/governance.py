"""Who may change what, what is written down about it, and how it is protected."""

from typing import Annotated, ClassVar, Literal

from nrdot.config.problem import MalformedError, shown
from nrdot.config.values.units import Positive, PositiveDuration, Score, Section, Weight, doc

AuditField = Literal[
    "timestamp", "user", "change_type", "previous_value", "new_value", "justification", "approval_id"
]
EVERY_FIELD: tuple[AuditField, ...] = (
    "timestamp",
    "user",
    "change_type",
    "previous_value",
    "new_value",
    "justification",
    "approval_id",
)


class AuditLog(Section, frozen=True):
    """The trail of every change to the effective configuration."""

    enabled: Annotated[bool, doc("Write the trail.")] = True
    destination: Annotated[
        str | None,
        doc("`s3://bucket/prefix/` to copy to, or a directory; only the state directory where absent."),
    ] = None
    format: Annotated[Literal["json"], doc("Form of an entry.")] = "json"
    fields: Annotated[tuple[AuditField, ...], doc("What an entry holds.")] = EVERY_FIELD
    retention: Annotated[PositiveDuration, doc("How long entries are kept.")] = 7 * 365 * 86400.0
    immutable: Annotated[bool, doc("Lock objects at the destination where it can.")] = False
    require: Annotated[
        tuple[Literal["justification", "approval_id"], ...], doc("A change without these is refused.")
    ] = ()
    reused_reason: Annotated[
        Literal["warn", "refuse"],
        doc("What becomes of a changed file whose `change` gives the words of the change before."),
    ] = "warn"

    def __post_init__(self) -> None:
        kind, scheme, rest = (self.destination or "").partition("://")
        if scheme and kind != "s3":
            raise MalformedError(
                f"{shown(kind)}:// is no place for copies of the trail",
                "write s3://bucket/prefix/ or a directory",
                field="destination",
            )
        if scheme and not rest.strip("/"):
            raise MalformedError(
                "the destination names no bucket", "write s3://bucket/prefix/", field="destination"
            )


class Change(Section, frozen=True):
    """What the author of this file says about the change, for the audit trail."""

    justification: Annotated[str, doc("Why the configuration changes.")] = ""
    approval_id: Annotated[str, doc("Where the change was approved.")] = ""
    user: Annotated[str, doc("Who changes it; the file's owner where absent.")] = ""


class Retention(Section, frozen=True):
    """How long data stays on the host: of one kind (`ledger`, `buffer`, `audit`), or in one region.

    An entry for a region holds for ledger and buffer where the host's `region` is that one or is not said.
    """

    retention_days: Annotated[Positive, doc("Days after which data is deleted.")]
    purge_strategy: Annotated[
        Literal["delete", "secure_delete"], doc("secure_delete overwrites before it deletes.")
    ] = "delete"


class Encryption(Section, frozen=True):
    """Encryption of the disk buffer with AES-256-GCM."""

    enabled: Annotated[bool | None, doc("Encrypt the buffer; where absent, when there is a key.")] = None
    key_file: Annotated[str | None, doc("File with the key: 32 bytes, or 64 hexadecimal digits.")] = None
    key_env: Annotated[str | None, doc("Environment variable with the key in hexadecimal.")] = None
    key_command: Annotated[tuple[str, ...], doc("Program and arguments that print the key.")] = ()
    old_key_files: Annotated[
        tuple[str, ...], doc("Keys of segments that were written before a rotation.")
    ] = ()
    config_files: Annotated[tuple[str, ...], doc("Wishes for configuration files, in words.")] = ()
    metrics_transport: Annotated[tuple[str, ...], doc("Wishes for the transport, in words.")] = ()

    sources: ClassVar[tuple[str, ...]] = ("key_file", "key_env", "key_command")

    @property
    def has_key(self) -> bool:
        return any(getattr(self, source) for source in self.sources)

    def __post_init__(self) -> None:
        given = [source for source in self.sources if getattr(self, source)]
        if len(given) > 1:
            raise MalformedError(
                "more than one source for the key", f"keep one of {', '.join(given)}", field=given[1]
            )
        if self.enabled and not given:
            raise MalformedError(
                "encryption needs a key", "name one: key_file, key_env or key_command", field="enabled"
            )


class Dimension(Section, frozen=True):
    """One goal of the solver."""

    weight: Annotated[Weight, doc("How much the goal counts.")]
    target: Annotated[str, doc("What to do with it, for people.")] = ""
    constraint: Annotated[str | None, doc("Limit that holds whatever the weights, for example `> 95%`.")] = (
        None
    )


class Solver(Section, frozen=True):
    """How `nrdot simulate` searches for a profile."""

    algorithm: Annotated[Literal["genetic_algorithm", "grid"], doc("Way to search.")] = "grid"
    population_size: Annotated[Positive, doc("Candidates in a generation, at most.")] = 100
    generations: Annotated[Positive, doc("Generations, at most; each candidate is tried once.")] = 1000
    mutation_rate: Annotated[Score, doc("Share of values that change by chance, 0 to 1.")] = 0.1
    crossover_rate: Annotated[Score, doc("Share of candidates that mix two others, 0 to 1.")] = 0.8
