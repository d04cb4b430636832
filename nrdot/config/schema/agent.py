"""The agent itself."""

from typing import Annotated, Literal

import msgspec

from nrdot.config.problem import MalformedError, shown
from nrdot.config.values.units import Count, Glob, PositiveDuration, Section, Share, Size, doc


class Agent(Section, frozen=True):
    """How the agent runs."""

    interval: Annotated[PositiveDuration, doc("How often to look at the processes.")] = 15.0
    procfs: Annotated[str, doc("Where the kernel's process file system is mounted.")] = "/proc"
    state_dir: Annotated[
        str, doc("Directory for buffer, ledger, last good configuration and audit trail.")
    ] = "/var/lib/nrdot"
    pushed: Annotated[
        str | None,
        doc("Directory in which a controller keeps `pushed.yaml`; only the file counts where absent."),
    ] = None
    cpu_budget: Annotated[Share, doc("CPU that the agent may use, in percent of one core over a minute.")] = (
        0.01
    )
    listen: Annotated[
        str | None, doc("Address and port of /healthz, /readyz and /metrics; empty to switch off.")
    ] = "127.0.0.1:13133"
    log_level: Annotated[Literal["debug", "info", "warning", "error"], doc("What is worth a log line.")] = (
        "info"
    )
    log_format: Annotated[
        Literal["auto", "human", "json"], doc("auto: for people on a terminal, JSON elsewhere.")
    ] = "auto"

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port to listen at; None where that is switched off."""
        if not self.listen:
            return None
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    def __post_init__(self) -> None:
        if self.listen:
            _, colon, port = self.listen.rpartition(":")
            if not colon or not port.isascii() or not port.isdigit() or int(port[:6]) > HIGHEST_PORT:
                raise MalformedError(
                    f"'{shown(self.listen)}' is not an address with a port",
                    "for example 127.0.0.1:13133",
                    field="listen",
                )
        if self.interval < SHORTEST:
            raise MalformedError("sampling more often than once a second is not offered", field="interval")


HIGHEST_PORT = 65535
SHORTEST = 1.0  # seconds


class CommandLine(Section, frozen=True):
    """Whether command lines leave the host. They hold secrets more often than people think."""

    enabled: Annotated[bool, doc("Export command lines, redacted.")] = False
    redact: Annotated[
        tuple[str, ...], doc("Further patterns (RE2) whose matches are replaced, beside the built-in ones.")
    ] = ()
    max_length: Annotated[Count, doc("Characters of a command line, at most.")] = 4096


class Series(Section, frozen=True):
    """How series begin and end at the backend. Both kinds count as points sent."""

    zero_points: Annotated[
        bool, doc("Begin each counter with a zero, for backends that ignore start times.")
    ] = True
    end_markers: Annotated[
        bool, doc("End each series with a point that says so, so that backends forget it.")
    ] = True


class Baseline(Section, frozen=True):
    """What savings are measured against."""

    interval: Annotated[PositiveDuration, doc("Interval of the scraper that NRDOT replaces.")] = 60.0


class LedgerSettings(Section, frozen=True):
    """The record of what was seen, kept and saved."""

    retention: Annotated[PositiveDuration, doc("How long a day's ledger is kept.")] = 400 * 86400.0
    max_size: Annotated[Size, doc("Bytes of all ledgers; the oldest day goes first.")] = 2**30
    tenant: Annotated[str, doc("Label of a process that says whose it is, for allocation.")] = "tenant"
    tenants: Annotated[
        dict[str, tuple[Glob, ...]],
        doc(
            "Known tenants, each with globs of the namespaces that may name it, none for any; "
            "all claims count where absent."
        ),
    ] = msgspec.field(default_factory=dict)
