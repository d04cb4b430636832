"""Real programs as fixtures. `tests/interop/setup` installs them; `make interop` calls it first."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from parts.binaries import PROGRAMS
from parts.collector import Collector
from parts.operated import Home, operated_cluster
from parts.prometheus import Prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parts.kubernetes import Cluster


HERE = Path(__file__).resolve().parent
MOST = 600  # seconds for a test with its fixtures, on a slow machine that has other work: it ends what hangs


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(MOST))


@pytest.fixture(scope="session", autouse=True)
def _machine_is_ready() -> None:
    if os.geteuid() != 0:
        pytest.exit("interop starts servers under their own users, so it runs as root", returncode=2)
    missing = [name for name, program in PROGRAMS.items() if not program.path().exists()]
    if missing:
        pytest.exit(f"{', '.join(missing)} not built; run tests/interop/setup first", returncode=2)


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    """Takes OTLP over HTTP and writes it to a file."""
    with Collector(tmp_path) as running:
        yield running


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Prometheus]:
    with Prometheus(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A real API server with our resources and six nodes, for every test of a file."""
    with operated_cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture
def cluster(server: Cluster) -> Home:
    """A namespace of it for one test."""
    return Home(server)
