"""Closed days into Parquet, a file a month: what a year of a fleet is read from.

    OUT/ledger-YYYY-MM.parquet    both kinds of row, every column, nothing left out that is 0

A day of a host replaces what the month holds of that day and host, so doing it again, after a host's minutes
were folded into hours or a folder was collected anew, counts nothing twice. The new month is written beside
the old one and its sums are compared with those of what went into it; only then it takes the old one's place,
and after that the days may go. A day stays where a part of it is left out: a damaged frame may yet be read by
somebody, and rows of a newer version by a newer NRDOT.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zstandard

from nrdot import durable
from nrdot.errors import NrdotError, UsageError
from nrdot.extras import mend
from nrdot.ledger.frames import FRAME_LIMIT, SUFFIX, whole
from nrdot.ledger.rows import VERSION, every_column, this_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

PARQUET = ".parquet"
MEMORY = "1GB"
_DAY = re.compile(rf"(\d{{4}}-\d{{2}})-\d{{2}}{re.escape(SUFFIX)}\Z")
_DEFAULTS = {"span": "60", "mode": "'optimize'"}
_NOT_FRESH = "(host, t // 86400) NOT IN (SELECT (host, t // 86400) FROM fresh)"
_OURS = f"v BETWEEN 1 AND {VERSION} AND kind IN ('seen', 'outcome')"
# What must be the same before and after.
_PROOF = """
    count(*), count(DISTINCT host), count(DISTINCT (host, t // 86400)), sum(t), sum(points_unoptimized),
    sum(points_sent), sum(bytes_sent), sum(points_produced), sum(points_delivered), sum(CAST(rss AS BIGINT))
"""


class NotCompactedError(NrdotError):
    """The month that was written is not what went into it."""

    exit_status = 1


@dataclass(slots=True)
class Month:
    """What became of one month."""

    month: str
    file: Path
    days: int = 0  # files that went in
    hosts: int = 0  # in the month, as the following two
    rows: int = 0
    bytes: int = 0
    bytes_before: int = 0  # of the days
    removed: int = 0  # files
    left_out: list[str] = field(default_factory=list)
    stays: list[str] = field(default_factory=list)  # days that are not in the month as a whole

    def leave(self, day: Path, what: str) -> None:
        self.stays.append(str(day))
        self.left_out.append(f"{day}: {what}; the file stays")


def compact(
    directory: Path, out: Path, today: str, *, remove: bool, progress: Callable[[str], object]
) -> list[Month]:
    """Every closed day under `directory`; `today` (YYYY-MM-DD, UTC) and later ones are left alone.

    Raises NrdotError; what was finished by then stays finished.
    """
    months: dict[str, list[Path]] = {}
    for path in sorted(directory.rglob(f"*{SUFFIX}")):
        found = _DAY.search(path.name)
        if found and path.name < today and path.is_file():
            months.setdefault(found[1], []).append(path)
    done = []
    for month, days in months.items():
        progress(month)
        done.append(_month(Month(month, out / f"ledger-{month}{PARQUET}"), days, remove=remove))
    return done


def _month(month: Month, days: Sequence[Path], *, remove: bool) -> Month:
    try:
        import duckdb
    except ImportError:
        raise UsageError(f"duckdb is not installed, so nothing is compacted; {mend('report')}") from None
    month.file.parent.mkdir(parents=True, exist_ok=True)
    new = month.file.with_name(month.file.name + ".new")
    with tempfile.TemporaryDirectory(prefix="nrdot-compact-") as scratch, duckdb.connect() as connection:
        connection.execute(
            "SET enable_progress_bar = false"
        )  # it would stand between the lines of the answer
        connection.execute(f"SET memory_limit = '{MEMORY}'")
        connection.execute(f"SET temp_directory = {_text(Path(scratch) / 'spill')}")
        try:
            sources = dict(_readable(days, Path(scratch), month))
            if not sources and not month.file.exists():
                return month
            _write(connection, month, sources, new)
            _prove(connection, month, new)
            _put_in_place(new, month.file)
        except duckdb.Error as error:
            new.unlink(missing_ok=True)
            reason = str(error).partition("\n")[0]
            raise NotCompactedError(f"{month.file}: {reason}; the days and the old file stay") from None
        except OSError as error:
            new.unlink(missing_ok=True)
            words = error.strerror or str(error)
            raise NotCompactedError(f"{month.file}: {words}; the days and the old file stay") from None
    month.bytes, month.days = month.file.stat().st_size, len(days)
    month.bytes_before = sum(path.stat().st_size for path in days)
    for path in days if remove else ():
        if str(path) not in month.stays:
            path.unlink(missing_ok=True)
            month.removed += 1
    return month


def _readable(days: Sequence[Path], scratch: Path, month: Month) -> Iterator[tuple[str, Path]]:
    """What is read for each day, and the day: the file itself, or a copy of what is whole in it."""
    decompressor = zstandard.ZstdDecompressor()
    for number, path in enumerate(days):
        data, start, lines, bad = path.read_bytes(), 0, [], 0
        ends = whole(data)
        for end in ends:
            try:
                lines.append(decompressor.decompress(data[start:end], max_output_size=FRAME_LIMIT))
            except zstandard.ZstdError:
                bad += 1
            start = end
        if bad or start < len(data):
            tail = len(data) - start
            month.leave(
                path,
                f"{bad} damaged frames and {tail} bytes of a torn one are left out, "
                f"{len(ends) - bad} frames read",
            )
            if lines:
                mended = scratch / f"{number}.jsonl"
                mended.write_bytes(b"".join(lines))
                yield str(mended), path
        elif lines:
            yield str(path), path


def _write(connection: Any, month: Month, sources: Mapping[str, Path], new: Path) -> None:
    columns = every_column()
    stated = ", ".join(f"{_quoted(name)} {kind}" for name, kind in columns.items())
    connection.execute(f"CREATE TABLE fresh ({stated}, filename VARCHAR)")
    if sources:
        found = connection.read_json(
            [this_file(Path(name)) for name in sources],
            columns=columns,
            format="newline_delimited",
            ignore_errors=True,
            filename=True,
        )
        ours = [_filled(name, kind) for name, kind in columns.items()]
        found.filter(_OURS).project(", ".join([*ours, "filename"])).insert_into("fresh")
        for name, count in _refused(found):
            month.leave(sources[name], f"{count} rows that cannot be read here are left out")
        for name, count in _drop_copies(connection):
            month.leave(sources[name], f"{count} rows of a day that another file has as well are left out")
    connection.execute("ALTER TABLE fresh DROP COLUMN filename")
    if month.file.exists():
        old = connection.read_parquet(this_file(month.file)).project(", ".join(map(_quoted, columns)))
        old.filter(_NOT_FRESH).insert_into("fresh")
    connection.table("fresh").order("host, kind DESC, t").write_parquet(str(new), compression="zstd")


def _refused(found: Any) -> list[tuple[str, int]]:
    """Files with rows that are not ours, and how many."""
    rest = found.filter(f"({_OURS}) IS NOT TRUE").aggregate("filename, count(*)", "filename")
    return sorted(rest.fetchall())


def _drop_copies(connection: Any) -> list[tuple[str, int]]:
    """A host's day that came twice counts once, by the copy that goes furthest. The files that lost rows."""
    connection.execute("""
        CREATE TEMP TABLE copies AS
        SELECT host, day, arg_max(filename, (until, rows, filename)) AS kept
        FROM (SELECT host, t // 86400 AS day, filename, max(t + span) AS until, count(*) AS rows
              FROM fresh GROUP BY ALL)
        GROUP BY host, day HAVING count(*) > 1
    """)
    others = "fresh.host = copies.host AND fresh.t // 86400 = copies.day AND fresh.filename <> copies.kept"
    lost = f"SELECT filename, count(*) FROM fresh, copies WHERE {others} GROUP BY filename ORDER BY filename"  # noqa: S608 - words of ours
    found: list[tuple[str, int]] = connection.execute(lost).fetchall()
    if found:
        connection.execute(f"DELETE FROM fresh USING copies WHERE {others}")  # noqa: S608 - as above
    return found


def _prove(connection: Any, month: Month, new: Path) -> None:
    before = connection.table("fresh").aggregate(_PROOF).fetchall()[0]
    after = connection.read_parquet(this_file(new)).aggregate(_PROOF).fetchall()[0]
    if before != after:
        new.unlink(missing_ok=True)
        raise NotCompactedError(
            f"{month.file}: what was written is not what was read; the days and the old file stay"
        )
    month.rows, month.hosts = after[0], after[1]


def _filled(name: str, kind: str) -> str:
    """What was not written is nothing, and says so."""
    default = _DEFAULTS.get(name) or {"BIGINT": "0", "DOUBLE": "0", "VARCHAR": "''"}.get(kind)
    return f"coalesce({_quoted(name)}, {default}) AS {_quoted(name)}" if default else _quoted(name)


def _put_in_place(new: Path, file: Path) -> None:
    """On the device before it returns, name and all: only then the days may go."""
    with new.open("r+b") as written:
        durable.sync(written.fileno())
    new.replace(file)
    durable.sync_directory(file.parent)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"
