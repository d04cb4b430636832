from pathlib import Path

from nrdot.cli.run import run

SHIPPED = Path(__file__).parents[3] / "packaging" / "nrdot.yaml"


def test_the_configuration_that_is_installed_has_nothing_to_complain_of(capsys):
    assert run(["profile", "lint", str(SHIPPED)]) == 0
    assert "warning" not in capsys.readouterr().out
