"""What the page says in words; whatever is a number comes from the results."""

from __future__ import annotations

import textwrap

WIDTH = 110


def told_in_words(template: str, **values: object) -> str:
    """Filled in, and wrapped anew but for headings and fences."""
    return "\n\n".join(_wrapped(block) for block in template.format(**values).split("\n\n"))


def _wrapped(block: str) -> str:
    """A paragraph, or a list."""
    if block.startswith(("#", "```")):
        return block
    before, after = block[: len(block) - len(block.lstrip())], block[len(block.rstrip()) :]
    items = [" ".join(item.split()) for item in block.strip().split("\n- ")]
    texts = [items[0], *(f"- {item}" for item in items[1:])]
    return before + "\n".join(_filled(text) for text in texts) + after


def _filled(text: str) -> str:
    indent = "  " if text.startswith("- ") else ""
    return textwrap.fill(
        text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


OPENING = """\
# The race

NRDOT beside its peers, on the same process trees, at the same interval, with the same receiver. `make race`
makes this page and its charts in about {minutes} minutes; every number below was written by that program, and
[results.json](race/results.json) has them all, with the lowest and highest of {rounds} rounds.

Measured on {cpu}, {cores} cores, {memory}, {kernel}, Python {python}, on {date}; the load before was {load}.
Ratios hold elsewhere, absolute times do not. Medians stand first, the lowest and highest round in brackets.
"""

CONDITIONS = """\
## Conditions

- **The tree** is all there is in a pid namespace, but for the contestants and the receiver: small static
  programs with the names, command lines and users of a server's services. *Idle*: {idle}. *Mixed*: {mixed}.
  *All active*: {active}. *Churn*: {churn}.
- **Turns.** All contestants are started once and then work one at a time, the others stopped; the first looks
  of a turn are not counted. A round is a turn of each, so a drift of the machine meets everybody.
- **Interval.** Everybody looks and exports at the same interval ({intervals}), because the cost of a tick is
  what is compared. NRDOT's profiles would export less often by themselves ({own}), and a process that is
  neither anomalous nor never-filtered would be named as much later.
- **CPU** is user and system time of the contestant's process, by its own clock in the kernel. A daemon behind
  Netdata's plugin, and Prometheus behind the exporters, are not counted, nor is the receiver.
- **Bytes on the wire**: zstd for OTLP, gzip for scrapes; for Netdata's plugin the text that it writes to its
  daemon, which compresses it before it sends it on.
- **CPU shown by single processes** is the part of the tree's CPU that those processes used which have a
  series of their own: one that carries a pid, or a group with one member. **CPU shown at all** is what the
  differences of all series add up to, of what the tree used, without the contestants' own. Counters move in
  hundredths of a second, so it may be a little more or less than was used; shares over 100 % are written as
  100 %, and a difference below {noise:.0%} is not called a loss.
- **What a contestant tells of itself** is sent by NRDOT once a minute, so few turns meet it; the Collector's
  own metrics are switched off.
- **Everybody who chooses is told** of the one process that must never be lost, `{precious}`, in the way that
  it has.
- process-exporter runs without `-threads` and `-gather-smaps`, which are on by default and would cost it
  more.
"""

HUNT = """\
## Culprits

On a tree of {processes:,} processes, with everybody at work and a look every {interval} s, each culprit lasts
until everybody has looked {lasts} times (in brackets how long that was, and the CPU that it got):
"""

FOUND = """
By name means: a series of this process alone shows it (for the storm: series that bear the name of the jobs
or of their parent). In a group: the sum of that group rises in two looks or more, but nobody knows whose
fault it is. Seconds are from its beginning to the export that shows it; differences below one interval are
luck, because nobody's look is in step with the beginning. The leak counts as shown at {grown:.0f} MiB more,
CPU at {enough:.0%} of what was used.
"""

PANEL = """\
## One panel of a dashboard

The busiest programs over {minutes:.0f} minutes, a value every {step} s, on a Prometheus of its own for each
set of series, {repeats} times in turns. The series are those of the tree of {processes:,} processes,
continued at the rates that they had:

```text
{query}
```
"""
