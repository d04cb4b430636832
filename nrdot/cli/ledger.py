"""`nrdot ledger`: the record of what was seen, kept and saved, as files."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from nrdot.cli.options import Json


def compact(
    directory: Annotated[
        Path,
        typer.Argument(help="A host's ledger (STATE_DIR/ledger), or a folder of many hosts'.", metavar="DIR"),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--output", "--out", "-o", help="Where the months go; DIR itself where absent.", metavar="DIR"
        ),
    ] = None,
    keep: Annotated[
        bool | None,
        typer.Option(
            "--keep/--remove",
            help="Keep the days that were compacted, or remove them once the month is verified. "
            "By default they are kept with --output, and removed where the months lie beside them: "
            "a query over DIR of your own would count both.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Turn closed days into Parquet, a file a month. Doing it again counts nothing twice."""
    from nrdot.cli.options import warn
    from nrdot.cli.output import amount, console, print_json, progress, table
    from nrdot.errors import UsageError
    from nrdot.ledger.compact import compact as run

    if not directory.is_dir():
        raise UsageError(f"{directory}: no directory; name a ledger, for example /var/lib/nrdot/ledger")
    target = out or directory
    kept = keep if keep is not None else out is not None
    if kept and _within(target, directory):
        raise UsageError(
            f"--keep: a query over {directory} would count days and months; name another folder with --out"
        )
    today = datetime.now(UTC).date().isoformat()
    with progress("compacting", quiet=json):
        months = run(directory, target, today, remove=not kept, progress=lambda _: None)
    for month in months:
        warn(month.left_out)
    if json:
        print_json({"months": [asdict(month) | {"file": str(month.file)} for month in months]})
        return
    made = [month for month in months if month.days]
    if not made:
        what = "no closed day that can be read" if months else "no closed day"
        console().print(f"{directory}: {what}, nothing to do", markup=False)
        return
    columns = ("month", "file", "days", "hosts", "rows", "before", "now", "removed")
    shown = table(*columns, right=set(columns[2:]))
    for month in made:
        shown.add_row(
            month.month,
            month.file.name,
            f"{month.days:,}",
            f"{month.hosts:,}",
            f"{month.rows:,}",
            amount(month.bytes_before),
            amount(month.bytes),
            f"{month.removed:,}",
        )
    console().print(shown)
    console().print(f"in {made[0].file.parent}", soft_wrap=True, markup=False)


def _within(inner: Path, outer: Path) -> bool:
    return inner.resolve().is_relative_to(outer.resolve())
