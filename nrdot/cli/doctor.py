"""`nrdot doctor`: what works here and what does not, with the mend."""

from __future__ import annotations

from dataclasses import asdict
from itertools import zip_longest
from typing import TYPE_CHECKING

import typer

from nrdot.cli.options import Config, Json, Procfs, configuration, passed_over, warn

if TYPE_CHECKING:
    from nrdot.doctor.finding import Finding

NO = 1
_SIGNS = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "error": ("error", "red")}


def doctor(config: Config = None, json: Json = False, procfs: Procfs = None) -> None:
    """Check what works on this host: rights, descriptors, the clock, endpoints; exit status 1 on an error."""
    from nrdot.cli.output import print_json, progress
    from nrdot.clock import SystemClock
    from nrdot.doctor.checkup import checkup
    from nrdot.doctor.finding import Level

    found = configuration(config, procfs, quiet=True)
    warn(passed_over(config))
    with progress("looking around", quiet=json):
        findings = list(checkup(found, SystemClock()))
    worst = any(finding.level is Level.ERROR for finding in findings)
    if json:
        print_json({"well": not worst, "findings": [asdict(finding) for finding in findings]})
    else:
        _show(findings)
    if worst:
        raise typer.Exit(NO)


def _show(findings: list[Finding]) -> None:
    from rich.text import Text

    from nrdot.cli.output import console, table

    shown = table("", "about", "found")
    for finding, after in zip_longest(findings, findings[1:]):
        word, colour = _SIGNS[finding.level.value]
        words = Text(finding.what)
        if finding.mend and (
            after is None or after.mend != finding.mend
        ):  # one mend for several is said once
            words.append(f"\n→ {finding.mend}", style="dim")
        shown.add_row(Text(word, style=colour), finding.topic, words)
    console().print(shown)
    counts = [sum(finding.level.value == level for finding in findings) for level in ("error", "warning")]
    console().print(f"{_many(counts[0], 'error')}, {_many(counts[1], 'warning')}")


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
