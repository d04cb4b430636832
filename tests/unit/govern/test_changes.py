"""What is written down when the configuration in effect changes, and what may not take effect."""

import pytest

from nrdot.audit.verify import verify
from nrdot.clock import SystemClock
from nrdot.config.reading.load import load
from nrdot.errors import AuditFailure, ConfigError
from nrdot.govern.course import SECOND, course
from nrdot.testing.agents.configured import Site
from nrdot.testing.clock import NOON_NS


def test_the_first_start_writes_down_everything_and_the_next_one_nothing(site):
    site.start()
    site.apply(starting=True)

    (first,) = site.trail()
    assert first["change_type"] == "start"
    assert first["new_value"]["profile"] == "balanced"
    assert first["new_value"]["agent.state_dir"] == str(site.state)
    assert set(first["previous_value"].values()) == {None}
    assert (first["number"], first["host"]) == (1, "host-1")


def test_a_change_is_one_entry_with_who_what_and_why(site):
    site.say("profile: aggressive\nchange: {user: ada, justification: cost, approval_id: C-7}")
    site.apply()

    said = site.trail()[-1]
    assert (said["change_type"], said["user"], said["justification"], said["approval_id"]) == (
        "reload",
        "ada",
        "cost",
        "C-7",
    )
    assert (said["previous_value"]["profile"], said["new_value"]["profile"]) == ("balanced", "aggressive")
    assert said["previous_value"].keys() == said["new_value"].keys()
    assert "agent.state_dir" not in said["new_value"]
    assert said["source"] == str(site.file)


def test_the_user_is_the_environments_or_the_owner_of_the_file(site, monkeypatch):
    site.say("profile: aggressive")
    site.apply()
    assert site.trail()[-1]["user"] == site.file.owner()

    monkeypatch.setenv("NRDOT_CHANGE_USER", "deploy-bot")
    site.say("profile: balanced")
    site.apply()
    assert site.trail()[-1]["user"] == "deploy-bot"


def test_what_means_the_same_is_no_change(site):
    site.say("# a comment\nprofile: balanced\nchange: {justification: none needed}")
    site.apply()

    assert site.types() == ["start"]


def test_the_content_of_a_file_that_is_named_is_part_of_what_is_in_effect(site):
    incidents = site.folder / "incidents.csv"
    incidents.write_text("time,service,severity\n")
    site.say(f"profile: balanced\nincidents: {{file: {incidents}}}")
    site.apply()
    incidents.write_text("time,service,severity\n2026-11-01T00:00:00Z,nginx,1\n")
    site.apply()

    assert list(site.trail()[-1]["new_value"]) == ["contents of incidents.file"]


def test_a_start_with_another_file_than_before_is_written_down_as_such(site):
    site.say("profile: aggressive")
    site.start()
    site.apply(starting=True)

    assert site.types() == ["start", "start"]
    assert site.trail()[-1]["previous_value"]["profile"] == "balanced"


def test_only_the_fields_that_are_asked_for_are_written(site):
    site.say("profile: aggressive\nauditLog: {fields: [user, new_value]}")
    site.apply()

    said = site.trail()[-1]
    assert {"user", "new_value", "timestamp", "change_type"} <= said.keys()
    assert not {"previous_value", "justification", "approval_id"} & said.keys()


def test_a_reason_that_was_given_for_an_earlier_change_is_told_as_such(site, caplog):
    reason = "change: {justification: cost, approval_id: C-7}"
    for profile in ("aggressive", "conservative", "balanced"):
        site.say(f"profile: {profile}\n{reason}")
        site.apply()
    site.say("profile: aggressive\nchange: {justification: cost, approval_id: C-8}")
    site.apply()

    said = [entry.get("reason_of") for entry in site.trail()[-4:]]
    assert said == [None, 2, 2, None]
    assert caplog.text.count("the reason of this change was given for an earlier one") == 2


def test_no_reason_at_all_and_a_file_whose_content_changed_are_no_earlier_reason(site):
    incidents = site.folder / "incidents.csv"
    for number, reason in enumerate(("{}", "{}", "{justification: cost}", "{justification: cost}")):
        incidents.write_text(f"time,service,severity\n2026-11-01T00:00:00Z,nginx,P{number + 1}\n")
        budget = min(number, 2) * 100
        site.say(f"budget: {budget}\nincidents: {{file: {incidents}}}\nchange: {reason}")
        site.apply()

    assert site.types()[1:] == ["reload"] * 4
    assert [entry.get("reason_of") for entry in site.trail()] == [None] * 5


def test_a_policy_refuses_a_change_without_its_reasons_and_says_what_to_write(site):
    require = "auditLog: {require: [justification, approval_id]}"
    site.say(f"profile: balanced\n{require}\nchange: {{justification: ours, approval_id: C-1}}")
    site.apply()
    site.say("profile: aggressive\nchange: {justification: ours}")

    with pytest.raises(
        ConfigError, match=r"a change needs approval_id .*; the configuration in effect stays"
    ):
        site.apply()
    with pytest.raises(ConfigError):
        site.apply()

    assert site.types() == ["start", "reload", "refused"]
    site.say("profile: aggressive\nchange: {justification: ours, approval_id: C-9}")
    assert site.apply() == "aggressive"


def test_a_policy_can_refuse_the_words_of_the_change_before_also_at_a_start(site):
    words = "change: {justification: cost, approval_id: C-7}"
    policy = "auditLog: {reused_reason: refuse}"
    site.say(f"profile: balanced\n{policy}\n{words}")
    site.apply()
    site.say(f"profile: aggressive\n{words}")  # and the policy is gone, too

    with pytest.raises(
        ConfigError,
        match=r"of this change was given for entry 2 .*; the configuration in effect stays; write",
    ):
        site.apply()
    site.start()
    with pytest.raises(ConfigError, match=r"auditLog\.reused_reason"):
        site.apply(starting=True)

    assert site.types()[:3] == ["start", "reload", "refused"]
    site.say("profile: aggressive\nchange: {justification: cost, approval_id: C-8}")
    assert site.apply() == "aggressive"


def test_words_that_the_trail_leaves_out_are_not_compared(site):
    fields = "auditLog: {fields: [user, new_value, approval_id], reused_reason: refuse}"
    site.say(f"profile: balanced\n{fields}\nchange: {{justification: cost, approval_id: C-7}}")
    site.apply()
    site.say(f"profile: aggressive\n{fields}\nchange: {{justification: another, approval_id: C-7}}")

    with pytest.raises(ConfigError, match=r"auditLog\.reused_reason"):
        site.apply()


def test_a_full_disk_refuses_a_change_where_there_is_an_audit_log(site):
    site.say("profile: balanced\nauditLog: {}")
    site.apply()
    site.disk.full = True
    site.say("profile: aggressive\nauditLog: {}")

    with pytest.raises(AuditFailure, match="No space left on device; the change is refused"):
        site.apply()
    assert site.choice.configuration.settings.profile == "balanced"

    site.disk.full = False
    assert site.apply() == "aggressive"
    assert site.types() == ["start", "reload", "reload"]


def test_switching_the_audit_log_off_is_still_decided_by_it(site):
    site.say("profile: balanced\nauditLog: {}")
    site.apply()
    site.disk.full = True
    site.say("profile: balanced\nauditLog: {enabled: false}")

    with pytest.raises(AuditFailure):
        site.apply()

    site.disk.full = False
    site.apply()
    assert site.trail()[-1]["new_value"] == {"auditLog.enabled": False}
    site.say("profile: aggressive\nauditLog: {enabled: false}")
    site.apply()
    assert len(site.trail()) == 3


def test_without_an_audit_log_a_change_takes_effect_although_it_cannot_be_told(site, caplog):
    site.auditor._archive.salt()
    site.disk.full = True
    site.say("profile: aggressive")

    change = site.auditor.weigh(site.chooser.choose())
    site.auditor.write(change)

    assert "the audit trail lacks an entry" in caplog.text


def test_what_happens_by_itself_is_never_refused_and_told_later(site):
    site.disk.full = True
    site.auditor.note({"change_type": "schedule", "user": "nrdot", "new_value": {"profile": "aggressive"}})
    assert site.auditor.document()["waiting"] == 1
    site.clock.advance(60.0)
    site.disk.full = False
    site.auditor.tend()

    said = site.trail()[-1]
    assert (said["change_type"], said["timestamp"]) == ("schedule", "2026-11-21T12:00:00.000Z")
    assert verify(site.state / "audit", site.disk).whole


def test_what_waits_is_bounded_and_what_was_left_out_is_counted(site):
    site.disk.full = True
    for number in range(300):
        site.auditor.note({"change_type": "schedule", "what": number})
    site.disk.full = False
    site.auditor.tend()

    assert site.trail()[1]["left_out"] == 44
    assert len(site.trail()) == 257


def test_a_change_by_schedule_is_an_entry_with_its_rule(tmp_path):
    file = tmp_path / "nrdot.yaml"
    rule = '{schedule: "12:00-13:00", profile: aggressive, reason: lunch}'
    file.write_text(f"profile: balanced\ntime_based_rules: [{rule}]\n")
    before, during = (course(load(file, {}), "h", NOON_NS + hours * 3600 * SECOND) for hours in (-1, 0))

    said = during.entry(before)

    assert (said["change_type"], said["user"], said["justification"]) == ("schedule", "nrdot", "lunch")
    assert (said["previous_value"]["profile"], said["new_value"]["profile"]) == ("balanced", "aggressive")
    assert said["source"] == said["new_value"]["rule"]


LUNCH = 'profile: balanced\ntime_based_rules: [{schedule: "12:00-13:00", profile: aggressive}]'


def phases(site, *, starting=True):
    """A configuration takes effect, and with it what its timetable says now; the phases in the trail."""
    site.apply(starting=starting)
    stated = site.choice.configuration
    site.auditor.holds(course(stated, "host-1", site.clock.wall_ns()))
    said = [one for one in site.trail() if one["change_type"] == "schedule"]
    return [(one["previous_value"]["profile"], one["new_value"]["profile"]) for one in said]


def test_a_phase_that_came_while_the_agent_was_down_is_told_once_at_the_next_start(site):
    site.say(LUNCH)
    site.start()
    assert phases(site) == [("balanced", "aggressive")]
    site.start()
    assert phases(site) == [("balanced", "aggressive")]
    site.clock.advance(3600.0)
    site.start()
    assert phases(site) == [("balanced", "aggressive"), ("aggressive", "balanced")]
    assert verify(site.state / "audit", site.disk).whole


def test_a_reload_that_brings_a_phase_tells_it_and_one_without_hours_needs_no_entry_beside_its_own(site):
    site.say("profile: conservative")
    assert phases(site, starting=False) == []
    site.say(LUNCH)
    assert phases(site, starting=False) == [("balanced", "aggressive")]
    site.say("profile: conservative")
    assert phases(site, starting=False) == [("balanced", "aggressive"), ("aggressive", "conservative")]
    site.say("profile: balanced")
    assert len(phases(site, starting=False)) == 2


def test_a_trail_that_is_switched_off_is_not_opened_for_phases(site):
    site.say(LUNCH + "\nauditLog: {enabled: false}")
    site.apply()
    before = site.types()
    site.start()
    assert phases(site) == []
    assert site.types() == before


def test_copies_follow_the_destination_of_the_configuration_in_effect(tmp_path):
    site = Site(tmp_path, SystemClock())  # the copies have a thread of their own
    site.apply(starting=True)
    site.say("profile: balanced\nauditLog: {destination: FOLDER/copies1}".replace("FOLDER", str(site.folder)))
    site.apply()
    site.say("profile: balanced\nauditLog: {destination: FOLDER/copies2}".replace("FOLDER", str(site.folder)))
    site.apply()
    site.auditor.close()

    assert verify(site.folder / "copies2" / "host-1", site.disk, copy=True).last == 3
    site.say("profile: balanced\nauditLog: {}")
    site.apply()
    site.auditor.close()
    assert verify(site.folder / "copies2" / "host-1", site.disk, copy=True).last == 3
    assert "to" not in site.auditor.document()
