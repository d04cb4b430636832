"""The README's pictures, made of real output: `make pictures`.

A terminal (tmux) runs `nrdot demo` on a recorded host, and its screen becomes an SVG; a browser (Chromium)
opens the page of `nrdot report` on the ledger of another. Nothing in either is drawn by hand.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "docs/pictures"
CAPTURE = "samples/captures/sample-host-4.jsonl.zst"
CRITICAL = "samples/agent-critical.yaml"
REPORTED = ROOT / "samples/captures/sample-host-6.jsonl.zst"
COLUMNS, ROWS = 80, 60
LAST = "Service for Prometheus"  # where the picture ends, with the money; how it was measured is below
CONFIGURATION = 'profile: balanced\nprocess_classification: {web: {score: 1.0, patterns: ["^nginx"]}}\n'
PRICES = "meters: {new_relic: {prices: {free: 0}}}\n"  # other telemetry has used up the allowance
PATIENCE = 120  # seconds
LARGEST = 150_000  # bytes of a picture
_FONT = re.compile(
    r"@font-face \{.*?\}\s*", re.DOTALL
)  # those are fetched from elsewhere; ours need no network


def main() -> int:
    missing = [name for name in ("tmux", "chromium") if shutil.which(name) is None]
    if missing:
        print(f"pictures need {' and '.join(missing)}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="nrdot-pictures-") as name:
        folder = Path(name)
        _write(HERE / "demo.svg", _screen(folder).encode())
        _write(HERE / "report.png", _page(folder))
    return 0


def _write(path: Path, data: bytes) -> None:
    if len(data) > LARGEST:
        raise SystemExit(f"{path.name}: {len(data):,} bytes are too many for a README")
    path.write_bytes(data)
    print(f"{path.relative_to(ROOT)}: {len(data):,} bytes")


def _nrdot(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "nrdot", *map(str, words)]


def _screen(folder: Path) -> str:
    """What stands in a terminal once the command has ended."""
    server = ["tmux", "-L", f"nrdot-{os.getpid()}", "-f", os.devnull]
    done = folder / "done"
    demo = shlex.join(_nrdot("demo", "-c", CRITICAL, "--capture", CAPTURE, "-o", folder / "demo.html"))
    command = f"cd {shlex.quote(str(ROOT))}; clear; {demo} 2>/dev/null; touch {done}; sleep {PATIENCE}"
    subprocess.run(
        [*server, "new-session", "-d", "-x", str(COLUMNS), "-y", str(ROWS), command],
        env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
        check=True,
    )
    try:
        end = time.monotonic() + PATIENCE
        while not done.exists():
            if time.monotonic() > end:
                raise SystemExit("the demo has not ended in time")
            time.sleep(0.2)
        time.sleep(0.5)  # the terminal draws what it was sent last
        shown = subprocess.run(
            [*server, "capture-pane", "-e", "-p"], capture_output=True, text=True, check=True
        ).stdout
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            subprocess.run([*server, "kill-server"], check=True, capture_output=True)
    lines = shown.splitlines()
    last = next(index for index, line in enumerate(lines) if LAST in line)
    return _svg("\n".join(lines[: last + 1]))


def _svg(shown: str) -> str:
    console = Console(
        record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(
        Text.from_ansi(f"$ nrdot demo -c {CRITICAL} \\\n    --capture {CAPTURE}\n{shown}"), soft_wrap=True
    )
    drawn = console.export_svg(title="nrdot demo", theme=MONOKAI, unique_id="nrdot")
    return _FONT.sub("", drawn).replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace")


def _page(folder: Path) -> bytes:
    (folder / "nrdot.yaml").write_text(CONFIGURATION, encoding="utf-8")
    (folder / "prices.yaml").write_text(PRICES, encoding="utf-8")
    ledger, page, picture = folder / "ledger", folder / "report.html", folder / "report.png"
    simulated = _nrdot("simulate", REPORTED, "-c", "nrdot.yaml", "--ledger", ledger)
    subprocess.run(simulated, cwd=folder, check=True, capture_output=True)
    reported = _nrdot(
        "report", "--ledger", ledger, "--pricing", "prices.yaml", "--format", "html", "-o", page
    )
    subprocess.run(reported, cwd=folder, check=True, capture_output=True)
    browser = ["chromium", "--headless", "--no-sandbox", "--hide-scrollbars", "--disable-gpu"]
    size = ["--window-size=1000,1120", f"--screenshot={picture}", f"--user-data-dir={folder / 'browser'}"]
    subprocess.run([*browser, *size, page.as_uri()], check=True, capture_output=True, timeout=PATIENCE)
    return picture.read_bytes()


if __name__ == "__main__":
    raise SystemExit(main())
