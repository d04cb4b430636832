import pytest

from nrdot.cli.output import console, errors
from nrdot.cli.run import run
from nrdot.testing.hosts.procfs import FakeProcfs


@pytest.fixture
def command(capsys):
    """Runs a command line and gives its exit status, standard output and standard error."""

    def _command(*arguments):
        console.cache_clear()
        errors.cache_clear()
        status = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return _command


@pytest.fixture
def proc():
    with FakeProcfs() as tree:
        tree.add(1, "systemd", own=True)
        for number in range(6):
            tree.add(100 + number, "worker", rss=1 << 20)
        tree.add(200, "payment-gateway", cmdline=["/opt/payment-gateway", "--fast"], rss=1 << 26)
        tree.advance(3600)
        yield tree
