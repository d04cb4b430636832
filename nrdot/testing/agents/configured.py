"""Which configuration holds on a host, without a running agent around it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nrdot.audit.verify import entries
from nrdot.govern.auditor import Auditor
from nrdot.govern.choosing import Chooser
from nrdot.testing.clock import ManualClock
from nrdot.testing.disks.troubled import TroubledDisk

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nrdot.clock import Clock
    from nrdot.govern.archive import Archive
    from nrdot.govern.choosing import Choice


class Site:
    """A host with a file, a controller and a state directory; `start` is a new agent on it."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.folder = folder
        self.file = folder / "nrdot.yaml"
        self.state = folder / "state"
        self.push_file = folder / "mount" / "pushed.yaml"
        self.push_file.parent.mkdir()
        self.clock = clock or ManualClock()
        self.disk = TroubledDisk()
        self.say()
        self.start()

    def say(self, text: str = "profile: balanced", **agent: object) -> None:
        settings = {"state_dir": str(self.state), "pushed": str(self.push_file.parent), **agent}
        self.file.write_text(f"agent: {json.dumps(settings)}\n{text}\n")

    def push(self, text: str, revision: int, expires: str = "2027-01-31T00:00:00Z", **more: object) -> None:
        header = {"revision": revision, "expires": expires, "controller": "fleet", **more}
        self.push_file.write_text(f"pushed: {json.dumps(header)}\n{text}\n")

    def start(self) -> Choice:
        self.chooser = Chooser(self.file, self.clock, self.disk, fallback=True)
        choice = self.chooser.choose()
        archive = self.chooser.kept(choice.configuration.settings)
        self.auditor = Auditor(self.state, "host-1", archive, self.clock, self.disk)
        self.choice: Choice | None = None
        return choice

    def apply(self, choice: Choice | None = None, *, starting: bool = False) -> str:
        """As the agent does it; the profile that holds afterwards."""
        choice = choice or self.chooser.choose()
        change = self.auditor.weigh(choice, starting=starting)
        self.auditor.write(change)
        self.auditor.settle(change)
        self.chooser.took_effect(choice)
        if choice.refusal is not None:
            self.auditor.refused(choice.refusal)
        self.choice = choice
        return choice.configuration.settings.profile

    def trail(self) -> list[Mapping[str, Any]]:
        return [entry.content for entry in entries(self.state / "audit", self.disk)]

    def types(self) -> list[str]:
        return [said["change_type"] for said in self.trail()]

    @property
    def archive(self) -> Archive | None:
        return self.chooser.archive
