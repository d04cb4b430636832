"""Real programs as fixtures. `tests/interop/setup` installs them; `make interop` calls it first."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from parts.binaries import collector_path
from parts.collector import Collector
from parts.prometheus import Prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session", autouse=True)
def _collector_is_built() -> None:
    if not collector_path().exists():
        pytest.exit("no Collector for this manifest; run tests/interop/setup first", returncode=2)


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    """Takes OTLP over HTTP and writes it to a file."""
    with Collector(tmp_path) as running:
        yield running


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Prometheus]:
    with Prometheus(tmp_path) as running:
        yield running
