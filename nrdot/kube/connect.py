"""To the cluster, with whatever the kubernetes client knows about finding it and proving who asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nrdot.cluster.api import Api
from nrdot.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MANAGER = "nrdot-operator"  # the one field manager of everything that the operator writes
CONNECTIONS = 16  # a watch for each kind, the worker and the lease


def connect(kubeconfig: Path | None = None) -> Api:
    """To the cluster that this pod runs in, else to the one of a kubeconfig. Raises StartError."""
    try:
        from kubernetes import client, config
    except ModuleNotFoundError:
        raise StartError("the operator needs the kubernetes client; pip install 'nrdot[operator]'") from None
    found = client.Configuration()
    try:
        if kubeconfig is not None:
            config.load_kube_config(str(kubeconfig), client_configuration=found)
        else:
            try:
                config.load_incluster_config(client_configuration=found)
            except config.ConfigException:
                config.load_kube_config(client_configuration=found)
    except (config.ConfigException, OSError) as error:
        words = " ".join(str(error).split())
        raise StartError(f"no cluster: {words}; run inside one, or name a file with --kubeconfig") from None
    found.connection_pool_maxsize = CONNECTIONS
    made = client.ApiClient(found)

    def signed() -> Mapping[str, str]:
        headers: dict[str, str] = {}  # read anew for each request, because tokens are renewed
        made.update_params_for_auth(headers, [], ["BearerToken"], "", "GET", None)
        return headers

    return Api(found.host, made.rest_client.pool_manager, signed, MANAGER)
