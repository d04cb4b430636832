"""What a process of `nursery` has loaded before it forks: all that most commands need."""

from __future__ import annotations

import gc
from importlib import import_module

from typer.main import get_command

from nrdot.cli.app import app

for name in (
    "nrdot.agent.start",
    "nrdot.agent.once.survey",
    "nrdot.cli.output",
    "nrdot.cli.run",
    "nrdot.cli.typed",
    "nrdot.doctor.checkup",
    "nrdot.sample.procfs",
    "nrdot.simulate.run",
    "pydantic.type_adapter",  # what typer checks options with, once there are some
):
    import_module(name)
get_command(app)
gc.freeze()  # children share what is here, and none looks through it
