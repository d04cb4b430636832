"""The queries as text: for whoever doubts a figure, and for the engine that holds a fleet's ledgers.

sqlglot translates from DuckDB. `ledger` is the one table that the other engine must have: the rows of
`docs/formats/ledger.md`, as `nrdot ledger compact` writes them to Parquet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nrdot.report.evidence.queries import DIMENSIONS, QUERIES, TABLES, VIEWS, filled, stamp, text

if TYPE_CHECKING:
    from nrdot.report.evidence.engine import Engine
    from nrdot.report.evidence.queries import Window

OWN = "duckdb"
TESTED = (OWN, "spark")
NESTED = ("losses", "talkers")  # on maps and lists, for which every engine has functions of its own


def query(name: str, dialect: str = OWN, by: str = "class") -> str:
    """One file in a dialect, with `:since` and `:until` left to be filled in as Unix seconds."""
    words = text(name).replace(":by", DIMENSIONS[by])
    if dialect == OWN:
        return words
    import sqlglot

    (found,) = sqlglot.transpile(words, read=OWN, write=dialect, pretty=True)
    return found


def script(dialect: str = OWN, by: str = "class") -> str:
    """All of them, in the order in which they stand on each other."""
    parts = ["-- :since and :until are Unix seconds. `ledger` is the table of all rows."]
    parts += [f"CREATE VIEW {name} AS\n{query(name, dialect, by)};" for name in (*VIEWS, *TABLES)]
    parts += [f"-- {name}{_warning(name, dialect)}\n{query(name, dialect, by)};" for name in QUERIES]
    return "\n\n".join(parts) + "\n"


def runnable(engine: Engine, window: Window, by: str = "class") -> str:
    """The same for one ledger and window: DuckDB runs it as it stands, for whoever doubts a figure."""
    from nrdot.report.evidence.loading import as_it_lies

    parts = [
        f"-- {stamp(window.since)} to {stamp(window.until)}, which is not included.",
        *(f"-- the report leaves out what this does not: {line}" for line in engine.left_out),
        f"CREATE VIEW ledger AS\n{as_it_lies(engine.files)};",
    ]
    parts += [f"CREATE VIEW {name} AS\n{filled(name, window, by)};" for name in (*VIEWS, *TABLES)]
    parts += [f"-- {name}\n{filled(name, window, by)};" for name in QUERIES]
    return "\n\n".join(parts) + "\n"


def _warning(name: str, dialect: str) -> str:
    if name not in NESTED or dialect in TESTED:
        return ""
    return ": on nested columns, whose functions differ between engines; look it over before you run it"
