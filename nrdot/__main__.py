"""The command `nrdot`. No traceback reaches a user: what goes wrong is one line and an exit status."""

from __future__ import annotations

import sys

from nrdot.cli.run import run


def main() -> None:
    sys.exit(run())


if __name__ == "__main__":
    main()
