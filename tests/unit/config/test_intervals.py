"""How often is exported, given how often is sampled."""

from __future__ import annotations

import pytest

from nrdot.config.schema.agent import Agent
from nrdot.config.schema.profiles import Profile
from nrdot.config.schema.settings import Settings
from nrdot.config.settled.intervals import exports_every


@pytest.mark.parametrize(
    ("sampled", "wanted", "every"),
    [
        (15, 15, 15),
        (15, 60, 60),
        (15, 20, 30),
        (15, 31, 45),
        (15, 5, 15),
        (0.1 * 30, 0.3 * 10, 3),
        (7, 15, 21),
    ],
)
def test_a_profile_s_interval_is_rounded_up_to_samples(sampled, wanted, every):
    settings, profile = Settings(agent=Agent(interval=sampled)), Profile(export_interval=wanted)
    assert exports_every(settings, profile) == pytest.approx(every)


def test_in_real_time_every_sample_is_exported():
    settings = Settings(agent=Agent(interval=15.0))
    assert exports_every(settings, Profile(export_interval=300.0, real_time=True)) == 15.0
