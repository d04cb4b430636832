"""Where NRDOT's own data lies: profiles and classifiers."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def data_dirs(kind: str) -> tuple[Path, ...]:
    """Directories that may hold `profiles` or `classifiers`, the first that has a file wins.

    A wheel carries them inside the package; an editable install leaves them at the root of the repository.
    """
    return _PACKAGE / "_data" / kind, _PACKAGE.parent / kind


def shipped_profiles() -> dict[str, Path]:
    """Shipped profiles by name."""
    found: dict[str, Path] = {}
    for directory in data_dirs("profiles"):
        for path in sorted(directory.glob("*.yaml")):
            found.setdefault(path.stem, path)
    return found
