"""An inventory: which hosts there are, by region and environment, and how critical they are.

YAML, a list under `hosts`, or CSV with a header, of the same fields:

    hosts:
      - {region: us-east-1, environment: production, hosts: 4000, criticality: high, compliance: [PCI-DSS]}

`region`, `environment` and `hosts` (how many) are needed. `criticality` is low, medium or high; `compliance`
names what must be validated there (in CSV separated by spaces or semicolons). Columns of a CSV are separated
by commas, semicolons or tabs.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from nrdot.config.document.sources import read_tree
from nrdot.config.problem import Problems, Severity
from nrdot.config.reading.check import Checker
from nrdot.config.values.units import Positive, Section, doc
from nrdot.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

Criticality = Literal["low", "medium", "high"]
LEVELS: tuple[Criticality, ...] = ("low", "medium", "high")
LARGEST = 4 << 20  # bytes of a CSV file
_COUNT = re.compile(r"[0-9]{1,9}|[0-9]{1,3}(,[0-9]{3}){1,2}")


class InventoryError(ConfigError):
    """An inventory that cannot be used."""


class HostsSection(Section, frozen=True):
    region: Annotated[str, doc("Region or data centre.")]
    environment: Annotated[str, doc("For example dev, test, staging or production.")]
    hosts: Annotated[Positive, doc("How many.")]
    criticality: Annotated[Criticality, doc("What an outage of these hosts means.")] = "medium"
    compliance: Annotated[tuple[str, ...], doc("What must be validated here.")] = ()


class InventorySection(Section, frozen=True):
    hosts: Annotated[tuple[HostsSection, ...], doc("Groups of hosts.")]


@dataclass(frozen=True, slots=True)
class Group:
    region: str
    environment: str
    hosts: int
    criticality: Criticality
    compliance: tuple[str, ...]


def read_inventory(path: Path) -> list[Group]:
    """Raises InventoryError."""
    groups = _of_csv(path) if path.suffix.lower() == ".csv" else _of_yaml(path)
    if not groups:
        raise InventoryError(f"{path}: no hosts in it; there is nothing to plan")
    return groups


def _of_yaml(path: Path) -> list[Group]:
    problems = Problems()
    tree = read_tree(path, {}, problems, begin="hosts:")
    section: Any = None if tree is None else Checker(problems).struct(tree, InventorySection, ())
    errors = [problem for problem in problems.sorted() if problem.severity is Severity.ERROR]
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise InventoryError(f"{errors[0]}{more}")
    return [
        Group(one.region, one.environment, one.hosts, one.criticality, one.compliance)
        for one in section.hosts
    ]


def _of_csv(path: Path) -> list[Group]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InventoryError(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > LARGEST:
        raise InventoryError(f"{path}: larger than {LARGEST >> 20} MiB; write a line for each group of hosts")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InventoryError(f"{path}: not UTF-8; save the file as UTF-8") from None
    head, _, rest = text.partition("\n")
    # Where a comma divides decimals, spreadsheets write semicolons between columns.
    between = next((one for one in ";\t" if one in head and "," not in head), ",")
    reader = csv.DictReader(io.StringIO(f"{head.lower()}\n{rest}"), delimiter=between)
    missing = [name for name in ("region", "environment", "hosts") if name not in (reader.fieldnames or ())]
    if missing:
        raise InventoryError(f"{path}:1: no column {', '.join(missing)}; the first line names the columns")
    return [_group(row, f"{path}:{reader.line_num}") for row in reader]


def _group(row: dict[str, str | None], where: str) -> Group:
    region, environment = (row["region"] or "").strip(), (row["environment"] or "").strip()
    if not region or not environment:
        raise InventoryError(f"{where}: region and environment are needed; the line has one of them empty")
    written = (row["hosts"] or "").strip()
    count = written.replace(",", "")
    if not _COUNT.fullmatch(written) or not int(count):
        raise InventoryError(f"{where}: hosts: '{written[:20]}' is not a number of hosts, 1 or more")
    word = (row.get("criticality") or "").strip().lower()
    level = next((one for one in LEVELS if one == (word or "medium")), None)
    if level is None:
        raise InventoryError(f"{where}: criticality: '{word[:20]}' is not one of {', '.join(LEVELS)}")
    tags = (row.get("compliance") or "").replace(";", " ").split()
    return Group(region, environment, int(count), level, tuple(tags))
