"""What works on this host and what does not, each with the mend: the questions of `nrdot doctor`.

A finding is an error where the agent would not do its work, a warning where it would do it with less than it
could know, and ok otherwise. Nothing is written, but for one empty request to each endpoint.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nrdot.agent.delivery.destinations import keyring
from nrdot.agent.judgement import build_scorer
from nrdot.doctor import audit_trail, surroundings
from nrdot.doctor.finding import fine, odd, wrong
from nrdot.errors import ConfigError, StartError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nrdot.clock import Clock
    from nrdot.config.settled.configuration import Configuration
    from nrdot.doctor.finding import Finding


def checkup(configuration: Configuration, clock: Clock) -> Iterator[Finding]:
    """Every finding, one after the other, so that a slow endpoint holds up none of the others."""
    procfs = Path(configuration.settings.agent.procfs)
    yield from configured(configuration, clock)
    yield from audit_trail.check(configuration)
    if sys.platform == "linux":
        from nrdot.doctor import kernel, sight

        yield from sight.check(procfs)
        yield from kernel.check(procfs, clock)
    if configuration.settings.kubernetes is not None:
        from nrdot.doctor import in_cluster

        yield from in_cluster.check(configuration.settings)
    yield from surroundings.check(configuration, clock)


def configured(configuration: Configuration, clock: Clock) -> Iterator[Finding]:
    topic = "configuration"
    settings = configuration.settings
    name = configuration.file or "none, the defaults hold"
    yield fine(topic, f"{name}; profile {settings.profile}, mode {settings.mode}")
    for problem in configuration.warnings:
        yield odd(topic, str(replace(problem, hint="")), problem.hint or "see the configuration")
    try:
        build_scorer(configuration, clock)
        keyring(configuration)
    except (ConfigError, StartError) as error:
        yield wrong(topic, str(error), "mend the configuration; the agent does not start with it")
