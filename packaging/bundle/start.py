"""The bundle's first lines: its own packages, and never the host's."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "packages"))

if __name__ == "__main__":  # processes that simulate starts read this file too
    from nrdot.__main__ import main

    main()
