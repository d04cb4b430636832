from __future__ import annotations

import pytest

from nrdot.testing.sampled import SampledHost


@pytest.fixture
def host():
    with SampledHost() as sampled:
        yield sampled
