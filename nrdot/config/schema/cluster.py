"""The agent as part of a Kubernetes cluster."""

from typing import Annotated

from nrdot.config.values.units import Duration, Section, doc


class Kubernetes(Section, frozen=True):
    """What an agent does in a cluster: name pods, take profiles from the operator, report to it."""

    node: Annotated[str, doc("Name of this node, from the downward API: `${env:NODE_NAME}`.")]
    namespace: Annotated[str, doc("Where the operator keeps its resources.")] = "nrdot-system"
    account: Annotated[str, doc("Directory with the pod's `token` and `ca.crt`.")] = (
        "/var/run/secrets/kubernetes.io/serviceaccount"
    )
    pods: Annotated[bool, doc("Watch the pods of this node for their names, labels and owners.")] = True
    namespaced: Annotated[
        bool, doc("Watch pods of `namespace` only, where there are no rights beyond it.")
    ] = False
    pod_grace: Annotated[
        Duration, doc("How long processes of a new pod, but of no Job, are kept whatever the profile says.")
    ] = 300.0
    operator: Annotated[
        bool, doc("Take profiles from the operator into `agent.pushed`, and report to it.")
    ] = True
    mount: Annotated[
        str | None, doc("Directory where a pointer is mounted, for when the API server was never reached.")
    ] = None
