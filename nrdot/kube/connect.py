"""To the cluster, with whatever the kubernetes client knows about finding it and proving who asks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from yaml import YAMLError

from nrdot.cluster.api import Api
from nrdot.errors import StartError
from nrdot.extras import mend

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MANAGER = "nrdot-operator"  # the one field manager of everything that the operator writes
CONNECTIONS = 16  # a watch for each kind, the worker and the lease


def _unreachable(kubeconfig: Path | None, error: Exception) -> str:
    """Why there is no cluster to work in, and what to do about it."""
    if kubeconfig is None and not os.environ.get("KUBECONFIG"):
        return (
            "no cluster: this is no pod, and there is no ~/.kube/config; "
            "name the cluster's file with --kubeconfig, or set KUBECONFIG"
        )
    named = kubeconfig or os.environ["KUBECONFIG"]
    if kubeconfig is not None and not kubeconfig.exists():
        return f"--kubeconfig {named}: there is no such file; `kubectl config view --raw` writes one"
    words = " ".join(str(error).split()).rstrip(".")
    if isinstance(error, OSError):
        words = error.strerror or words
    elif isinstance(error, UnicodeDecodeError | TypeError):
        words = "this is no kubeconfig; `kubectl config view --raw` writes one"
    return f"no cluster by {named}: {words}"


def connect(kubeconfig: Path | None = None) -> Api:
    """To the cluster that this pod runs in, else to the one of a kubeconfig. Raises StartError."""
    try:
        from kubernetes import client, config
    except ModuleNotFoundError:
        raise StartError(f"the operator needs the kubernetes client; {mend('operator')}") from None
    found = client.Configuration()
    try:
        if kubeconfig is not None:
            config.load_kube_config(str(kubeconfig), client_configuration=found)
        else:
            try:
                config.load_incluster_config(client_configuration=found)
            except config.ConfigException:
                config.load_kube_config(client_configuration=found)
    except (config.ConfigException, OSError, YAMLError, UnicodeDecodeError, TypeError) as error:
        # The client takes it for granted that a file which is there holds text, and that the text is a table.
        raise StartError(_unreachable(kubeconfig, error)) from None
    found.connection_pool_maxsize = CONNECTIONS
    made = client.ApiClient(found)

    def signed() -> Mapping[str, str]:
        headers: dict[str, str] = {}  # read anew for each request, because tokens are renewed
        try:
            made.update_params_for_auth(headers, [], ["BearerToken"], "", "GET", None)
        except config.ConfigException as error:  # the token's file, while it is replaced
            raise OSError(str(error)) from None
        return headers

    return Api(found.host, made.rest_client.pool_manager, signed, MANAGER)
