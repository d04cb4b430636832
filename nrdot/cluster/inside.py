"""An agent's way to the API server: the address and the token that every pod is given."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from urllib3 import PoolManager

from nrdot.cluster.api import Api
from nrdot.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

AGENT = "nrdot-agent"  # field manager of what agents write
CONNECTIONS = 6  # three watches, one report, and a change of the pointer in between


def connect(environ: Mapping[str, str], account: Path) -> Api:
    """Raises StartError where this is no pod, or one without a token."""
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise StartError(
            "kubernetes: this is no pod, for KUBERNETES_SERVICE_HOST is not set; "
            "run the agent as the chart's DaemonSet, or leave `kubernetes` out"
        )
    token, certificates = account / "token", account / "ca.crt"
    try:
        token.read_text()
        ssl.create_default_context(cafile=certificates)
    except (OSError, ssl.SSLError) as error:
        words = error.strerror or type(error).__name__
        raise StartError(
            f"kubernetes: no usable token in {account}: {words}; give the pod a service account"
        ) from None

    def signed() -> dict[str, str]:
        # Read for each request: the kubelet renews it, and a request is rare.
        return {"Authorization": f"Bearer {token.read_text().strip()}"}

    # By name, not as a context: each new connection reads the bundle as it is then, and it is replaced.
    pool = PoolManager(maxsize=CONNECTIONS, cert_reqs=ssl.CERT_REQUIRED, ca_certs=str(certificates))
    address = f"[{host}]" if ":" in host else host
    return Api(f"https://{address}:{port}", pool, signed, AGENT)
