from __future__ import annotations

import subprocess
import sys

import pytest

from nrdot.agent.source import begin, build_sampler, portable_sampler
from nrdot.clock import SystemClock
from nrdot.config.reading.load import load
from nrdot.errors import ConfigError
from nrdot.testing.clock import ManualClock

# Each of these takes tens of milliseconds to load, and the first sample needs none of them.
LATER = ("urllib3", "ssl", "opentelemetry", "google.protobuf", "cryptography", "zstandard", "nrdot.pipeline")


def written(folder, text):
    path = folder / "nrdot.yaml"
    path.write_text(text)
    return path


def test_the_first_sample_is_taken_before_what_only_exports_need_is_loaded():
    code = (
        "import sys\n"
        "from nrdot.agent.source import begin\n"
        "from nrdot.clock import SystemClock\n"
        "assert begin(None, SystemClock()).sampler.sample().first\n"
        "print(*sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()).intersection(LATER)


def test_the_agent_goes_on_from_the_sample_that_was_taken_at_its_beginning():
    clock = ManualClock()
    beginning = begin(None, clock)
    clock.advance(1.0)

    first, second = beginning.sampler.sample(), beginning.sampler.sample()

    assert beginning.began == clock.monotonic() - 1.0
    assert (first.first, second.first) == (True, False)
    assert second.seconds == 1.0
    assert second.table is first.table is beginning.sampler.table
    assert second.host.id == beginning.sampler.host.id


def test_a_configuration_that_cannot_be_used_ends_the_beginning(tmp_path):
    with pytest.raises(ConfigError, match="interval"):
        begin(written(tmp_path, "agent: {interval: fast}\n"), SystemClock())


@pytest.mark.parametrize("build", [build_sampler, portable_sampler])
def test_the_configuration_may_say_who_this_host_is_on_every_system(tmp_path, build):
    stated = "resource: {host.id: h-42, host.name: shop}\n"
    configuration = load(written(tmp_path, stated), {})

    host = build(configuration, ManualClock()).host

    assert (host.id, host.name) == ("h-42", "shop")
    assert host.memory > 0
