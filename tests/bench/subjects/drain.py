"""Drains a disk buffer to a Collector over TLS as the agent does, without a limit to its rate.

    drain.py FOLDER PORT CA

The buffer is FOLDER/state/buffer/collector. Goes on until it is killed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from threading import Event

from nrdot.agent.delivery.destinations import Destinations
from nrdot.buffer.encryption import NO_KEYS
from nrdot.clock import SystemClock
from nrdot.config.reading.load import load

CONFIGURATION = """\
agent: {{state_dir: {state}}}
compression: {{algorithm: zstd}}
batching: {{local_buffer_size: 1GB, durability: never}}
export:
  - name: collector
    rate: 0
    otlp: {{endpoint: "https://127.0.0.1:{port}", tls: {{ca: {ca}}}}}
"""


def main(folder: str, port: str, ca: str) -> None:
    config = Path(folder, "drain.yaml")
    config.write_text(CONFIGURATION.format(state=Path(folder, "state"), port=port, ca=ca))
    destinations = Destinations(SystemClock(), Path(folder, "state"), {}, NO_KEYS)
    (destination,) = destinations.use(load(config, {}))
    destination.drain.run(Event())


if __name__ == "__main__":
    main(*sys.argv[1:])
