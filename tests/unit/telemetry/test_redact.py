import time

import pytest

from nrdot.telemetry.redact import LONGEST, Redaction


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("POST https://me:pw@host:4318/v1/metrics", "POST https://***@host:4318/v1/metrics"),
        ("proxy http://token@proxy:3128 refused", "proxy http://***@proxy:3128 refused"),
        ("a password with an at: ftp://me:p@ss@host/x", "a password with an at: ftp://***@host/x"),
        ("Authorization: Bearer eyJh.eyJz", "Authorization: ***"),
        ("authorization=Basic dXNlcjpwdw==", "authorization=***"),
        ('{"Api-Key": "NRAK-0123"}', '{"Api-Key": "***"}'),
        ("X-License-Key: 0123abcd, content-type: text/plain", "X-License-Key: ***, content-type: text/plain"),
        ("connect with --db-password=hunter2 --verbose", "connect with --db-password=*** --verbose"),
        ("?access_token=abc&page=2", "?access_token=***&page=2"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text, clean):
    assert Redaction().text(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "endpoint https://collector:4318/v1/metrics",
        "mail to someone@example.org",
        "the token bucket is empty",
        "http://host/path/user@example",
        "the password must be quoted",
        "line 3: key 'profil' is unknown",
    ],
)
def test_innocent_text_stays(text):
    assert Redaction().text(text) == text


def test_values_that_we_were_told_of_are_hidden_wherever_they_stand():
    redaction = Redaction()
    redaction.hide(["s3cr3t-value", "s3cr3t-value-longer", "short"])

    assert redaction.text("got xs3cr3t-value-longery, s3cr3t-value and short") == "got x***y, *** and short"


def test_a_new_configuration_has_new_secrets():
    redaction = Redaction()
    redaction.hide(["first-secret"])
    redaction.hide(["second-secret"])

    assert redaction.text("first-secret second-secret") == "first-secret ***"


def test_fields_are_hidden_by_name_at_any_depth():
    value = Redaction().value("headers", {"api-key": "x", "inner": {"Token": 5}, "list": ["a", 1.5, None]})

    assert value == {"api-key": "***", "inner": {"Token": "***"}, "list": ["a", 1.5, None]}


@pytest.mark.parametrize("unit", ["a", "a-", "://", "key=", "token ", "x@", "secret"])
def test_a_hostile_text_is_cut_and_costs_little(unit):
    began = time.process_time()

    clean = Redaction().text(unit * 1_000_000)

    assert len(clean) <= 2 * LONGEST
    assert time.process_time() - began < 2.0
