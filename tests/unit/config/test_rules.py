from __future__ import annotations

import pytest

CLASS = "process_classification: {a: {score: 1.0, patterns: [x], special_handling:"
LAUNCH = "event_handling: {e: {start: '2027-01-01', preparation:"

ERRORS = {
    "an empty class": (
        "process_classification: {a: {score: 0.5}}",
        "a class without patterns matches nothing",
    ),
    "an override without effect": ("overrides: [{process: x}]", "this override changes nothing"),
    "an override without a name": ("overrides: [{force_collect: true}]", "`process` is missing"),
    "an override until never": (
        "overrides: [{process: x, force_collect: true, expires: soon}]",
        "'soon' is not a time",
    ),
    "a label rule without effect": ("label_based_scoring: [{selector: a=b}]", "this rule changes nothing"),
    "a business rule for nothing": ("business_rules: [{score: 0.5}]", "this rule names no service"),
    "a scope for nothing": ("scopes: [{profile: balanced}]", "this scope holds for nothing"),
    "two destinations of one name": (
        "export: [{file: {}}, {file: {path: b}}]",
        "two destinations are called 'file'",
    ),
    "a destination that climbs out": ("export: [{name: ../x, file: {}}]", "cannot name a directory"),
    "half of mutual TLS": (
        "export: [{otlp: {endpoint: 'https://h', tls: {cert: a}}}]",
        "`cert` needs `key` beside it",
    ),
    "a pin that is none": (
        "export: [{otlp: {endpoint: 'https://h', tls: {pins: [abc]}}}]",
        "'abc' is not a pin",
    ),
    "a header with a line break": (
        'export: [{otlp: {endpoint: "http://h", headers: {a: "b\\nc"}}}]',
        "line break",
    ),
    "a glob longer than any name": (
        f"overrides: [{{process: '{'*a' * 600}', force_collect: true}}]",
        "1200 characters, and 1000 are the limit",
    ),
    "a known tenant of an endless namespace": (
        f"ledger: {{tenants: {{acme: ['{'*a' * 600}']}}}}",
        "1200 characters, and 1000 are the limit",
    ),
    "a goal that nobody measures": (
        "optimization_dimensions: {covarage: {weight: 1}}",
        "no such dimension; did you mean `coverage`?",
    ),
    "a goal whose limit is none": (
        "optimization_dimensions: {cost: {weight: 1, constraint: banana}}",
        "'banana' is no limit; write for example `< $10k/month`",
    ),
    "a share in money": (
        "optimization_dimensions: {coverage: {weight: 1, constraint: '> $95'}}",
        "'> $95' is no limit; write for example `> 95%`",
    ),
    "a limit that only costs time": (
        f"optimization_dimensions: {{cost: {{weight: 1, constraint: '<{' ' * 50_000}x'}}}}",
        "is no limit",
    ),
    "two sources of a key": ("encryption: {key_file: a, key_env: B}", "more than one source for the key"),
    "encryption without a key": ("encryption: {enabled: true}", "encryption needs a key"),
    "an address without a port": ("agent: {listen: localhost}", "not an address with a port"),
    "sampling too often": ("agent: {interval: 10ms}", "more often than once a second"),
    "a cron without duration": (
        "time_based_rules: [{cron: '0 9 * * 1', profile: balanced}]",
        "belong together",
    ),
    "an event that begins twice": (
        "event_handling: {e: {start: '2027-01-01', cron: '* * * * *'}}",
        "either `start` or `cron`",
    ),
    "an event at no time": ("event_handling: {e: {start: whenever}}", "'whenever' is not a time"),
    "a phase at no time": (f"{LAUNCH} [{{noon: Monitor}}]}}}}", "write T-24h"),
    "a phase that says nothing": (f"{LAUNCH} [{{T-1h: Drink tea}}]}}}}", "does not say what to do"),
    "hours of no day": (
        "region: Asia\nfollow_the_sun: [{'UTC 00:00-25:00': Optimize Asia aggressively}]",
        "a time of no day",
    ),
    "hours that are none": (
        "region: Asia\nfollow_the_sun: [{always: Optimize Asia aggressively}]",
        "not a stretch of hours",
    ),
    "a holiday that is no date": ("holidays: [Christmas]", "'Christmas' is not a date"),
    "an unknown zone": ("timezone: Europe/Berln", "not a time zone"),
    "a zone that climbs out": ("timezone: ../../etc/passwd", "not a time zone"),
    "a zone of a rule": (
        "time_based_rules: [{schedule: Sat, profile: balanced, timezone: est}]",
        "did you mean America/New_York?",
    ),
    "an unknown duty": (f"{CLASS} [{{no_samplin: true}}]}}}}", "did you mean `no_sampling`?"),
    "a duty twice": (f"{CLASS} [no_sampling, {{no_sampling: false}}]}}}}", "written twice"),
}


@pytest.mark.parametrize(("text", "message"), ERRORS.values(), ids=ERRORS)
def test_what_no_type_can_say_is_said_by_a_rule(errors, text, message):
    (error,) = errors(text)
    assert message in error


WARNINGS = {
    "an abbreviated zone": ("timezone: EST", "EST is a fixed offset", "America/New_York"),
    "an abbreviated zone of a rule": (
        "time_based_rules: [{schedule: 'Sat EST', profile: balanced}]",
        "EST is a fixed offset",
        "America/New_York",
    ),
    "an abbreviated zone that stands first": (
        "time_based_rules: [{schedule: 'EST 09:00-18:00', profile: balanced}]",
        "EST is a fixed offset",
        "America/New_York",
    ),
    "an abbreviated zone of the sun": (
        "region: x\nfollow_the_sun: [{'EST 09:00-18:00': {region: x, profile: balanced}}]",
        "EST is a fixed offset",
        "America/New_York",
    ),
    "an event without a start": ("event_handling: {e: {reason: x}}", "never begins", "`start`"),
    "a season without dates": (
        "event_handling: {seasonal_events: [{Easter: Conservative}]}",
        "no dates",
        "schedule",
    ),
    "hours without a region": (
        "follow_the_sun: [{'00:00-08:00': Optimize Asia aggressively}]",
        "none of the hours",
        "Asia",
    ),
}


@pytest.mark.parametrize(("text", "message", "hint"), WARNINGS.values(), ids=WARNINGS)
def test_what_is_legal_but_surely_not_meant_is_a_warning(good, text, message, hint):
    assert any(message in one.message and hint in one.hint for one in good(text).warnings)


def test_duties_may_be_a_list_of_words_of_tables_or_one_table(good):
    written = ["[no_sampling]", "[{no_sampling: true}]", "{no_sampling: true}"]
    seen = {
        good(f"process_classification: {{a: {{score: 1.0, patterns: [x], special_handling: {one}}}}}")
        .settings.process_classification["a"]
        .special_handling
        for one in written
    }
    assert len(seen) == 1
    assert seen.pop().no_sampling


def test_a_version_of_tls_may_lack_its_quotes(good):
    text = "export: [{otlp: {endpoint: 'https://h', tls: {min_version: 1.2}}}]"
    assert good(text).settings.export[0].otlp.tls.min_version == "1.2"


def test_an_empty_listen_switches_it_off(good):
    assert good('agent: {listen: ""}').settings.agent.address is None
    assert good("agent: {listen: }").settings.agent.address is None
    assert good("agent: {listen: '[::1]:80'}").settings.agent.address == ("::1", 80)


def test_a_missing_key_is_told_beside_one_that_is_wrong(errors):
    found = errors("overrides: [{forse_collect: true}]\n")
    assert len(found) == 2
    assert "`process` is missing" in found[0]


def test_a_duty_does_not_come_from_the_environment(errors):
    duty = "process_classification: {a: {score: 1.0, patterns: [x], special_handling: ['${env:DUTY}']}}"
    (error,) = errors(duty, {"DUTY": "no_sampling"})
    assert "no_sampling" not in error
