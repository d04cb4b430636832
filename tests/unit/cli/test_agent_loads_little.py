"""What belongs to people, to training, to reports and to clusters stays out of the agent's process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nrdot.testing.servers.otlp import OtlpServer

HEAVY = (
    "duckdb",
    "kubernetes",
    "minio",
    "pandas",
    "promql_parser",
    "psutil",
    "pydantic",
    "pygal",
    "rich",
    "scipy",
    "sklearn",
    "sqlglot",
    "textual",
    "typer",
    "urllib3",
)
AGENT = """
import sys
from nrdot.cli.run import run
assert run(["agent", "--once", "-c", {config!r}]) == 0
print(*sorted(sys.modules))
"""


def modules(folder, destination=""):
    """Of a process that has sampled, decided and exported."""
    config = folder / "rules.yaml"
    config.write_text(
        f"profile: balanced\nagent: {{state_dir: {folder / 'state'}, listen: ''}}\n{destination}"
    )
    code = AGENT.format(config=str(config))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """By an agent that writes into a file."""
    folder = tmp_path_factory.mktemp("agent")
    found = modules(folder)
    assert (folder / "state/metrics.jsonl").stat().st_size > 0
    return found


@pytest.fixture(scope="module")
def loaded_to_send(tmp_path_factory):
    """By an agent that sends over HTTP."""
    with OtlpServer() as server:
        found = modules(tmp_path_factory.mktemp("agent"), f"export: [{{otlp: {{endpoint: {server.url}}}}}]\n")
        assert server.requests
    return found


@pytest.mark.parametrize("package", HEAVY)
def test_the_agents_process_does_not_load(loaded, package):
    assert "nrdot.agent.start" in loaded
    if package == "psutil" and not sys.platform.startswith("linux"):
        pytest.skip("where there is no /proc, psutil is what samples")
    assert not {name for name in loaded if name.partition(".")[0] == package}


@pytest.mark.parametrize(
    "module",
    [
        "difflib",
        "http.server",
        "importlib.metadata",
        "numpy.ma",
        "opentelemetry.exporter",
        "opentelemetry.sdk",
        "subprocess",
    ],
)
def test_the_agents_process_loads_no_megabyte_that_its_configuration_does_not_use(loaded, module):
    assert "opentelemetry.proto" in loaded
    assert module not in loaded


@pytest.mark.parametrize("module", ["http.client", "ssl", "nrdot.export.otlp_http"])
def test_what_sends_over_a_network_is_loaded_only_where_something_is_sent(loaded, loaded_to_send, module):
    assert module in loaded_to_send
    assert module not in loaded


@pytest.mark.parametrize("package", ["google", "opentelemetry"])
def test_what_sends_needs_no_classes_of_protobuf(loaded_to_send, package):
    assert not {name for name in loaded_to_send if name.partition(".")[0] == package}


def test_what_writes_lines_into_files_is_loaded_only_where_there_is_a_file(loaded, loaded_to_send):
    assert "nrdot.export.otlp_json" in loaded
    assert "nrdot.export.otlp_json" not in loaded_to_send


def test_the_command_line_alone_loads_no_more_than_its_own_words():
    code = (
        "import sys, nrdot.cli.app; "
        "print([name for name in ('numpy', 'msgspec', 'rich', 'yaml', 'urllib3') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"
