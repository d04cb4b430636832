"""Keys of a dashboard that Grafana's own types do not know: `python grafana.py BOARD.json`, a line for each.

Runs by itself, with the Foundation SDK from the cache on PYTHONPATH. A board is read into the SDK's types and
written again; what an importing Grafana would not understand is lost or changed on the way.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

if TYPE_CHECKING:
    from collections.abc import Iterator


def differences(ours: Any, theirs: Any, path: str) -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            if key in theirs:
                yield from differences(value, theirs[key], f"{path}.{key}")
            else:
                yield f"{path}.{key} is unknown"
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(mine, other, f"{path}[{index}]")
    elif ours != theirs:
        yield f"{path} is {json.dumps(theirs)}"


if __name__ == "__main__":
    plugins.register_default_plugins()
    board = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    read = json.loads(JSONEncoder().encode(Dashboard.from_json(board)))
    for line in differences(board, read, ""):
        print(line)
