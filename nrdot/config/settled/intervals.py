"""How often a profile exports, given how often the agent samples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nrdot.config.schema.profiles import Profile
    from nrdot.config.schema.settings import Settings

_SLACK = 1e-9  # 0.3 is a multiple of 0.1, whatever floating point says


def exports_every(settings: Settings, profile: Profile) -> float:
    """Seconds between exports: the profile's, rounded up to samples; every sample in real time."""
    sampled = settings.agent.interval
    if profile.real_time:
        return sampled
    samples = max(math.ceil(profile.export_interval / sampled - _SLACK), 1)
    return samples * sampled
