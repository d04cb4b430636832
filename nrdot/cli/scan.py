"""`nrdot scan`: every process of this host, with its score and its verdict."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nrdot.cli.options import Config, Json, Procfs, looked_at

if TYPE_CHECKING:
    from nrdot.agent.wire import Stages
    from nrdot.batch import Batch


class Order(StrEnum):
    cpu = "cpu"
    rss = "rss"
    score = "score"
    name = "name"
    pid = "pid"


LARGEST_FIRST = (Order.cpu, Order.rss, Order.score)


def scan(
    config: Config = None,
    json: Json = False,
    sort: Annotated[Order, typer.Option(help="What comes first.")] = Order.score,
    procfs: Procfs = None,
) -> None:
    """Show every process now: score, class, verdict and the reason for it."""
    now, stages, batch = looked_at(config, procfs, quiet=json)
    processes = _processes(stages, batch)
    processes.sort(key=lambda one: one[sort.value], reverse=sort in LARGEST_FIRST)
    totals = _totals(processes)
    if stages.policy.observe:
        totals["would_keep"] = int(stages.policy.would_keep(batch.living).sum())
    if json:
        from nrdot.cli.output import print_json

        print_json({"processes": processes, "totals": totals})
        return
    _show(processes, totals, now.holding.profile)


def _processes(stages: Stages, batch: Batch) -> list[dict[str, Any]]:
    from nrdot.batch import Gauge
    from nrdot.stages import Reason, Verdict

    table, rows = batch.table, batch.living
    parts = stages.scorer.parts(rows)
    classes = stages.scorer.patterns.class_names
    return [
        {
            "pid": int(table.pid[row]),
            "start": int(table.born_ns[row]),
            "name": table.identity[row].name,
            "class": classes[table.class_id[row]] or None,
            "score": round(float(table.score[row]), 4),
            "parts": {name: _number(column[index]) for name, column in parts.items()},
            "verdict": Verdict(int(table.verdict[row])).name,
            "reason": Reason(int(table.reason[row])).name.lower(),
            "cpu": round(float(table.cpu[row]), 4),
            "rss": int(table.gauges[Gauge.RSS, row]),
        }
        for index, row in enumerate(rows.tolist())
    ]


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 4)


def _totals(processes: list[dict[str, Any]]) -> dict[str, int]:
    verdicts = [one["verdict"] for one in processes]
    return {
        "seen": len(verdicts),
        "kept": verdicts.count("KEEP"),
        "rolled_up": verdicts.count("ROLL_UP"),
        "dropped": verdicts.count("DROP"),
    }


COLUMNS = ("pid", "name", "class", "score", "cpu", "rss", "verdict", "reason")
NARROW = 100  # columns of a terminal, below which `nrdot explain` and --json have the class
NARROWER = 80  # and below which they have memory and the reason
BESIDES = 62  # columns that all but the name take on a narrow one
FEWER = 36  # and on a narrower one
SHORTEST = 8  # of a name


def _show(processes: list[dict[str, Any]], totals: dict[str, int], profile: str) -> None:
    from nrdot.cli.output import amount, console, table, verdict

    width = console().width
    narrow, narrower = width < NARROW, width < NARROWER
    left_out = {"class"} if narrow else set()
    left_out |= {"rss", "reason"} if narrower else set()
    columns = [one for one in COLUMNS if one not in left_out]
    shown = table(*columns, right={"pid", "score", "cpu", "rss"})
    if narrow:  # a process a line: long names give way
        name = shown.columns[1]
        name.no_wrap, name.overflow = True, "ellipsis"
        name.min_width, name.max_width = SHORTEST, max(width - (FEWER if narrower else BESIDES), SHORTEST)
    for one in processes:
        cells = {
            "pid": str(one["pid"]),
            "name": one["name"],
            "class": one["class"] or "-",
            "score": f"{one['score']:.2f}",
            "cpu": f"{one['cpu']:.2f}",
            "rss": amount(one["rss"]),
            "verdict": verdict(one["verdict"]),
            "reason": one["reason"].replace("_", " "),
        }
        shown.add_row(*(cells[column] for column in columns))
    console().print(shown)
    console().print(
        f"{totals['seen']} processes under {profile}: {totals['kept']} kept by themselves, "
        f"{totals['rolled_up']} rolled up, {totals['dropped']} dropped",
        markup=False,
    )
    if "would_keep" in totals:
        kept = totals["would_keep"]
        console().print(
            f"`mode: observe` exports them all; {profile} would keep {kept} by themselves", markup=False
        )
