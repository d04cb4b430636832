"""An earlier configuration again, until something newer is said."""

import pytest

from nrdot.errors import ConfigError
from nrdot.govern.archive import Rollback
from nrdot.govern.choosing import Origin


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


def test_a_wish_that_cannot_even_be_looked_for_is_one_line_and_no_end(site):
    site.apply()
    site.archive.save_rollback(Rollback("k" * 5000, "oncall"))

    with pytest.raises(ConfigError, match=r"kkk.*: File name too long"):
        site.apply()
