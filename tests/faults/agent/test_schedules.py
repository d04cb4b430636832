from datetime import UTC, datetime, timedelta

from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from nrdot.audit.disk import Disk
from nrdot.audit.verify import entries
from nrdot.testing.plain.backend import Backend

CHANGED = "the profile changes by schedule"
RULE = "event_handling.launch T+0h"
AHEAD, LASTS = 5, 5  # seconds; the agent has started long before


def launch():
    start = datetime.now(UTC) + timedelta(seconds=AHEAD)
    return {"launch": {"start": start.isoformat(), "duration": f"{LASTS}s", "profile": "aggressive"}}


def exported(agent):
    backend = Backend()
    for line in (agent.folder / "state/metrics.jsonl").read_text().splitlines():
        request = json_format.Parse(line, ExportMetricsServiceRequest())
        backend.receive_payload(request.SerializeToString())
    return backend


def test_an_event_changes_the_profile_of_a_running_agent_everybody_can_see_why_and_counters_go_on(
    agent, procfs
):
    agent.configure(profile="conservative", auditLog={}, event_handling=launch())
    agent.started()
    used = procfs.processes[42].user

    def changes(count):
        procfs.run(42, user=1)
        found = [line for line in agent.lines() if line["message"] == CHANGED]
        return found if len(found) >= count else None

    first = agent.until(lambda: changes(1))[0]
    assert (first["from"], first["to"], first["rule"]) == ("conservative", "aggressive", RULE)
    assert agent.ready()[1]["profile"] == {"name": "aggressive", "rule": RULE, "level": "event"}
    agent.until(lambda: agent.metric('nrdot_profile_info{level="event",profile="aggressive"}') == 1)
    revision = agent.ready()[1]["config"]["revision"]

    _, second = agent.until(lambda: changes(2))
    assert (second["from"], second["to"], second["rule"]) == ("aggressive", "conservative", "default")
    assert agent.ready()[1]["config"]["revision"] == revision

    ticks = agent.ticks()
    agent.until(lambda: agent.ticks() > ticks + 1)
    agent.signal(15)
    assert agent.end() == 0

    said = entries(agent.folder / "state/audit", Disk())
    said = [one.content for one in said if one.content["change_type"] == "schedule"]
    assert [one["new_value"]["rule"] for one in said] == [RULE, "default"]
    user = [
        series
        for series in exported(agent).series.values()
        if series.metric == "process.cpu.time" and series.attributes["state"] == "user"
    ]
    assert round(100 * sum(series.growth() for series in user)) == procfs.processes[42].user - used
