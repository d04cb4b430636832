import signal

from nrdot.audit.disk import Disk
from nrdot.audit.verify import entries

REFUSED = "the configuration is refused, the last good one stays"


def reloads(agent):
    return {
        outcome: agent.metric(f'nrdot_config_reloads_total{{outcome="{outcome}"}}')
        for outcome in ("applied", "unchanged", "refused")
    }


def test_a_thousand_hangups_are_few_looks_at_the_file_and_one_change(agent):
    agent.started()
    agent.configure(export_interval="2s")

    for _ in range(1000):
        agent.signal(signal.SIGHUP)

    assert agent.hear("RELOADING=1").split("\n")[1].startswith("MONOTONIC_USEC=")
    agent.hear("READY=1")
    agent.until(lambda: reloads(agent)["applied"])
    agent.signal(signal.SIGHUP)
    agent.until(lambda: reloads(agent)["unchanged"])
    seen = reloads(agent)
    assert seen["applied"] == 1
    assert seen["unchanged"] <= 10
    assert seen["refused"] == 0
    written = [entry.content["change_type"] for entry in entries(agent.folder / "state" / "audit", Disk())]
    assert written == ["start", "reload"]


def test_a_bad_file_keeps_the_last_good_one_until_it_is_mended_and_everybody_can_see_why(agent):
    agent.started()
    revision = agent.ready()[1]["config"]["revision"]

    agent.file.write_text("agent: {interval: soon}\n")
    agent.signal(signal.SIGHUP)
    refused = agent.said(REFUSED)

    code, document = agent.ready()
    assert code == 200
    assert document["config"] == {"revision": revision, "valid": False, "error": refused["error"]}
    assert f"{agent.file}:1:" in refused["error"]
    assert agent.metric(f'nrdot_config_info{{revision="{revision}",valid="false"}}') == 1

    agent.file.unlink()
    agent.signal(signal.SIGHUP)
    agent.until(lambda: agent.said(REFUSED)["error"] != refused["error"])
    ticks = agent.ticks()
    agent.until(lambda: agent.ticks() > ticks)

    agent.configure(export_interval="2s")
    agent.signal(signal.SIGHUP)

    applied = agent.said("the configuration is applied")
    assert agent.ready()[1]["config"] == {"revision": applied["revision"], "valid": True}
