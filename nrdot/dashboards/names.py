"""Names of NRDOT's metrics and attributes as Prometheus renders them, and what is not among them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from nrdot.encode.catalogue import GROUP_SIZE, HOSTMETRICS, NAMES, STABLE, Form

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME_LABEL = "process_executable_name"
ROLL_UP_LABEL = "nrdot_rollup"
COMMAND_LINE = "process_command_line"

# Attributes of a process that the sum of several does not have.
OF_PROCESSES = frozenset(
    {
        "process_pid",
        "process_parent_pid",
        "process_executable_path",
        "process_command",
        COMMAND_LINE,
        "process_owner",
        "container_id",
        "container_runtime",
        "container_name",
        "container_image_name",
        "k8s_pod_uid",
        "k8s_pod_name",
        "k8s_namespace_name",
        "k8s_container_name",
        "k8s_deployment_name",
        "k8s_statefulset_name",
        "k8s_daemonset_name",
        "k8s_job_name",
        "k8s_cronjob_name",
    }
)

# What the process scraper of hostmetrics has besides.
_NOT_OURS = {
    "process.uptime": "s",
    "process.handles": "{count}",
    "process.cpu.utilization": "1",
    "process.memory.utilization": "1",
    "process.signals_pending": "{signals}",
    "process.disk.operations": "{operations}",
}
_UNITS = {"s": "seconds", "By": "bytes", "1": "ratio"}


@dataclass(frozen=True, slots=True)
class Known:
    """A metric that a query may name."""

    name: str  # what people write under `metrics`; empty where NRDOT exports no such metric
    written: str  # its OpenTelemetry name
    key: str = ""  # the label that splits its points
    values: tuple[str, ...] = ()


def label(attribute: str) -> str:
    """An attribute or label as Prometheus has it."""
    return re.sub(r"[^A-Za-z0-9_]", "_", attribute)


@cache
def known(*, stable: bool) -> dict[str, Known]:
    """Metrics by every name that a query may use, OpenTelemetry's and those that Prometheus makes of it."""
    found: dict[str, Known] = {}
    for name, unit in _NOT_OURS.items():
        for spelling in _spellings(name, unit, Form.COUNTER):
            found[spelling] = Known("", name)
    for metric, name in zip(STABLE if stable else HOSTMETRICS, NAMES, strict=True):
        attributes = [point.attribute for point in metric.points if point.attribute is not None]
        key = label(attributes[0][0]) if attributes else ""
        one = Known(name, metric.name, key, tuple(value for _, value in attributes))
        found.update(dict.fromkeys(_spellings(metric.name, metric.unit, metric.form), one))
    for spelling in _spellings(GROUP_SIZE.name, GROUP_SIZE.unit, GROUP_SIZE.form):
        found[spelling] = Known(GROUP_SIZE.name, GROUP_SIZE.name)
    return found


def _spellings(name: str, unit: str, form: Form) -> Iterator[str]:
    bare = label(name)
    yield name
    yield bare
    suffix = _UNITS.get(unit, "")
    with_unit = f"{bare}_{suffix}" if suffix and not bare.endswith(f"_{suffix}") else bare
    yield with_unit
    if form is Form.COUNTER:
        yield f"{with_unit}_total"
        yield f"{bare}_total"
