import base64
import sys

import pytest

from nrdot.buffer.encryption import (
    NO_KEYS,
    Cipher,
    Keyring,
    keys_from_command,
    keys_from_environment,
    keys_from_file,
)
from nrdot.buffer.settings import BufferSettings
from nrdot.errors import StartError
from nrdot.stages import Record
from nrdot.testing.clock import NOON_NS
from nrdot.testing.delivery.records import imbalance, numbers, put_all, record, sequences

OLD, NEW = b"o" * 32, b"n" * 32
SECRET = Record(b"process.command_line=--password=hunter2 " * 20, 5, NOON_NS)


def everything_on(disk):
    return b"".join(disk.content(path) for path in disk.paths())


def test_nothing_of_a_payload_is_readable_on_disk(start, disk):
    buffer = start(keys=Keyring(NEW))
    buffer.put(SECRET)
    buffer.reject(sequences(buffer), "400")
    buffer.put(SECRET)
    assert b"hunter2" not in everything_on(disk)
    assert buffer.peek(10, 10)[0][1] == SECRET
    assert start(keys=Keyring(NEW)).peek(10, 10)[0][1] == SECRET


def test_without_a_key_nothing_is_encrypted(start, disk):
    start().put(Record(b"hunter2", 1, NOON_NS))
    assert b"hunter2" in everything_on(disk)


def test_segments_of_an_older_key_stay_readable(start):
    put_all(start(keys=Keyring(OLD)), map(record, range(3)))
    buffer = start(keys=Keyring(NEW, OLD))
    put_all(buffer, map(record, range(3, 6)))
    assert numbers(buffer) == list(range(6))
    buffer.acknowledge(sequences(buffer, 3))
    assert numbers(start(keys=Keyring(NEW))) == [3, 4, 5]


def test_no_more_is_kept_of_a_key_than_the_segments_that_are_there_need(start):
    buffer = start(keys=Keyring(NEW), max_bytes=1 << 20)
    for number in range(40):
        put_all(buffer, [record(number, 9000)])
        buffer.acknowledge(sequences(buffer))
    assert len(buffer._store._ciphers) <= 2


def test_segments_whose_key_is_missing_are_held_and_come_back_with_it(start, caplog):
    put_all(start(keys=Keyring(OLD)), map(record, range(3)))
    for keys in (NO_KEYS, Keyring(NEW)):
        buffer = start(keys=keys)
        put_all(buffer, [record(9)])
        assert 0 not in numbers(buffer)
        buffer.acknowledge(sequences(buffer))
        assert buffer.statistics().records == 3
        assert "its key is missing, held until it is there" in caplog.text
        buffer.close()
    buffer = start(keys=Keyring(NEW, OLD))
    assert numbers(buffer) == [0, 1, 2]
    assert imbalance(buffer) == 0


def test_a_running_buffer_takes_a_new_key_for_new_segments(start, disk):
    buffer = start(keys=Keyring(OLD))
    buffer.put(record(0))
    buffer.use(BufferSettings(), Keyring(NEW, OLD))
    buffer.put(record(1))
    assert numbers(buffer) == [0, 1]
    assert len(disk.paths("normal-*")) == 2
    assert numbers(start(keys=Keyring(NEW))) == [1]


def test_a_held_segment_is_released_when_the_key_arrives(start):
    put_all(start(keys=Keyring(OLD)), map(record, range(3)))
    buffer = start()
    assert numbers(buffer) == []
    buffer.use(BufferSettings(), Keyring(OLD))
    assert numbers(buffer) == [0, 1, 2]


def test_a_body_opens_only_with_its_own_head_and_key_and_place():
    cipher = Cipher(NEW, b"salt")
    sealed = cipher.seal(7, b"body", b"head")
    assert cipher.open(7, sealed, b"head") == b"body"
    assert cipher.open(8, sealed, b"head") is None
    assert cipher.open(7, sealed, b"hEad") is None
    assert Cipher(NEW, b"other").open(7, sealed, b"head") is None
    assert Cipher(OLD, b"salt").open(7, sealed, b"head") is None


def test_what_an_earlier_version_encrypted_is_known_by_its_key_and_opens():
    key = bytes(range(32))
    assert Keyring(key).current.hex() == "6ee2e82c83314465"
    sealed = bytes.fromhex("4b2910cf106d0d7540970a72afdd79c446bd794c")
    assert Cipher(key, b"salt" * 4).open(7, sealed, b"head") == b"body"


@pytest.mark.parametrize(
    "content",
    [
        NEW,
        NEW.hex().encode(),
        base64.b64encode(NEW),
        NEW.hex().encode() + b"\n" + OLD.hex().encode() + b"\n",
    ],
)
def test_a_key_file_holds_bytes_or_lines(tmp_path, content):
    path = tmp_path / "key"
    path.write_bytes(content)
    assert keys_from_file(path).current == Keyring(NEW).current


def test_the_first_line_is_the_current_key_and_older_files_add_to_it(tmp_path):
    (tmp_path / "new").write_bytes(NEW)
    (tmp_path / "old").write_text(OLD.hex())
    keys = keys_from_file(tmp_path / "new").joined(keys_from_file(tmp_path / "old"))
    assert keys.current == Keyring(NEW).current
    assert Keyring(OLD).current in keys


def test_a_ring_that_only_reads_goes_on_only_reading_with_the_keys_of_others():
    keys = Keyring(NEW).retired().joined(Keyring(OLD))
    assert keys.current == NO_KEYS.current
    assert all(Keyring(key).current in keys for key in (NEW, OLD))


def test_a_key_comes_from_the_environment_or_a_command():
    assert keys_from_environment("KEY", {"KEY": NEW.hex()}).current == Keyring(NEW).current
    printing = [sys.executable, "-c", f"print('{NEW.hex()}')"]
    assert keys_from_command(printing).current == Keyring(NEW).current


def short_key(folder):
    (folder / "key").write_text("tooshort99")
    return folder / "key"


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (
            lambda path: keys_from_file(path / "absent"),
            "cannot read the buffer's key from {path}/absent: No such file or directory; {end}",
        ),
        (
            lambda _: keys_from_environment("KEY", {}),
            "the buffer's key is to come from the environment variable KEY, which is not set; {end}",
        ),
        (
            lambda _: keys_from_environment("KEY", {"KEY": "  "}),
            "no key for the buffer in the environment variable KEY: it is empty; {end}",
        ),
        (
            lambda _: keys_from_environment("KEY", {"KEY": f"{NEW.hex()} tooshort99"}),
            "key 2 in the environment variable KEY {malformed}",
        ),
        (lambda path: keys_from_file(short_key(path)), "key 1 in {path}/key {malformed}"),
        (
            lambda path: keys_from_command([str(path / "absent")]),
            "no key for the buffer from the command '{path}/absent': No such file or directory; {end}",
        ),
        (
            lambda _: keys_from_command([sys.executable, "-c", "print('tooshort99')"]),
            "key 1 in the command '{python}' {malformed}",
        ),
        (
            lambda _: keys_from_command([sys.executable, "-c", "print('tooshort99'); raise SystemExit(3)"]),
            "no key for the buffer from the command '{python}': it ended with status 3; {end}",
        ),
        (
            lambda _: keys_from_command([sys.executable, "-c", "import time; time.sleep(60)"], 0.1),
            "no key for the buffer from the command '{python}': it took longer than 0.1 s; {end}",
        ),
    ],
)
def test_a_missing_or_malformed_key_is_one_clear_line_without_the_key(tmp_path, attempt, words):
    with pytest.raises(StartError) as caught:
        attempt(tmp_path)
    end = "the agent does not start without it"
    malformed = f"is not 32 bytes in hexadecimal or base64; {end} (make one with: openssl rand -hex 32)"
    assert str(caught.value) == words.format(
        path=tmp_path, python=sys.executable, end=end, malformed=malformed
    )
