from __future__ import annotations

import pytest

from nrdot.testing.hosts.sampled import SampledHost
from nrdot.testing.recordings.capture_lines import written


@pytest.fixture
def host():
    with SampledHost() as sampled:
        yield sampled


@pytest.fixture
def capture(tmp_path):
    """Write a capture, a line each."""
    return lambda *lines, name="web.jsonl": written(tmp_path / name, *lines)
