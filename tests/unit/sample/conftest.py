from __future__ import annotations

import pytest

from nrdot.testing.capture_lines import written
from nrdot.testing.sampled import SampledHost


@pytest.fixture
def host():
    with SampledHost() as sampled:
        yield sampled


@pytest.fixture
def capture(tmp_path):
    """Write a capture, a line each."""
    return lambda *lines, name="web.jsonl": written(tmp_path / name, *lines)
