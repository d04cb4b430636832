"""The command `nrdot`. No traceback reaches a user: what goes wrong is one line and an exit status."""

from __future__ import annotations

import sys

INTERRUPTED = 130


def main() -> None:
    try:
        from nrdot.cli.run import run

        sys.exit(run())
    except KeyboardInterrupt:  # before `run` was there to see it
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
