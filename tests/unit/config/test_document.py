from __future__ import annotations

import pytest

from nrdot.config.reading.load import examine, load

BAD = {
    "a key twice": (
        "profile: balanced\nmode: observe\nprofile: aggressive\n",
        "3:1: profile: written twice, first in line 1",
    ),
    "a nested key twice": (
        "agent: {interval: 5s, interval: 6s}\n",
        "1:23: agent.interval: written twice, first in line 1",
    ),
    "a merge key": ("a: &a {interval: 5s}\nagent: {<<: *a}\n", "2:9: agent: merge keys (`<<`) are not read"),
    "a tag": (
        "agent: !!python/object:os.system {interval: 5s}\n",
        "1:8: agent: the tag tag:yaml.org,2002:python/object",
    ),
    "a second document": (
        "mode: observe\n---\nmode: observe\n",
        "2:1: a second document; one document a file",
    ),
    "a table as key": ("? {a: 1}\n: 2\n", "1:3: a key that is not text"),
    "a tab for indentation": (
        "agent:\n\tinterval: 5s\n",
        "2:1: not YAML: a tab; indent with spaces",
    ),
    "a tab behind letters of several bytes": (
        "# \u00e4\u00f6\nagent:\n\tinterval: 5s\n",
        "3:1: not YAML: a tab; indent with spaces",
    ),
    "a character that begins nothing": (
        "agent: @x\n",
        "1:8: not YAML: found character that cannot start any token; quote text that begins with",
    ),
    "a tab behind a setting": (
        "mode: observe\n\tagent: {}\n",
        "2:1: not YAML: found a tab character that violates indentation; indent with spaces",
    ),
    "an open bracket": ("agent: {interval: 5s\n", "2:1: not YAML: did not find expected ',' or '}'"),
    "an open quote": ("mode: 'observe\n", "2:1: not YAML: found unexpected end of stream"),
    "a colon in text": (
        "agent: interval: 5s\n",
        "1:16: not YAML: mapping values are not allowed in this context",
    ),
    "an alias of nothing": ("agent: *nowhere\n", "1:8: agent: alias *nowhere has no anchor before it"),
    "an alias of itself": (
        "agent: &a {interval: *a}\n",
        "1:22: agent.interval: alias *a has no anchor before it",
    ),
    "a NUL byte": ("mode: obs\0erve\n", "1:10: a NUL byte, which YAML does not allow"),
    "a control character": ("mode: 'a\x07b'\n", "1:9: a character U+0007, which YAML does not allow"),
    "an escaped NUL in a key": ('"mo\\0de": observe\n', '1:1: ["mo de"]: unknown key'),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_a_malformed_document_is_refused_with_its_place(errors, text, message):
    found = errors(text)
    assert len(found) == 1
    assert found[0].startswith(message)


def test_bytes_that_are_not_utf_8_are_refused_with_their_place(tmp_path):
    (tmp_path / "bytes.yaml").write_bytes(b"mode: observe\nregion: \xff\n")
    _, problems = examine(tmp_path / "bytes.yaml", {})
    assert [(one.line, one.column, one.message) for one in problems] == [(2, 9, "not UTF-8")]


def test_a_byte_order_mark_and_windows_line_ends_are_no_matter(tmp_path):
    (tmp_path / "windows.yaml").write_bytes("\ufeffmode: observe\r\nregion: Köln\r\n".encode())
    assert load(tmp_path / "windows.yaml", {}).settings.region == "Köln"


def test_an_anchor_used_again_costs_a_place_but_works(good):
    settings = good("""\
        scopes:
          - {profile: &p balanced, namespace: a}
          - {profile: *p, namespace: b}
    """).settings
    assert [scope.profile for scope in settings.scopes] == ["balanced", "balanced"]


def test_columns_count_characters_as_editors_do(errors):
    assert errors("resource: {städte: ünïcode, städte: x}\n")[0].startswith(
        "1:29: resource.städte: written twice"
    )


TRAPS = {
    "a time of day": (
        "time_based_rules: [{schedule: 22:30, profile: balanced}]",
        "22:30 without quotes is a number to YAML; a time of day is text: quote it",
    ),
    "a word that is false": (
        "time_based_rules: [{schedule: no, profile: balanced}]",
        "no is true or false to YAML; quote it",
    ),
    "a word that is true": ("region: on", "on is true or false to YAML; quote it"),
    "an octal number": ("top_n: {cpu: 010}", "010 is octal to some readers and decimal to others; write 10"),
    "an octal size": ("export: [{file: {rotate: 0100}}]", "0100 is octal to some readers"),
    "a number in base 60": ("top_n: {cpu: 1:30}", "1:30 without quotes is a number in base 60"),
    "a duration in base 60": ("export_interval: 1:30", "1:30 without quotes is a number in base 60"),
    "yes for true": (
        "agent: {interval: 5s}\nanomaly: {enabled: yes}",
        "yes is true or false to some readers and text to others; write true",
    ),
    "off for false": ("anomaly: {enabled: off}", "write false"),
    "a number for text": ("resource: {service.version: 1.10}", "1.10 is a number to YAML; quote it"),
    "nothing for text": (
        "region: x\nresource: {a: }",
        'text is wanted, and here is nothing; write "" for empty text',
    ),
    "a word as key": ("resource: {on: x}", "on is true or false to YAML"),
    "a time as key": ("resource: {22:30: x}", "22:30 without quotes is a number to YAML"),
    "a number in quotes": (
        'top_n: {cpu: "10"}',
        "a whole number is wanted, and this is text; remove the quotes",
    ),
    "a fraction for a count": ("top_n: {cpu: 1.5}", "a whole number is wanted, not '1.5'"),
    "an endless number": (f"top_n: {{cpu: {'9' * 5000}}}", "a whole number is wanted, not"),
    "a list for text": ("region: [a]", "text is wanted, not a list"),
    "text for a list": ("overrides: all", "a list is wanted, not 'all'; begin the line with `- `"),
    "a table for a list": ("overrides: {process: x}", "a list is wanted, not a table"),
    "a list for a table": ("agent: [interval]", "a table of settings is wanted, not a list"),
    "a negative count": ("budget: -1", "must be 0 or more"),
}


@pytest.mark.parametrize(("text", "message"), TRAPS.values(), ids=TRAPS)
def test_what_readers_of_yaml_read_differently_is_refused_with_a_hint(errors, text, message):
    found = errors(text)
    assert len(found) == 1
    assert message in found[0]


def test_the_same_words_in_quotes_are_text(good):
    settings = good("""\
        time_based_rules:
          - {schedule: "22:30", profile: balanced}
          - {schedule: 09:00-18:00, profile: balanced}
        region: "no"
        resource: {a: "", "on": "010", d: 2027-01-31}
    """).settings
    assert [rule.schedule for rule in settings.time_based_rules] == ["22:30", "09:00-18:00"]
    assert settings.region == "no"
    assert settings.resource == {"a": "", "on": "010", "d": "2027-01-31"}


SCORES = [".nan", ".inf", "-.inf", "-0.1", "1.1", "1e400"]


@pytest.mark.parametrize("value", SCORES)
@pytest.mark.parametrize(
    "document",
    [
        "process_classification: {{a: {{score: {}, patterns: [x]}}}}",
        "label_based_scoring: [{{selector: a=b, score: {}}}]",
        "overrides: [{{process: x, importance: {}}}]",
        "business_rules: [{{process: x, score: {}}}]",
        "threshold: {}",
    ],
)
def test_a_score_outside_0_to_1_is_an_error(errors, document, value):
    (error,) = errors(document.format(value))
    assert "finite number" in error or "must be" in error


@pytest.mark.parametrize("value", [".nan", ".inf", "-1"])
def test_a_weight_that_is_no_weight_is_an_error(errors, value):
    assert len(errors(f"weights: {{model: {value}}}")) == 1


def test_weights_that_add_up_to_nothing_are_an_error(errors):
    assert "all weights are 0" in errors("weights: {pattern: 0, model: 0, business: 0, incident: 0}")[0]
