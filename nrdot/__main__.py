"""The command `nrdot`. No traceback reaches a user: what goes wrong is one line and an exit status."""

from __future__ import annotations

import os
import sys

from nrdot.errors import NrdotError

WRONG_USE = 2
INTERRUPTED = 130


def main() -> None:
    from nrdot.cli.app import app

    try:
        app(standalone_mode=True)
    except NrdotError as error:
        print(f"nrdot: {error}", file=sys.stderr)  # noqa: T201 - this is the command line
        sys.exit(error.exit_status)
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
