import io
import json
import logging
from contextlib import contextmanager, redirect_stderr

import pytest

from nrdot.telemetry.log import BURST, MOST_KEYS, WINDOW, Log, configure, plainly
from nrdot.testing.clock import ManualClock


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def stream():
    return io.StringIO()


@pytest.fixture
def writer(stream, clock):
    with configured(stream, clock) as writer:
        yield writer


@contextmanager
def configured(stream, clock, **settings):
    writer = configure(stream, clock, **settings)
    yield writer
    logging.getLogger().removeHandler(writer)
    logging.getLogger("nrdot").setLevel(logging.NOTSET)


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_machine_reads_one_json_object_a_line(writer, stream):
    Log("export").warning("endpoint refused", destination="collector", attempts=3)

    assert lines(stream) == [
        {
            "time": "2026-11-21T12:00:00.000Z",
            "level": "warning",
            "room": "export",
            "message": "endpoint refused",
            "destination": "collector",
            "attempts": 3,
        },
    ]


def test_a_person_reads_a_plain_line(clock):
    terminal = Terminal()
    with configured(terminal, clock):
        Log("agent").info("the configuration is applied", revision="7f", reason="asked by a signal")

    assert terminal.getvalue() == (
        '12:00:00 info    agent: the configuration is applied  revision=7f  reason="asked by a signal"\n'
    )


def test_the_form_can_be_chosen_whoever_reads(stream, clock):
    with configured(stream, clock, form="human"):
        Log("agent").info("hello")
    with configured(stream, clock, form="json"):
        Log("agent").info("hello")

    human, machine = stream.getvalue().splitlines()
    assert human == "12:00:00 info    agent: hello"
    assert json.loads(machine)["message"] == "hello"


def test_nothing_in_a_message_moves_the_cursor_or_begins_a_line(clock):
    terminal = Terminal()
    with configured(terminal, clock):
        Log("sample").warning("odd name\x1b[2J", name="a\nb\x1b]0;x\x07")

    assert terminal.getvalue().count("\n") == 1
    assert "\x1b" not in terminal.getvalue()
    assert "\x07" not in terminal.getvalue()


def test_messages_of_libraries_come_the_same_way(writer, stream):
    logging.getLogger("urllib3").warning("Retrying (%s) after %d", "Retry(total=2)", 3)
    logging.getLogger("nrdot.export.journal").info("destination %s works again", "collector")

    assert [(line["room"], line["message"]) for line in lines(stream)] == [
        ("urllib3", "Retrying (Retry(total=2)) after 3"),
        ("export.journal", "destination collector works again"),
    ]


def test_libraries_are_only_heard_when_they_warn(writer, stream):
    logging.getLogger("urllib3").info("Starting new HTTPS connection")
    Log("agent").debug("a detail")

    assert stream.getvalue() == ""


def test_a_lower_level_shows_our_details(stream, clock):
    with configured(stream, clock, level="debug"):
        Log("agent").debug("a detail")

    assert [line["message"] for line in lines(stream)] == ["a detail"]


def test_equal_messages_are_held_back_and_counted(writer, stream, clock):
    log = Log("export")
    for number in range(100):
        log.warning("endpoint refused", attempt=number)
    clock.advance(WINDOW)
    log.warning("endpoint refused", attempt=100)

    said = lines(stream)
    assert [line["attempt"] for line in said] == [*range(BURST), 100]
    assert said[-1]["suppressed"] == 100 - BURST
    assert writer.suppressed == 100 - BURST


def test_what_was_held_back_is_said_even_when_the_trouble_is_over(writer, stream, clock):
    for _ in range(BURST + 7):
        Log("export").warning("endpoint refused")
    clock.advance(WINDOW)

    Log("agent").info("something else")

    assert [(line["message"], line.get("suppressed")) for line in lines(stream)[BURST:]] == [
        ("endpoint refused", 7),
        ("something else", None),
    ]


def test_other_messages_are_not_held_back(writer, stream):
    for _ in range(100):
        Log("export").warning("endpoint refused")
    Log("export").warning("another thing")
    Log("buffer").warning("endpoint refused")

    assert [line["message"] for line in lines(stream)].count("another thing") == 1
    assert [line["room"] for line in lines(stream)].count("buffer") == 1


def test_texts_that_never_repeat_do_not_grow_the_memory(writer):
    for number in range(3 * MOST_KEYS):
        Log("somebody").warning(f"object {number}")

    assert len(writer._windows) <= MOST_KEYS


def test_an_exception_is_one_line_with_its_place(writer, stream):
    try:
        int("bad\nthing")
    except ValueError:
        logging.getLogger("opentelemetry").exception("a callback failed")

    (line,) = lines(stream)
    assert line["error"] == "ValueError: invalid literal for int() with base 10: 'bad\\nthing'"
    assert line["at"].partition(":")[0] == __file__
    assert stream.getvalue().count("\n") == 1


def test_a_message_that_does_not_fit_its_arguments_is_written_as_it_is(writer, stream):
    writer.handle(logging.LogRecord("somebody", logging.WARNING, "", 0, "%d of %d", (1,), None))

    assert [line["message"] for line in lines(stream)] == ["%d of %d"]


def test_numbers_that_json_does_not_know_become_text(writer, stream):
    Log("score").warning("odd weight", weight=float("nan"))

    assert lines(stream)[0]["weight"] == "nan"


def test_secrets_appear_nowhere(writer, stream):
    writer.redaction.hide(["k9-unguessable"])

    Log("export").error(
        "cannot reach http://user:hunter2@collector:4318",
        headers={"api-key": "NRAK-1", "x-tenant": "k9-unguessable"},
        error="request to https://u:p@h/v1 with Authorization: Bearer abc.def failed",
    )

    assert not [
        word for word in ("hunter2", "NRAK-1", "unguessable", "u:p@", "abc.def") if word in stream.getvalue()
    ]
    assert "http://***@collector:4318" in lines(stream)[0]["message"]


def test_an_agent_that_cannot_log_goes_on(clock):
    closed = io.StringIO()
    with configured(closed, clock):
        closed.close()

        Log("agent").error("nobody hears this")


def test_a_command_says_what_a_room_logs_in_one_line_and_the_same_line_once(capsys):
    with plainly():
        for processes in (7, 7, 9):
            Log("decide").warning("too many", processes=processes)
        Log("score").error("no model of ours\x1b[31m", error="Authorization: Bearer abc.def")
        Log("score").info("nobody asked")
    Log("score").warning("no command runs any more")
    said = capsys.readouterr().err.splitlines()
    assert said[:3] == [
        "nrdot: warning: too many  processes=7",
        "nrdot: warning: too many  processes=9",
        'nrdot: error: no model of ours?[31m  error="Authorization: ***"',
    ]
    assert not [line for line in said[3:] if line.startswith("nrdot:")]


def test_a_command_whose_standard_error_is_closed_goes_on():
    closed = io.StringIO()
    closed.close()
    with redirect_stderr(closed), plainly():
        Log("score").error("nobody hears this")
