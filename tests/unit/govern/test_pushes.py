"""A configuration that a controller pushes, over the file of the host."""

import pytest


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


@pytest.mark.parametrize("length", [300, 5000])
def test_a_profile_of_a_name_that_no_file_can_have_is_refused_as_any_other(site, length):
    (site.file.parent / "profiles").mkdir()
    site.push(f"profile: {'k' * length}", 1)

    assert site.apply() == "balanced"
    assert "there is no profile 'kkk" in site.choice.complaint


def test_a_directory_of_pushes_that_no_file_can_have_holds_none(site):
    site.say("profile: aggressive", pushed=f"/{'k' * 5000}")

    assert site.apply() == "aggressive"
