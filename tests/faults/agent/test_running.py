from pathlib import Path

from nrdot.testing.servers.otlp import OtlpServer, Reply


def test_a_network_that_swallows_everything_delays_no_tick_and_makes_no_process(agent):
    with OtlpServer(Reply(silent=True)) as server:
        agent.configure(export=[{"otlp": {"endpoint": server.url, "timeout": "60s"}}])
        agent.started()
        server.wait_for(1)
        ticks = agent.ticks()

        agent.until(lambda: agent.ticks() >= ticks + 2)

        assert agent.metric('nrdot_points_total{destination="otlp",outcome="delivered"}') == 0
        threads = list(Path(f"/proc/{agent.process.pid}/task").iterdir())
        assert {(thread / "children").read_text() for thread in threads} == {""}
        # The loop, the signals, the pages, the destination, and the deadline of its request.
        assert len(threads) <= 5


def test_past_its_cpu_budget_the_agent_ticks_less_often_and_says_so(agent):
    agent.configure(agent_cpu_budget="0.01%")
    agent.started()

    said = agent.said("the CPU budget is exceeded: ticks are shed")

    assert said["interval"] >= 2.0
    assert agent.ready()[1]["cadence"].startswith("one tick in ")
    agent.until(lambda: agent.metric('nrdot_ticks_total{outcome="shed"}'))
    assert agent.ready()[0] == 200


def test_no_secret_of_a_destination_is_logged_or_shown(agent):
    with OtlpServer(Reply(status=401)) as server:
        agent.configure(
            agent_log_level="debug",
            export=[{"otlp": {"endpoint": server.url, "headers": {"api-key": "NRAK-unguessable"}}}],
        )
        agent.started()
        agent.until(lambda: "401" in agent.errors.read_text())

        assert "unguessable" not in agent.errors.read_text()
        assert "unguessable" not in str(agent.ready())
