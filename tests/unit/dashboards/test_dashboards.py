"""`--dashboards`: each query that a profile would blind or change is named, with the mend; no other is."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from nrdot.checks.loading import load
from nrdot.dashboards.look import look
from nrdot.errors import UsageError
from nrdot.extras import mend

ROOT = Path(__file__).parents[3]
CAPTURE = ROOT / "samples/captures/sample-host-2.jsonl.zst"
RULES = """\
profile: balanced
overrides:
  - {process: payment-gateway, force_collect: true}
"""


def panel(expression, title="panel"):
    return {"title": title, "targets": [{"refId": "A", "expr": expression}]}


def variable(name, query):
    return {"name": name, "type": "query", "query": query}


@pytest.fixture
def told(tmp_path):
    """What is said of queries under a configuration: one list of (severity, message, mend) for each query."""

    def told(*expressions, rules=RULES, capture=None):
        configuration = tmp_path / "rules.yaml"
        configuration.write_text(rules)
        folder = tmp_path / "dashboards"
        folder.mkdir(exist_ok=True)
        found = []
        for expression in expressions:
            (folder / "one.json").write_text(json.dumps({"panels": [panel(expression)]}))
            (problems,) = look(configuration, folder, load, capture).values()
            found.append([(one.severity.value, one.message, one.hint) for one in problems])
        return found

    return told


def one(found):
    ((problem,),) = found
    return problem


@pytest.mark.parametrize(
    "expression",
    [
        "sum(rate(process_cpu_time_seconds_total[5m]))",
        "sum by (host_name, state) (rate(process_cpu_time_seconds_total{state!='wait'}[$__rate_interval]))",
        "sum by (process_executable_name) (process_memory_usage_bytes)",
        "topk(9, sum by (process_executable_name) (rate(process_disk_io_bytes_total{direction='read'}[5m])))",
        'max(process_memory_usage_bytes{nrdot_rollup=""})',
        'max(process_memory_usage_bytes{process_executable_name="payment-gateway"})',
        'process_memory_usage_bytes{process_executable_name="payment-gateway", process_pid!="1"}',
        "sum(nrdot_group_processes)",
        'sum({"process.cpu.time"})',
        # Other programs' metrics, whatever their names begin with.
        "rate(process_cpu_seconds_total[5m])",
        "process_resident_memory_bytes > 1e9",
        "max(process_start_time_seconds)",
        "avg(node_load1)",
        "1 + 1",
    ],
)
def test_a_query_that_answers_as_before_is_not_named(told, expression):
    assert told(expression) == [[]]


@pytest.mark.parametrize(
    ("expression", "words", "mend"),
    [
        ("sum(process_threads)", "`process_threads` is not exported under balanced", "add process.threads"),
        ('sum({"process.threads"})', "is not exported", "add process.threads to `metrics`"),
        ("sum(process_uptime_seconds)", "not among NRDOT's metrics", ""),
        ("sum(process_thread_count)", "is called process.threads here", "semconv: stable"),
        ("process_cpu_time_seconds_total{cpu_mode='user'}", "there is no label cpu_mode", "semconv: stable"),
        ("process_cpu_time_seconds_total{state='idle'}", 'state is never ="idle"', "system, user, wait"),
        ("sum by (process_command_line) (process_memory_usage_bytes)", "command lines stay", "enabled: true"),
        ("sum(process_memory_usage_bytes{process_command_line=~'.*x.*'})", "command lines stay", ""),
        (
            'process_memory_usage_bytes{process_executable_name="cron", process_pid="1"}',
            "balanced rolls up cron (class scheduler, score",
            "{process: cron, force_collect: true}",
        ),
    ],
)
def test_a_query_that_would_find_nothing_is_an_error(told, expression, words, mend):
    (problems,) = told(expression)
    severity, message, hint = problems[0]
    assert severity == "error"
    assert words in message
    assert mend in hint


@pytest.mark.parametrize(
    ("expression", "words", "mend"),
    [
        ("max(process_memory_usage_bytes)", "the largest may be the sum of a group", 'nrdot_rollup=""'),
        ("avg by (host_name) (process_memory_usage_bytes)", "counts a group as one", 'nrdot_rollup=""'),
        ("topk(5, process_memory_usage_bytes)", "sums of groups compete", 'nrdot_rollup=""'),
        ("count(process_memory_usage_bytes)", "a group counts as one", "sum(nrdot_group_processes)"),
        ("sum by (process_owner) (process_memory_usage_bytes)", "groups have no process_owner", ""),
        ("process_memory_usage_bytes{process_pid=~'$pid'}", "groups have no process_pid", "force_collect"),
        (
            "process_memory_usage_bytes * on (process_pid, host_name) process_memory_virtual_bytes",
            "groups have no process_pid",
            "",
        ),
        (
            'rate(process_disk_io_bytes_total{process_executable_name=~"rsync|cron"}[5m])',
            "rolls up rsync",
            "rsync",
        ),
        ("max(process_memory_usage_bytes{process_executable_name=~'payment.*'})", "the largest", ""),
    ],
)
def test_a_query_that_answers_differently_is_a_warning(told, expression, words, mend):
    (problems,) = told(expression)
    assert {severity for severity, _, _ in problems} == {"warning"}
    assert any(words in message and mend in hint for _, message, hint in problems), problems


def test_a_prefix_is_judged_by_an_example_of_it(told):
    query = 'process_memory_usage_bytes{process_executable_name=~"shop-.*"}'
    assert "rolls up shop-1" in str(told(query))
    kept = RULES + "  - {process: 'shop-*', force_collect: true}\n"
    assert "rolls up" not in str(told(query, rules=kept))


@pytest.mark.parametrize("pattern", ["[a-z]+d", "cron(d)?|rsync", "shop-[ab]"])
def test_a_pattern_that_lists_no_names_is_not_judged_as_if_it_were_one(told, pattern):
    query = f'process_memory_usage_bytes{{process_executable_name=~"{pattern}"}}'
    assert f"rolls up {pattern[:4]}" not in str(told(query))


@pytest.mark.parametrize("rules", ["mode: observe\n", "full_visibility: true\n", "aggregation: false\n"])
def test_nothing_changes_where_every_process_is_exported(told, rules):
    assert told("max(process_memory_usage_bytes)", "count(process_memory_usage_bytes)", rules=rules) == [
        [],
        [],
    ]


def test_command_lines_metrics_and_names_are_as_configured(told):
    rules = "command_line: {enabled: true}\nsemconv: stable\nmetrics: [process.cpu.time, process.threads]\n"
    expressions = (
        "sum(process_thread_count)",
        "sum(process_cpu_time_seconds_total{cpu_mode='user'})",
        "sum(process_memory_usage_bytes)",
        "sum(process_cpu_time_seconds_total{state='user'})",
    )
    found = told(*expressions, rules=rules)
    assert found[:2] == [[], []]
    assert "is not exported" in one([found[2]])[1]
    assert "split by cpu_mode here" in one([found[3]])[1]


def test_every_profile_that_the_host_may_have_is_looked_at(told):
    rules = RULES + "time_based_rules: [{schedule: Sat-Sun, profile: aggressive}]\n"
    query = 'process_memory_usage_bytes{process_executable_name="cron"}'
    assert "balanced, aggressive roll up cron" in one(told(query, rules=rules))[1]


def test_a_capture_tells_which_group_a_process_is_really_in(told):
    rules = "profile: aggressive\n"
    query = 'process_memory_usage_bytes{process_executable_name="NAME"}'
    telegraf, nobody = told(
        query.replace("NAME", "telegraf"), query.replace("NAME", "cron-x"), rules=rules, capture=CAPTURE
    )
    severity, message, _ = one([telegraf])
    assert severity == "error"
    assert "found in the group " in message
    assert "under its name while three or more run" in one([nobody])[1]


def test_an_alert_on_absence_would_fire(tmp_path):
    (tmp_path / "rules.yaml").write_text("roll_up: {by: [class]}\nprofile: balanced\n")
    alerts = tmp_path / "alerts.yaml"
    alerts.write_text(
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\n"
        "spec:\n  groups:\n    - name: g\n      rules:\n"
        "        - record: all\n          expr: sum(process_memory_usage_bytes)\n"
        "        - alert: Gone\n"
        "          expr: absent(process_memory_usage_bytes{process_executable_name='cron'})\n"
        "        - alert: Large\n          expr: process_memory_usage_bytes > 1e9\n"
    )
    (problems,) = look(tmp_path / "rules.yaml", alerts, load).values()
    gone, large = problems
    assert (gone.line, gone.path, gone.severity.value) == (10, "alert Gone", "error")
    assert gone.message.endswith("found in a group by class; the alert would fire")
    assert "the alert compares the sum of a group" in large.message


def test_queries_are_found_in_rows_variables_and_older_dashboards(tmp_path):
    (tmp_path / "rules.yaml").write_text(RULES)
    document = {
        "templating": {
            "list": [
                {
                    "name": "pid",
                    "type": "query",
                    "query": "label_values(process_memory_usage_bytes, process_pid)",
                },
                {
                    "name": "top",
                    "type": "query",
                    "query": {"query": "query_result(max(process_memory_usage_bytes))"},
                },
                variable("host", "label_values(host_name)"),
            ]
        },
        "panels": [{"type": "row", "title": "row", "panels": [panel("sum(process_threads)", "inner")]}],
        "rows": [{"panels": [panel("sum(process_handles)", "old")]}],
        "elements": {
            "e": {"spec": {"title": "new", "data": {"spec": {"expr": "max(process_memory_usage_bytes)"}}}}
        },
        "annotations": {
            "list": [{"name": "mark", "datasource": {"type": "loki"}, "expr": "{app='x'} |= 'y'"}]
        },
    }
    path = tmp_path / "old.json"
    path.write_text(json.dumps(document, indent=1))
    (problems,) = look(tmp_path / "rules.yaml", path, load).values()
    assert [one.path for one in problems] == ["variable pid", "variable top", "inner, A", "old, A", "new"]
    lines = path.read_text().splitlines()
    for problem in problems:
        assert lines[problem.line - 1][problem.column - 1] == '"'


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.json", "{", "not JSON"),
        ("a.json", '{"expr": "sum("}', "not PromQL that can be read"),
        ("a.json", json.dumps({"expr": "(" * 5000}), "longer or deeper than any query"),
        ("a.yaml", "groups: [", "not YAML"),
        ("a.json", "[" * 100_000, "not JSON"),
    ],
)
def test_what_cannot_be_read_is_told_and_the_rest_goes_on(tmp_path, name, text, words):
    (tmp_path / "rules.yaml").write_text(RULES)
    folder = tmp_path / "dashboards"
    folder.mkdir()
    (folder / name).write_text(text)
    (folder / "z.json").write_text(json.dumps(panel("sum(process_threads)")))
    found = look(tmp_path / "rules.yaml", folder, load)
    assert words in str(found[folder / name])
    assert len(found[folder / "z.json"]) == 1


def test_a_folder_without_queries_is_wrong_use(tmp_path):
    (tmp_path / "rules.yaml").write_text(RULES)
    with pytest.raises(UsageError, match="there is no such file"):
        look(tmp_path / "rules.yaml", tmp_path / "missing", load)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no dashboard"):
        look(tmp_path / "rules.yaml", tmp_path / "empty", load)


def test_the_sample_dashboards_are_named_where_a_profile_alone_is_asked_about():
    found = look(ROOT / "profiles/balanced.yaml", ROOT / "samples/dashboards", load)
    by_path = {problem.path for problems in found.values() for problem in problems}
    assert {"Threads, A", "Largest process, A", "variable pid", "alert ManyProcesses"} <= by_path
    assert "CPU in use, A" not in by_path
    assert "record host:process_cpu:rate5m" not in by_path


def test_without_the_library_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "promql_parser", None)
    (tmp_path / "rules.yaml").write_text(RULES)
    with pytest.raises(
        UsageError, match="promql-parser, which is not installed; " + re.escape(mend("dashboards"))
    ):
        look(tmp_path / "rules.yaml", ROOT / "samples/dashboards", load)
