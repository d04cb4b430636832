"""Which configuration holds and what is written down about it, without a running agent around."""

import json

import pytest

from nrdot.agent.archive import Rollback
from nrdot.agent.auditor import Auditor
from nrdot.agent.choosing import Chooser, Origin
from nrdot.agent.timetable import SECOND, course
from nrdot.audit.verify import entries, verify
from nrdot.clock import SystemClock
from nrdot.config.load import load
from nrdot.config.problem import InvalidConfigurationError
from nrdot.errors import AuditFailure, ConfigError
from nrdot.testing.audit_disk import TroubledDisk
from nrdot.testing.clock import NOON_NS, ManualClock


class Site:
    """A host with a file, a controller and a state directory; `start` is a new agent on it."""

    def __init__(self, folder, environment, clock=None):
        self.folder = folder
        self.file = folder / "nrdot.yaml"
        self.state = folder / "state"
        self.push_file = folder / "mount" / "pushed.yaml"
        self.push_file.parent.mkdir()
        self.clock = clock or ManualClock()
        self.disk = TroubledDisk()
        self.environment = environment
        self.say()
        self.start()

    def say(self, text="profile: balanced", **agent):
        settings = {"state_dir": str(self.state), "pushed": str(self.push_file.parent), **agent}
        self.file.write_text(f"agent: {json.dumps(settings)}\n{text}\n")

    def push(self, text, revision, expires="2027-01-31T00:00:00Z", **more):
        header = {"revision": revision, "expires": expires, "controller": "fleet", **more}
        self.push_file.write_text(f"pushed: {json.dumps(header)}\n{text}\n")

    def start(self):
        self.chooser = Chooser(self.file, self.clock, self.disk, fallback=True)
        choice = self.chooser.choose()
        archive = self.chooser.kept(choice.configuration.settings)
        self.auditor = Auditor(self.state, "host-1", archive, self.clock, self.disk)
        self.choice = None
        return choice

    def apply(self, choice=None, *, starting=False):
        """As the agent does it; the profile that holds afterwards."""
        choice = choice or self.chooser.choose()
        change = self.auditor.weigh(choice, starting=starting)
        self.auditor.write(change)
        self.auditor.settle(change)
        self.chooser.took_effect(choice)
        if choice.refusal is not None:
            self.auditor.refused(choice.refusal)
        self.choice = choice
        return choice.configuration.settings.profile

    def trail(self):
        return [entry.content for entry in entries(self.state / "audit", self.disk)]

    def types(self):
        return [said["change_type"] for said in self.trail()]

    @property
    def archive(self):
        return self.chooser.archive


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.delenv("NRDOT_CHANGE_USER", raising=False)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    made = Site(tmp_path, monkeypatch)
    made.apply(starting=True)
    return made


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


def test_the_user_is_the_environments_or_the_owner_of_the_file(site):
    site.say("profile: aggressive")
    site.apply()
    assert site.trail()[-1]["user"] == site.file.owner()

    site.environment.setenv("NRDOT_CHANGE_USER", "deploy-bot")
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


def test_a_bad_file_is_replaced_by_the_last_good_document(site):
    site.file.write_text(f"agent: {{state_dir: {site.state}, interval: soon}}\n")

    choice = site.start()

    assert choice.origin is Origin.LAST_GOOD
    assert choice.configuration.settings.profile == "balanced"
    assert "nrdot.yaml:1" in choice.trouble
    site.apply(choice, starting=True)
    assert site.types() == ["start"]


BROKEN = ('"state_dir": "STATE"', "state_dir: 'STATE'  # here", "{state_dir: STATE, x: [")


@pytest.mark.parametrize("text", BROKEN)
def test_the_state_directory_is_found_in_a_file_that_is_no_yaml_any_more(site, text):
    site.file.write_text("]: broken\n" + text.replace("STATE", str(site.state)) + "\n")

    assert site.start().origin is Origin.LAST_GOOD


def test_the_last_good_document_of_another_file_is_nobodys(site, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text(f"agent: {{state_dir: {site.state}, interval: soon}}\n")
    chooser = Chooser(other, site.clock, site.disk, fallback=True)

    with pytest.raises(InvalidConfigurationError):
        chooser.choose()


def test_a_last_good_document_that_was_meddled_with_is_not_used(site):
    kept = site.state / "config" / "last-good.yaml"
    kept.write_text(kept.read_text().replace("balanced", "aggressive"))
    site.file.write_text(f"agent: {{state_dir: {site.state}, interval: soon}}\n")

    with pytest.raises(InvalidConfigurationError):
        site.start()


def test_what_is_kept_belongs_to_the_agent_alone(site):
    for path in (site.state / "config").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_push_takes_effect_and_the_controller_is_its_author(site):
    site.push("profile: aggressive", 1, justification="cost", approval_id="C-1")

    assert site.apply() == "aggressive"
    said = site.trail()[-1]
    assert (said["change_type"], said["user"], said["approval_id"]) == ("pushed", "fleet", "C-1")
    assert said["new_value"]["pushed.revision"] == 1


def test_a_replayed_push_is_refused_and_told_once_and_the_accepted_one_holds(site):
    site.push("profile: aggressive", 2)
    site.apply()
    site.push("profile: conservative", 1)

    for _ in range(3):
        assert site.apply() == "aggressive"

    assert "revision 1, and 2 was accepted before" in site.choice.complaint
    assert site.types() == ["start", "pushed", "refused"]
    assert site.trail()[-1]["user"] == "fleet"


def test_a_revision_with_another_content_is_refused_after_a_restart_too(site):
    site.push("profile: aggressive", 2)
    site.apply()
    site.push("profile: conservative", 2)

    site.start()
    assert site.apply(starting=True) == "aggressive"
    assert "accepted before with another content" in site.choice.complaint


def test_an_expired_push_is_refused(site):
    site.push("profile: aggressive", 1, expires="2026-11-21T11:00:00Z")

    assert site.apply() == "balanced"
    assert "expired at 2026-11-21T11:00:00Z" in site.choice.complaint


def test_a_push_whose_time_is_over_no_longer_holds_and_that_is_a_change(site):
    site.push("profile: aggressive", 1, expires="2026-11-21T13:00:00Z")
    site.apply()
    site.clock.advance(3601)

    assert site.apply() == "balanced"
    assert site.choice.complaint == ""
    said = site.trail()[-1]
    assert (said["change_type"], said["new_value"]["pushed.revision"]) == ("pushed", None)


def test_the_end_of_a_push_needs_no_justification_whatever_the_policy(site):
    site.say("profile: balanced\nauditLog: {require: [justification]}\nchange: {justification: ours}")
    site.apply()
    site.push("profile: aggressive", 1, justification="theirs")
    site.apply()
    site.push_file.unlink()

    assert site.apply() == "balanced"


def test_a_push_that_does_not_fit_is_refused_and_the_local_file_holds(site):
    site.push("profile: nowhere", 1)

    assert site.apply() == "balanced"
    assert "there is no profile 'nowhere'" in site.choice.complaint
    assert site.types() == ["start", "refused"]


def test_an_edit_takes_effect_beside_a_push_that_is_refused(site):
    site.push("profile: aggressive", 2)
    site.apply()
    site.push("profile: conservative", 1)
    site.apply()
    site.say("profile: balanced\nsemconv: stable")

    assert site.apply() == "aggressive"
    assert site.choice.configuration.settings.semconv == "stable"


def rollback(site, **more):
    said = site.trail()[-1]
    site.archive.save_rollback(Rollback(said["previous_configuration"], "oncall", **more))


def test_a_rollback_puts_the_earlier_configuration_back_and_says_so(site):
    site.say("profile: aggressive")
    site.apply()
    rollback(site, justification="too little", approval_id="I-3")

    assert site.apply() == "balanced"
    said = site.trail()[-1]
    assert (said["change_type"], said["user"], said["justification"]) == ("rollback", "oncall", "too little")
    assert site.choice.origin is Origin.ROLLBACK


def test_a_rollback_holds_over_restarts_until_the_file_changes(site):
    site.say("profile: aggressive")
    site.apply()
    rollback(site)
    site.apply()

    site.start()
    assert site.apply(starting=True) == "balanced"
    site.say("profile: aggressive\nsemconv: stable")
    assert site.apply() == "aggressive"
    site.say("profile: aggressive")
    assert site.apply() == "aggressive"  # the wish is gone for good
    assert site.types() == ["start", "reload", "rollback", "reload", "reload"]


def test_a_rollback_outlives_what_is_no_document(site):
    incidents = site.folder / "incidents.csv"
    incidents.write_text("time,service,severity\n")
    site.say(f"profile: balanced\nincidents: {{file: {incidents}}}")
    site.apply()
    site.say(f"profile: aggressive\nincidents: {{file: {incidents}}}")
    site.apply()
    rollback(site)
    site.apply()
    incidents.write_text("time,service,severity\n2026-11-01T00:00:00Z,nginx,1\n")

    assert site.apply() == "balanced"
    assert site.choice.origin is Origin.ROLLBACK


def test_a_rollback_holds_on_while_the_file_is_bad(site):
    site.say("profile: aggressive")
    site.apply()
    rollback(site)
    site.apply()
    site.file.write_text("profile: [")

    assert site.apply() == "balanced"
    assert site.choice.origin is Origin.ROLLBACK
    assert "not YAML" in site.choice.complaint


def test_a_rollback_undoes_a_push_until_there_is_another_one(site):
    site.push("profile: aggressive", 1)
    site.apply()
    rollback(site)
    assert site.apply() == "balanced"

    site.push("profile: conservative", 2)
    assert site.apply() == "conservative"


def test_a_rollback_that_is_refused_does_not_come_back(site):
    site.say("profile: balanced\nauditLog: {require: [justification]}\nchange: {justification: ours}")
    site.apply()
    rollback(site)
    choice = site.chooser.choose()
    with pytest.raises(ConfigError):
        site.auditor.weigh(choice)
    site.chooser.gave_up(choice)

    assert site.chooser.choose().origin is Origin.FILE


def test_a_rollback_to_what_is_not_kept_is_said_and_the_file_holds(site):
    site.archive.save_rollback(Rollback("0123456789abcdef", "oncall"))

    assert site.apply() == "balanced"
    assert "configuration 0123456789abcdef is not kept any more" in site.choice.complaint


def test_so_many_configurations_are_kept_and_no_more(site):
    for number in range(1, 40):
        site.say(f"profile: balanced\nbudget: {1000 + number}")
        site.apply()

    assert len(list((site.state / "config" / "documents").glob("*.yaml"))) == 32


def test_no_secret_reaches_the_state_directory(site):
    site.environment.setenv("API_KEY", "a-very-secret-key")
    headers = 'headers: {api-key: "${env:API_KEY}"}'
    site.say(f"profile: balanced\nexport: [{{otlp: {{endpoint: http://127.0.0.1:1, {headers}}}}}]")
    site.apply()

    kept = [path.read_bytes() for path in site.state.rglob("*") if path.is_file()]
    assert any(b"${env:API_KEY}" in data for data in kept)
    assert not any(b"a-very-secret-key" in data for data in kept)


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


def test_copies_follow_the_destination_of_the_configuration_in_effect(tmp_path, monkeypatch):
    site = Site(tmp_path, monkeypatch, SystemClock())  # the copies have a thread of their own
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


def test_a_push_without_its_reasons_is_refused_and_does_not_hold_up_an_edit(site):
    policy = "auditLog: {require: [approval_id]}\nchange: {approval_id: C-1}"
    site.say(f"profile: balanced\n{policy}")
    site.apply()
    site.push("profile: aggressive", 1, justification="because")
    site.say(f"profile: conservative\n{policy}")

    assert site.apply() == "conservative"
    assert "it needs approval_id (auditLog.require)" in site.choice.complaint
    assert site.types() == ["start", "reload", "reload", "refused"]


def test_what_is_pushed_holds_beside_the_last_good_document_too(site):
    site.push("profile: aggressive", 1)
    site.apply()

    choice = site.chooser.instead("the file cannot be used", {})

    assert choice.configuration.settings.profile == "aggressive"
    assert choice.pushed.header.revision == 1
