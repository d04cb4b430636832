"""`nrdot operator`: the part of NRDOT that runs in a Kubernetes cluster."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def run(
    kubeconfig: Annotated[
        Path | None,
        typer.Option(help="Cluster to work in; the one around this pod where absent.", metavar="FILE"),
    ] = None,
    namespace: Annotated[
        str | None,
        typer.Option(help="Where resources are read and ConfigMaps written; POD_NAMESPACE where absent."),
    ] = None,
    listen: Annotated[
        str, typer.Option(help='Address of /healthz, /readyz and /metrics; "" for none.')
    ] = "0.0.0.0:8080",
) -> None:
    """Roll profiles out to the agents of this cluster, and take back what fails."""
    from nrdot.clock import SystemClock
    from nrdot.kube.connect import connect
    from nrdot.kube.service import Operator, Options
    from nrdot.telemetry.log import configure

    clock = SystemClock()
    configure(sys.stderr, clock)
    operator = Operator(connect(kubeconfig), clock, Options.of_pod(namespace, listen))
    raise typer.Exit(operator.run())
