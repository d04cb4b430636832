from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from nrdot.config.problem import InvalidConfigurationError
from nrdot.config.reading.load import load, load_profile
from nrdot.errors import ConfigError

CONTRACT = """\
    profile: balanced
    mode: optimize
    export_interval: 60s
    timezone: America/New_York
    agent:
      interval: 15s
      procfs: /proc
      state_dir: /var/lib/nrdot
      cpu_budget: 1%
      listen: 127.0.0.1:13133
    export:
      - name: collector
        otlp: {endpoint: http://127.0.0.1:4318, compression: zstd, headers: {}, timeout: 10s}
      - name: local
        file: {path: metrics.jsonl, rotate: 64MiB, keep: 8}
    resource: {service.namespace: payments}
"""


def test_the_documented_example_loads_without_a_word(good):
    configuration = good(CONTRACT)
    assert configuration.warnings == ()
    settings = configuration.settings
    assert settings.agent.cpu_budget == pytest.approx(0.01)
    assert settings.agent.address == ("127.0.0.1", 13133)
    collector, local = settings.export
    assert collector.otlp.url == "http://127.0.0.1:4318/v1/metrics"
    assert local.file.rotate == 64 * 2**20
    assert settings.resource == {"service.namespace": "payments"}


def test_without_a_file_the_agent_starts_safe_and_writes_beside_its_state():
    configuration = load(None, {})
    assert configuration.settings.profile == "conservative"
    assert configuration.profile.export_interval == 15
    (destination,) = configuration.settings.export
    assert destination.file.path == "/var/lib/nrdot/metrics.jsonl"
    assert configuration.file == ""


def test_an_empty_file_means_the_defaults(good):
    assert good("# nothing yet\n").settings == load(None, {}).settings


def test_a_relative_file_lies_in_the_state_directory(good):
    settings = good(
        "agent: {state_dir: /srv/nrdot}\nexport: [{file: {path: out/m.jsonl}}, {name: b, file: {path: /x}}]"
    ).settings
    assert [one.file.path for one in settings.export] == ["/srv/nrdot/out/m.jsonl", "/x"]


def test_what_stands_at_the_top_of_the_file_overrides_every_profile(good):
    configuration = good("""\
        profile: aggressive
        export_interval: 45s
        top_n: {cpu: 9}
        scopes: [{profile: balanced, namespace: shop}]
    """)
    assert {name: one.export_interval for name, one in configuration.profiles.items()} == {
        "aggressive": 45,
        "balanced": 45,
    }
    assert configuration.profile.top_n.cpu == 9
    assert configuration.profile.top_n.io == load_profile("aggressive", Path(), {}).top_n.io


def test_an_error_is_one_line_that_names_file_line_column_and_field(tmp_path):
    path = tmp_path / "nrdot.yaml"
    path.write_text("profile: balanced\nagent:\n  intervall: 15s\n")
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    assert str(caught.value) == f"{path}:3:3: agent.intervall: unknown key; did you mean `interval`?"


def test_every_problem_of_a_file_is_found_at_once(errors):
    assert errors("""\
        profile: ballanced
        agent: {interval: soon, cpu_budget: 2, listen: nowhere}
        time_based_rules:
          - {schedule: Sat-Sun, profile: agressive, reason: 7}
          - {profile: balanced}
        process_classification: {a: {score: 2, patterns: [x]}}
        timezone: Mars/Olympus
        export: [{otlp: {endpoint: "localhost:4318"}}, {name: x}]
    """) == [
        "1:10: profile: there is no profile 'ballanced'; did you mean `balanced`?",
        "2:19: agent.interval: 'soon' is not a duration; write a number with its unit, for example 15s",
        "2:37: agent.cpu_budget: '2' is not a percentage; write it with its sign, for example 1%",
        "4:34: time_based_rules[0].profile: there is no profile 'agressive'; did you mean `aggressive`?",
        '4:53: time_based_rules[0].reason: text is wanted, and 7 is a whole number to YAML; quote it: "7"',
        "5:5: time_based_rules[1]: a time rule has either a `schedule` or a `cron`; write one of them",
        "6:37: process_classification.a.score: must be 1 or less",
        "7:11: timezone: 'Mars/Olympus' is not a time zone; for example Europe/Berlin",
        "8:28: export[0].otlp.endpoint: it must begin with http:// or https://; for example http://localhost:4318",
        "8:48: export[1]: a destination is either `otlp` or `file`; write exactly one of them",
    ]


def test_the_error_holds_all_problems_and_says_how_many_there_are(tmp_path):
    path = tmp_path / "nrdot.yaml"
    path.write_text("a: 1\nb: 2\nc: 3\n")
    with pytest.raises(InvalidConfigurationError) as caught:
        load(path, {})
    assert [problem.path for problem in caught.value.problems] == ["a", "b", "c"]
    assert str(caught.value).endswith(f"(and 2 more: nrdot profile lint {path})")


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda _: None, "there is no such file"),
        (lambda path: path.mkdir(), "this is a directory; name a file in it"),
        (lambda path: path.symlink_to(path), "cannot be read: Too many levels of symbolic links"),
        (lambda path: path.write_text("- a\n- b\n"), "a table of settings is wanted, not a list; begin with"),
        (lambda path: path.write_text("hello\n"), "a table of settings is wanted, not text; begin with"),
    ],
)
def test_what_is_no_configuration_file_is_named(tmp_path, prepare, message):
    path = tmp_path / "nrdot.yaml"
    prepare(path)
    with pytest.raises(ConfigError, match=r"nrdot\.yaml") as caught:
        load(path, {})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_place_of_every_value_is_kept(good):
    configuration = good("""\
        profile: balanced
        export_interval: 45s
        agent: {interval: 5s}
    """)
    assert str(configuration.origin(("agent", "interval"))).endswith("nrdot.yaml:3:19")
    assert configuration.origin(("agent", "procfs")) is None
    of_profile = {
        steps: str(configuration.origin(steps, "balanced"))
        for steps in (("export_interval",), ("threshold",), ("metrics",))
    }
    assert of_profile["export_interval",].endswith("nrdot.yaml:2:18")
    assert "profiles/balanced.yaml:" in of_profile["threshold",]
    assert "profiles/conservative.yaml:" in of_profile["metrics",]


def test_a_revision_changes_with_what_is_in_effect_and_not_with_its_spelling(good):
    plain = good("profile: balanced\n").revision
    assert good("# a comment\n{'profile': \"balanced\"}\n").revision == plain
    assert good("profile: balanced\nexport_interval: 1m\n").revision == plain
    assert good("profile: balanced\nchange: {justification: none}\n").revision == plain
    assert good("profile: balanced\nthreshold: 0.61\n").revision != plain


def test_a_check_of_another_room_speaks_in_the_words_of_this_one(tmp_path):
    path = tmp_path / "nrdot.yaml"
    path.write_text("process_classification:\n  a: {score: 0.5, patterns: [ok, 'bad(']}\n")

    def check(configuration, report):
        for name, rule in configuration.settings.process_classification.items():
            for index, pattern in enumerate(rule.patterns):
                if "(" in pattern:
                    report.error(
                        ("process_classification", name, "patterns", index), "no pattern", "close it"
                    )

    with pytest.raises(ConfigError) as caught:
        load(path, {}, [check])
    assert str(caught.value) == f"{path}:2:34: process_classification.a.patterns[1]: no pattern; close it"


def test_loading_needs_neither_numpy_nor_a_pattern_engine_nor_schedules():
    script = (
        "import sys, nrdot.config.reading.load as l; l.load(None, {});"
        "print([m for m in ('numpy', 're2', 'croniter', 'google.protobuf', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("receivers: {hostmetrics: {}}\n", "this is a Collector's configuration"),
        ("process_names: []\n", "write `process_classification:"),
    ],
)
def test_another_agents_configuration_is_told_what_says_the_same_here(tmp_path, text, words):
    path = tmp_path / "nrdot.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=re.escape(words)):
        load(path, {})
