"""How whoever has this NRDOT gets a library that belongs to an extra and was left out.

No index need have NRDOT: pip is asked for the libraries themselves, or for the file that the reader has.
"""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

from nrdot import __version__

_PACKAGE = Path(__file__).parent
_PREFIX = Path(sys.prefix)
_OF_DEBIAN = Path("/usr/lib/nrdot")


def mend(extra: str, package: Path = _PACKAGE, prefix: Path = _PREFIX) -> str:
    """What to do, as the end of a line. `package` holds NRDOT's modules, `prefix` is their environment."""
    home = package.parent
    if prefix == home / ".venv" and (home / "Makefile").is_file():
        return f"`make install` in {home} brings it"
    if home == _OF_DEBIAN or (home.parent / "start.py").is_file():
        kind = "the Debian package" if home == _OF_DEBIAN else "the bundle"
        wheel = f"nrdot-{__version__}-py3-none-any.whl[{extra}]"
        return f"{kind} leaves it out, a virtual environment of your own can have it: pip install './{wheel}'"
    if (prefix / "pipx_metadata.json").is_file():
        return f"install it: pipx inject nrdot {_libraries(extra)}"
    return f"install it: {_pip(prefix)} install {_libraries(extra)}"


def _libraries(extra: str) -> str:
    """Names and versions, as a shell takes them."""
    from importlib import metadata  # an agent, which misses nothing, need not carry it

    marked = re.compile(rf"""extra == ["']{extra}["']""")
    needs = [need.split(";")[0].strip() for need in metadata.requires("nrdot") or () if marked.search(need)]
    return shlex.join(sorted(needs))


def _pip(prefix: Path) -> str:
    own = prefix / "bin" / "pip"
    return shlex.quote(str(own)) if own.exists() else f"{shlex.quote(sys.executable)} -m pip"
