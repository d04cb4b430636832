"""`nrdot operator`: the part of NRDOT that runs in a Kubernetes cluster."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

NAMESPACE = "nrdot-system"


def run(
    kubeconfig: Annotated[
        Path | None,
        typer.Option(help="Cluster to work in; the one around this pod where absent.", metavar="FILE"),
    ] = None,
    namespace: Annotated[
        str | None,
        typer.Option(
            help="Where resources are read and ConfigMaps written; POD_NAMESPACE where absent.",
            metavar="NAME",
        ),
    ] = None,
    listen: Annotated[
        str, typer.Option(help='Address of /healthz, /readyz and /metrics; "" for none.', metavar="ADDRESS")
    ] = "0.0.0.0:8080",
    namespaced: Annotated[
        bool,
        typer.Option("--namespaced", help="Ask for nothing outside the namespace, and do with less."),
    ] = False,
) -> None:
    """Roll profiles out to the agents of this cluster, and take back what fails."""
    from nrdot.clock import SystemClock
    from nrdot.kube.connect import connect
    from nrdot.kube.service import Operator, Options
    from nrdot.telemetry.log import configure

    clock = SystemClock()
    configure(sys.stderr, clock)
    operator = Operator(connect(kubeconfig), clock, Options.of_pod(namespace, listen, confined=namespaced))
    raise typer.Exit(operator.run())


def manifests(
    namespace: Annotated[str, typer.Option(help="Where everything goes.", metavar="NAME")] = NAMESPACE,
    registry: Annotated[
        str,
        typer.Option(
            help="Where the images nrdot-operator and nrdot-agent are, with a slash at its end.",
            metavar="PREFIX",
        ),
    ] = "",
    crds: Annotated[
        bool | None,
        typer.Option(
            "--crds/--no-crds",
            help="Definitions of the custom resources too, as usual without --namespaced.",
            show_default=False,
        ),
    ] = None,
    namespaced: Annotated[
        bool,
        typer.Option("--namespaced", help="For rights in one namespace: nothing of the whole cluster's."),
    ] = False,
) -> None:
    """Print everything that a cluster needs, for `kubectl apply -f -`."""
    import re

    from nrdot.config.paths import data_dirs
    from nrdot.errors import StartError, UsageError

    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", namespace):
        raise UsageError(
            f"--namespace {namespace}: not a name of a namespace; use lower-case letters, digits and dashes"
        )
    home = next((path for path in data_dirs("operator") if (path / "base").is_dir()), None)
    if home is None:
        raise StartError("the manifests are missing from this installation; install nrdot anew")
    files = [
        *(sorted((home / "crds").glob("*.yaml")) if crds or (crds is None and not namespaced) else ()),
        *sorted((home / "base").glob("*.yaml")),
    ]
    # The namespace comes first: what is in it cannot be made before it.
    files.sort(key=lambda file: (file.parent.name != "crds", file.name != "namespace.yaml"))
    texts = [file.read_text(encoding="utf-8") for file in files if file.name != "kustomization.yaml"]
    text = "---\n".join(texts)
    text = re.sub(rf"\b{NAMESPACE}\b", namespace, text)
    text = re.sub(r"(image: )(nrdot-)", rf"\1{registry}\2", text)
    if namespaced:
        import yaml

        from nrdot.kube.manifests import confined

        documents = [one for one in yaml.safe_load_all(text) if one]
        text = yaml.safe_dump_all(confined(documents), sort_keys=False)
    print(text, end="")
