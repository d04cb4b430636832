"""What stands between an agent and a Collector in real networks: TLS, limits and gateways that fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from parts.agent import Agent
from parts.certificates import Authority
from parts.collector import Collector
from parts.fleet import FakeHost
from parts.program import wait_until
from parts.servers import Nginx, open_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def secured(folder: Path, authority: Authority, address: str = "127.0.0.1", **settings: str) -> Collector:
    """A Collector that speaks TLS, with a certificate for an address."""
    certificate, key = authority.issue("collector", address)
    return Collector(folder, tls={"cert_file": str(certificate), "key_file": str(key), **settings})


def test_tls_delivers_to_a_server_whose_authority_is_trusted(tmp_path: Path, authority: Authority) -> None:
    with secured(tmp_path, authority, min_version="1.3") as collector:
        agent = Agent(tmp_path, otlp={"endpoint": collector.endpoint, "tls": {"ca": str(authority.file)}})
        sent = agent.once()
    assert sent
    assert set(collector.points()) == set(sent)


def test_a_client_certificate_opens_a_server_that_wants_one(tmp_path: Path, authority: Authority) -> None:
    certificate, key = authority.issue("agent")
    tls = {"ca": str(authority.file), "cert": str(certificate), "key": str(key)}
    with secured(tmp_path, authority, client_ca_file=str(authority.file)) as collector:
        sent = Agent(tmp_path, otlp={"endpoint": collector.endpoint, "tls": tls}).once()
    assert sent
    assert set(collector.points()) == set(sent)


@pytest.mark.parametrize("fault", ["unknown authority", "wrong address"])
def test_a_server_that_cannot_be_trusted_gets_nothing(
    tmp_path: Path, authority: Authority, fault: str
) -> None:
    address = "127.0.0.2" if fault == "wrong address" else "127.0.0.1"
    tls = {} if fault == "unknown authority" else {"ca": str(authority.file)}
    with secured(tmp_path, authority, address) as collector:
        with Agent(tmp_path, otlp={"endpoint": collector.endpoint, "tls": tls}) as agent:
            wait_until(lambda: "certificate" in agent.program.output, "the agent to say what is wrong")
            agent.wait_for_exports(2)
        assert collector.points() == []


@pytest.fixture
def gateway(collector: Collector) -> Iterator[Nginx]:
    """nginx in front of the Collector, with a small limit for bodies."""
    with open_folder("nrdot-gateway-") as folder:
        server = Nginx(folder, forward_to=collector.port, largest_body="24k")
        with server.program:
            yield server


def test_requests_that_a_gateway_finds_too_large_arrive_in_parts(
    tmp_path: Path, collector: Collector, gateway: Nginx
) -> None:
    """nginx answers 413; no setting of the agent knows its limit."""
    otlp = {"endpoint": f"http://127.0.0.1:{gateway.port}", "compression": "none"}
    host = FakeHost(tmp_path / "proc", "large", workers=60)
    procfs = {"procfs": str(host.proc.root)}
    with Agent(tmp_path, otlp=otlp, mode="observe", agent=procfs) as agent:
        agent.wait_for_exports(2)
        sent = set(agent.points())
        wait_until(lambda: sent <= set(collector.points()), "everything to arrive in parts")
    assert " 413 " in gateway.requests()


def test_what_a_gateway_cannot_pass_on_is_held_until_it_can(
    tmp_path: Path, collector: Collector, gateway: Nginx
) -> None:
    """nginx answers 502 while the Collector behind it is down."""
    otlp = {"endpoint": f"http://127.0.0.1:{gateway.port}", "compression": "zstd"}
    collector.stop()
    with Agent(tmp_path, otlp=otlp) as agent:
        wait_until(lambda: " 502 " in gateway.requests(), "the gateway to say that nobody is behind it")
        agent.wait_for_exports(2)
        sent = set(agent.points())
        collector.start()
        wait_until(lambda: sent <= set(collector.points()), "what was held to arrive")
