"""Structured logs to standard error: JSON lines for machines, one readable line on a terminal.

    {"time": "2026-11-21T12:00:00.000Z", "level": "warning", "room": "agent", "message": "...", ...}
    nrdot: warning: ...  name=value    where a command runs, not the agent, and nobody asks when


A message is a constant text, what varies goes into fields; so equal trouble has an equal key, and a key is
written at most `BURST` times in `WINDOW` seconds. What was held back is counted and said with the next one.
Messages of libraries come the same way. Nothing leaves unredacted and nothing here raises: an agent that
cannot log goes on.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TextIO

from nrdot.telemetry.redact import Redaction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nrdot.clock import Clock

BURST = 5
WINDOW = 60.0
# Keys are constants of the code; a library that formats its own text must not grow the memory.
MOST_KEYS = 256

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Log:
    """What a room writes to. Made at import; `configure` or `plainly` say where it goes."""

    def __init__(self, room: str) -> None:
        self._logger = logging.getLogger(f"nrdot.{room}")

    def debug(self, message: str, **fields: object) -> None:
        self._write(logging.DEBUG, message, fields)

    def info(self, message: str, **fields: object) -> None:
        self._write(logging.INFO, message, fields)

    def warning(self, message: str, **fields: object) -> None:
        self._write(logging.WARNING, message, fields)

    def error(self, message: str, **fields: object) -> None:
        self._write(logging.ERROR, message, fields)

    def _write(self, level: int, message: str, fields: dict[str, object]) -> None:
        self._logger.log(level, message, extra={"fields": fields})


@dataclass(slots=True)
class _Window:
    began: float
    written: int = 0
    suppressed: int = 0


class LogWriter(logging.Handler):
    """Where all records of the process come together."""

    def __init__(self, stream: TextIO, clock: Clock, *, human: bool) -> None:
        super().__init__()
        self.redaction = Redaction()
        self.suppressed = 0
        self._stream = stream
        self._clock = clock
        self._render = _human if human else _json
        self._windows: dict[tuple[str, int, str], _Window] = {}

    def emit(self, record: logging.LogRecord) -> None:
        key = (record.name, record.levelno, str(record.msg))
        for line in [*self._overdue(key), *self._admitted(key, record)]:
            try:
                self._stream.write(self._render(line))
                self._stream.flush()
            except (OSError, ValueError):
                return  # standard error is closed or its disk is full: there is no other place to say so

    def _admitted(self, key: tuple[str, int, str], record: logging.LogRecord) -> Iterator[dict[str, Any]]:
        now = self._clock.monotonic()
        window = self._windows.get(key)
        if window is None or now - window.began >= WINDOW:
            self._windows.pop(key, None)
            while len(self._windows) >= MOST_KEYS:
                self._windows.pop(next(iter(self._windows)))
            held = window.suppressed if window else 0
            window = self._windows[key] = _Window(now)
        else:
            held = 0
        if window.written >= BURST:
            window.suppressed += 1
            self.suppressed += 1
            return
        window.written += 1
        yield self._line(key, _message(record), _fields(record) | ({"suppressed": held} if held else {}))

    def _overdue(self, current: tuple[str, int, str]) -> Iterator[dict[str, Any]]:
        """Say what was held back of trouble that has ended since."""
        now = self._clock.monotonic()
        for key, window in list(self._windows.items()):
            if key != current and window.suppressed and now - window.began >= WINDOW:
                del self._windows[key]
                yield self._line(key, key[2], {"suppressed": window.suppressed})

    def _line(self, key: tuple[str, int, str], message: str, fields: dict[str, object]) -> dict[str, Any]:
        now = datetime.fromtimestamp(self._clock.wall_ns() / 1e9, UTC)
        return {
            "time": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": logging.getLevelName(key[1]).lower(),
            "room": key[0].removeprefix("nrdot."),
            "message": self.redaction.text(message),
            **{name: self.redaction.value(name, value) for name, value in fields.items()},
        }


class PlainWriter(logging.Handler):
    """Trouble that a command meets: a line each on standard error, and the same line once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._redaction = Redaction()
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        fields = {name: self._redaction.value(name, value) for name, value in _fields(record).items()}
        words = f"{record.levelname.lower()}: {self._redaction.text(_message(record))}{_named(fields)}"
        line = _UNPRINTABLE.sub("?", f"nrdot: {words}")
        if line in self._said or len(self._said) >= MOST_KEYS:
            return
        self._said.add(line)
        try:
            sys.stderr.write(line + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            return  # as above


@contextmanager
def plainly() -> Iterator[None]:
    """While a command runs, what the rooms log is said as the command itself says things."""
    writer = PlainWriter()
    root = logging.getLogger()
    root.addHandler(writer)
    try:
        yield
    finally:
        root.removeHandler(writer)


def configure(
    stream: TextIO,
    clock: Clock,
    *,
    level: str = "info",
    form: Literal["auto", "human", "json"] = "auto",
) -> LogWriter:
    """Send the process's logs to `stream`; `auto` is the form that suits who reads it."""
    writer = LogWriter(stream, clock, human=stream.isatty() if form == "auto" else form == "human")
    root = logging.getLogger()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
    root.addHandler(writer)
    root.setLevel(logging.WARNING)
    logging.getLogger("nrdot").setLevel(level.upper())
    return writer


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        return str(record.msg)  # a library's text and its arguments do not fit together


def _fields(record: logging.LogRecord) -> dict[str, object]:
    """What came with the message; an exception as one line, with the place instead of a traceback."""
    fields = dict(getattr(record, "fields", {}))
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        fields["error"] = f"{type(error).__name__}: {error}"
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        if trace is not None:
            fields["at"] = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
    return fields


def _json(line: dict[str, Any]) -> str:
    return json.dumps(line, default=str) + "\n"


def _human(line: dict[str, Any]) -> str:
    clock, level, room, message = line["time"][11:19], line["level"], line["room"], line["message"]
    rest = _named({name: value for name, value in line.items() if name not in _HEAD})
    return _UNPRINTABLE.sub("?", f"{clock} {level:<7} {room}: {message}{rest}") + "\n"


def _named(fields: dict[str, Any]) -> str:
    return "".join(f"  {name}={_quoted(value)}" for name, value in fields.items())


_HEAD = frozenset({"time", "level", "room", "message"})


def _quoted(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text[1:-1] if isinstance(value, str) and value and " " not in value else text
