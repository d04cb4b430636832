import socket


def complaint(agent):
    """What an agent that does not start says, after whatever it logged."""
    agent.start()
    assert agent.end() == 2
    text = agent.errors.read_text()
    assert "Traceback" not in text
    return text.splitlines()[-1]


def test_a_second_agent_on_one_state_directory_ends_and_names_the_first(agent, agents):
    agent.started()
    second = agents("second")
    second.configure(agent_state_dir=str(agent.folder / "state"))

    said = complaint(second)

    assert said.startswith(f"nrdot: agent.state_dir: {agent.folder}/state is in use by another agent")
    assert f"(pid {agent.process.pid})" in said
    assert agent.get("/healthz") == (200, "ok\n")


def test_a_port_in_use_is_one_line(agent):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        agent.configure(agent_listen=f"127.0.0.1:{taken.getsockname()[1]}")

        assert "agent.listen: cannot listen on 127.0.0.1:" in complaint(agent)


def test_no_proc_is_one_line(agent):
    agent.configure(agent_procfs=str(agent.folder / "nowhere"))

    assert str(agent.folder / "nowhere") in complaint(agent)
