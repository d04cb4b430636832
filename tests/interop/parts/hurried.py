"""The operator with hours that are short: `python hurried.py NAMESPACE KUBECONFIG PORT SPAN LEASE DAY`.

What is short are arguments of its constructors; for people an hour is an hour.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parts.operated import Home, Operator


def hurried(
    cluster: Home, folder: Path, name: str = "operator", *, span: float, lease: float, day: int
) -> Operator:
    """As a process, like the one that `nrdot operator run` starts."""
    from parts.operated import Operator

    made = Operator(cluster, folder, name)
    arguments = [cluster.namespace, cluster.kubeconfig(), made.port, span, lease, day]
    # Without this folder on the path, where `kubernetes` is another module.
    made.command = [sys.executable, "-P", __file__, *map(str, arguments)]
    return made


def main() -> int:
    from nrdot.clock import SystemClock
    from nrdot.kube.connect import connect
    from nrdot.kube.costs.keeper import Pace
    from nrdot.kube.costs.optimizer import Terms
    from nrdot.kube.service import Operator, Options
    from nrdot.telemetry.log import configure

    namespace, kubeconfig, port, span, lease, day = sys.argv[1:]
    clock = SystemClock()
    configure(sys.stderr, clock)
    terms = Terms(span=float(span), lease=float(lease), day=int(day))
    pace = Pace(every=1.0, until_figures=0.5, least=1.0, terms=terms)
    options = Options(namespace, os.environ["POD_NAME"], f"127.0.0.1:{port}")
    return Operator(connect(Path(kubeconfig)), clock, options, pace).run()


if __name__ == "__main__":
    sys.exit(main())
