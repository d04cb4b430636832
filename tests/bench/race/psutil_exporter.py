"""What somebody writes in an afternoon with psutil and prometheus_client: every process, at each scrape.

    psutil_exporter.py PORT

`oneshot` and the list of attributes are what psutil's documentation advises for speed.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import psutil
from prometheus_client import REGISTRY, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

ATTRIBUTES = ["pid", "name", "username", "cpu_times", "memory_info", "io_counters"]
LABELS = ("pid", "name", "user")


class Processes:
    def collect(self) -> Iterator[Metric]:
        cpu = CounterMetricFamily("process_cpu_time_seconds", "CPU time.", labels=(*LABELS, "state"))
        resident = GaugeMetricFamily("process_memory_usage_bytes", "Resident memory.", labels=LABELS)
        virtual = GaugeMetricFamily("process_memory_virtual_bytes", "Virtual memory.", labels=LABELS)
        disk = CounterMetricFamily("process_disk_io_bytes", "Disk I/O.", labels=(*LABELS, "direction"))
        for process in psutil.process_iter(ATTRIBUTES):
            found = process.info
            labels = (str(found["pid"]), found["name"] or "", found["username"] or "")
            if found["cpu_times"]:
                cpu.add_metric((*labels, "user"), found["cpu_times"].user)
                cpu.add_metric((*labels, "system"), found["cpu_times"].system)
            if found["memory_info"]:
                resident.add_metric(labels, found["memory_info"].rss)
                virtual.add_metric(labels, found["memory_info"].vms)
            if found["io_counters"]:
                disk.add_metric((*labels, "read"), found["io_counters"].read_bytes)
                disk.add_metric((*labels, "write"), found["io_counters"].write_bytes)
        yield from (cpu, resident, virtual, disk)


if __name__ == "__main__":
    REGISTRY.register(Processes())
    start_http_server(int(sys.argv[1]), addr="127.0.0.1")
    threading.Event().wait()
