import base64
import hashlib
import sys
from threading import Event

import pytest

from nrdot.audit.copies import Copies, CopyFailedError
from nrdot.audit.disk import Disk
from nrdot.audit.places import InDirectory, place
from nrdot.audit.trail import Trail
from nrdot.audit.verify import verify
from nrdot.clock import SystemClock
from nrdot.config.schema.governance import AuditLog
from nrdot.errors import ConfigError
from nrdot.testing.servers.object_store import ObjectStore

YEAR = 365 * 86400


class Shelf:
    """A destination in memory that can be away."""

    name = "shelf"
    settings = ("shelf",)

    def __init__(self):
        self.put_there = {}
        self.away = False

    def put(self, name, data, _newest_ns):
        if self.away:
            raise CopyFailedError("nobody is there")
        self.put_there[name] = data


@pytest.fixture
def shelf():
    return Shelf()


def copies(kept, shelf):
    made = Copies(kept.directory, shelf, kept.clock, kept.disk)
    made.remember()
    return made


def everything(copies):
    while copies.copy():
        pass


def test_entries_are_copied_as_they_stand_each_once(kept, shelf):
    kept.append(2)
    followed = copies(kept, shelf)
    everything(followed)
    kept.append()
    everything(followed)

    names = list(shelf.put_there)
    assert [name[:21] for name in names] == ["0000000001-0000000002", "0000000003-0000000003"]
    assert b"".join(shelf.put_there.values()).splitlines() == kept.lines()


def test_another_agent_goes_on_behind_what_was_copied(kept, shelf):
    kept.append(2)
    everything(copies(kept, shelf))
    kept.append(2)
    everything(copies(kept, shelf))

    assert [name[:21] for name in shelf.put_there] == ["0000000001-0000000002", "0000000003-0000000004"]


def test_another_destination_gets_the_trail_from_its_beginning(kept, shelf):
    kept.append(2)
    everything(copies(kept, shelf))
    other = Shelf()
    other.name = "another shelf"
    everything(copies(kept, other))

    assert b"".join(other.put_there.values()).splitlines() == kept.lines()


def test_many_entries_go_in_batches_of_a_bounded_size(kept, shelf):
    for _ in range(5):
        kept.append(words="x" * 500_000)
    everything(copies(kept, shelf))

    assert len(shelf.put_there) > 1
    assert max(map(len, shelf.put_there.values())) < 2_100_000
    assert b"".join(shelf.put_there.values()).splitlines() == kept.lines()


def test_what_is_not_acknowledged_yet_is_not_copied(kept, shelf):
    kept.append(2)
    head = (kept.directory / "head.json").read_bytes()
    kept.append()
    (kept.directory / "head.json").write_bytes(head)

    everything(copies(kept, shelf))

    assert b"".join(shelf.put_there.values()).splitlines() == kept.lines()[:2]


def test_nothing_behind_a_broken_entry_is_copied(kept, shelf):
    kept.append(3)
    path = kept.files()[0]
    path.write_bytes(path.read_bytes().replace(b'"value":1', b'"value":7'))

    everything(copies(kept, shelf))

    assert b"".join(shelf.put_there.values()).splitlines() == kept.lines()[:1]


def test_the_thread_follows_and_makes_up_for_what_failed(tmp_path, caplog):
    caplog.set_level("INFO", "nrdot.audit")
    clock, disk, shelf = SystemClock(), Disk(), Shelf()
    trail = Trail(tmp_path / "audit", clock, disk)
    followed = Copies(trail.directory, shelf, clock, disk)
    shelf.away = True
    followed.start()
    trail.append({"change_type": "reload"})
    followed.wake()
    while not followed.error:  # the suite's own limit ends a hang
        clock.wait(Event(), 0.005)
    assert followed.error == "nobody is there"

    shelf.away = False
    trail.append({"change_type": "reload"})
    followed.wake()
    followed.close()

    assert followed.done == 2
    assert followed.error == ""
    assert "cannot be copied" in caplog.text
    assert "copied again" in caplog.text


def test_a_directory_gets_files_that_verify_as_a_copy(kept, tmp_path):
    kept.append(3)
    target = InDirectory(tmp_path / "safe" / "host-1", Disk(), read_only=True)
    everything(copies(kept, target))

    (written,) = (tmp_path / "safe" / "host-1").iterdir()
    assert written.stat().st_mode & 0o777 == 0o400
    assert verify(tmp_path / "safe" / "host-1", Disk(), copy=True).last == 3


def test_a_directory_that_cannot_be_written_is_tried_again(kept, tmp_path):
    kept.append()
    (tmp_path / "safe").write_text("a file")

    with pytest.raises(CopyFailedError, match="safe/host-1"):
        copies(kept, InDirectory(tmp_path / "safe" / "host-1", Disk())).copy()


@pytest.fixture
def bucket(monkeypatch):
    with ObjectStore() as store:
        for name, value in store.environment.items():
            monkeypatch.setenv(name, value)
        yield store


def in_bucket(**settings):
    return place(AuditLog(destination="s3://trails/prod/", **settings), "host-1", Disk())


def test_an_object_store_gets_objects_under_the_prefix_and_the_host(kept, bucket):
    kept.append(2)
    everything(copies(kept, in_bucket()))

    ((key, stored),) = bucket.objects.items()
    assert key.startswith("trails/prod/host-1/0000000001-0000000002-")
    assert stored.data.splitlines() == kept.lines()
    assert "x-amz-object-lock-mode" not in stored.headers
    checksum = base64.b64encode(hashlib.sha256(stored.data).digest()).decode()
    assert stored.headers["x-amz-checksum-sha256"] == checksum


def test_objects_are_locked_until_the_retention_is_over_where_the_bucket_locks(kept, bucket):
    kept.append()
    everything(copies(kept, in_bucket(immutable=True, retention=7.0 * YEAR)))

    (stored,) = bucket.objects.values()
    assert stored.headers["x-amz-object-lock-mode"] == "COMPLIANCE"
    assert stored.headers["x-amz-object-lock-retain-until-date"].startswith("2033-11-19T12:00:01")


def test_a_bucket_that_cannot_lock_is_said_and_used(kept, bucket, caplog):
    bucket.locks = False
    kept.append()
    everything(copies(kept, in_bucket(immutable=True)))

    assert len(bucket.objects) == 1
    assert "the bucket has no object lock" in caplog.text


def test_a_store_that_refuses_is_tried_again_and_no_secret_is_told(kept, bucket):
    kept.append()
    bucket.refuse = "AccessDenied"

    with pytest.raises(CopyFailedError, match="AccessDenied") as told:
        copies(kept, in_bucket()).copy()
    assert "a secret for tests" not in str(told.value)

    bucket.refuse = ""
    assert copies(kept, in_bucket()).copy()


def test_a_store_that_is_away_is_tried_again(kept, monkeypatch):
    kept.append()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    with pytest.raises(CopyFailedError):
        copies(kept, in_bucket()).copy()


def test_a_library_that_is_missing_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "minio", None)

    with pytest.raises(ConfigError, match=r"s3://trails/prod/ needs the minio library.*this host only, or"):
        in_bucket()


def test_no_destination_is_no_copy():
    assert place(AuditLog(), "h", Disk()) is None
