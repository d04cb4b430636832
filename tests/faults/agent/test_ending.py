import signal
import time

from nrdot.testing.servers.otlp import OtlpServer, Reply


def to(server):
    return [{"name": "collector", "otlp": {"endpoint": server.url, "timeout": "60s"}}]


def names(server):
    return {
        metric.name
        for request in server.delivered
        for resource in request.message.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def test_an_agent_that_is_asked_to_stop_delivers_what_it_has_with_its_own_metrics_and_ends_well(agent):
    with OtlpServer() as server:
        agent.configure(export=to(server), export_interval="1h")
        agent.started()
        assert server.delivered == []

        agent.signal(signal.SIGTERM)

        assert agent.end() == 0
        assert {"process.cpu.time", "nrdot.ticks"} <= names(server)


def test_an_agent_that_is_asked_in_the_middle_of_a_request_that_hangs_ends_well_and_in_time(agent):
    with OtlpServer(Reply(silent=True)) as server:
        agent.configure(export=to(server))
        agent.started()
        server.wait_for(1)

        agent.signal(signal.SIGTERM)

        assert agent.process.wait(10) == 0
    assert agent.said_before("the agent ends before everything is delivered")["records_left"] > 0


def test_whoever_asks_twice_does_not_wait_for_the_network(agent):
    with OtlpServer(Reply(silent=True)) as server:
        agent.configure(export=to(server))
        agent.started()
        server.wait_for(1)

        agent.signal(signal.SIGTERM)
        agent.hear("STOPPING=1")
        time.sleep(1.0)  # sooner it would be the same request, as one by `timeout` is
        agent.signal(signal.SIGTERM)

        assert agent.end() == 0
    agent.said_before("asked twice to stop: nothing more is waited for")


def test_an_agent_that_is_killed_for_memory_starts_again_on_what_it_left(agent):
    agent.started()
    agent.signal(signal.SIGKILL)
    assert agent.end() == -signal.SIGKILL

    agent.started()

    assert agent.get("/healthz") == (200, "ok\n")


def test_one_look_exports_once_and_ends(agent):
    agent.configure(export=[{"file": {"path": "out.jsonl"}}])
    agent.start("--once")

    assert agent.end() == 0
    assert '"process.executable.name"' in (agent.folder / "state" / "out.jsonl").read_text()
