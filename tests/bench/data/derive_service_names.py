"""Derive the names of executables that Debian's service packages start.

    apt-get update \
      -o Dir::Etc::sourcelist=SOURCES -o Dir::Etc::sourceparts=- -o Dir::State::lists=LISTS \
      -o 'Acquire::IndexTargets::deb::Contents-deb::MetaKey=$(COMPONENT)/Contents-$(ARCHITECTURE)' \
      -o 'Acquire::IndexTargets::deb::Contents-deb::Description=contents'
    python derive_service_names.py LISTS > services_debian12.txt
    python derive_service_names.py LISTS_13 services_debian12.txt > services_new_in_debian13.txt

SOURCES names one release, so apt keeps its index of files (about 45 MB) in LISTS; both may be thrown away
afterwards. A second argument is a list whose names are left out.

A service package ships a systemd unit of the system, `NAME.service`. Its executable is the file in a program
directory of the same package whose name fits the unit's: the same, or with or without a final `d`,
`-server`, `-daemon`, `-service` or `.real`; failing that, the only program in `sbin`. Units that fit no file
(one-shot helpers, mostly) give no name. The index is read through apt's own helper, which knows how it is
compressed.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

HELPER = "/usr/lib/apt/apt-helper"
UNIT = re.compile(r"(?:usr/)?lib/systemd/system/([^/@]+)@?\.service")
PROGRAM = re.compile(r"(?:usr/)?(?:local/)?(?P<place>s?bin|games|libexec|lib)/(?:.*/)?(?P<name>[^/]+)")
NO_PROGRAM = re.compile(
    r".*\.(so|py|pl|pm|rb|js|json|h|a|o|service|timer|conf|txt|jar|sh|html|xml|png)(\.[\d.]+)?"
)
ENDINGS = ("", "d", "-server", "-daemon", ".real", "-service")


def main(lists: Path, known: set[str]) -> None:
    units: dict[str, set[str]] = defaultdict(set)
    programs: dict[str, dict[str, str]] = defaultdict(dict)
    for index in sorted(lists.glob("*_Contents-*")):
        with subprocess.Popen([HELPER, "cat-file", str(index)], stdout=subprocess.PIPE, text=True) as reader:
            for line in reader.stdout or ():
                take(line, units, programs)
    found = {
        fitting(unit, programs[package], len(names)) for package, names in units.items() for unit in names
    }
    print("\n".join(sorted(found - known - {""})))


def take(line: str, units: dict[str, set[str]], programs: dict[str, dict[str, str]]) -> None:
    path, _, places = line.rstrip().rpartition(" ")
    path = path.rstrip()
    unit, program = UNIT.fullmatch(path), PROGRAM.fullmatch(path)
    for place in places.split(","):
        package = place.rpartition("/")[2]
        if unit:
            units[package].add(unit[1])
        elif program and not NO_PROGRAM.fullmatch(program["name"]):
            programs[package].setdefault(program["name"], program["place"])


def fitting(unit: str, programs: dict[str, str], units: int) -> str:
    for ending in ENDINGS:
        for name in (unit + ending, unit.removesuffix(ending) if ending else unit):
            if name in programs:
                return name
    daemons = [name for name, place in programs.items() if place == "sbin"]
    return daemons[0] if len(daemons) == 1 and units == 1 else ""


if __name__ == "__main__":
    main(Path(sys.argv[1]), {name for older in sys.argv[2:] for name in Path(older).read_text().split()})
