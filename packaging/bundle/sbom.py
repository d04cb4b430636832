"""What a bundle consists of: the libraries of an agent, and Debian's packages as standard input lists them.

`sbom.py AGENT.cdx.json <debian-packages.txt >BUNDLE.cdx.json`; a line is package, version, architecture and
SHA-256. The result is checked against the schema of CycloneDX before it is written.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from urllib.parse import quote

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def component(line: str) -> dict[str, object]:
    name, version, architecture, digest = line.split()
    address = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture}&distro=debian-12"
    return {
        "bom-ref": address,
        "type": "library",
        "name": name,
        "version": version,
        "purl": address,
        "hashes": [{"alg": "SHA-256", "content": digest}],
    }


def main() -> None:
    bill = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    bill["components"] += [component(line) for line in sys.stdin]
    text = json.dumps(bill, indent=2, sort_keys=True)
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong is not None:
        sys.exit(f"sbom: this would be no CycloneDX 1.6: {wrong}")
    print(text)


if __name__ == "__main__":
    main()
