"""The audit trail in an object store that is somebody else's code."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from minio.error import S3Error
from parts.agent import Agent
from parts.object_store import ObjectStore
from parts.program import wait_until

from nrdot.audit.disk import Disk
from nrdot.audit.verify import verify

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUCKET = "hipaa-audit-logs"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with ObjectStore(tmp_path_factory.mktemp("store")) as running:
        yield running


def agent(store: ObjectStore, folder: Path, bucket: str) -> Agent:
    trail = {"destination": f"s3://{bucket}/prod/", "retention": "7 years", "immutable": True}
    made = Agent(folder, auditLog=trail)
    made.program.environment = {**os.environ, **store.environment}
    return made


def copied(store: ObjectStore, bucket: str, count: int) -> list[str]:
    def names() -> list[str]:
        listed = store.client.list_objects(bucket_name=bucket, recursive=True)
        return [str(one.object_name) for one in listed]

    wait_until(lambda: len(names()) >= count, lambda: f"{count} objects in {bucket}: {names()}")
    return names()


def edit(agent: Agent, before: str, after: str) -> None:
    agent.config.write_text(agent.config.read_text().replace(before, after))


def test_every_change_is_an_object_that_nobody_may_remove_for_seven_years(
    store: ObjectStore, tmp_path: Path
) -> None:
    store.client.make_bucket(bucket_name=BUCKET, object_lock=True)
    with agent(store, tmp_path, BUCKET) as running:
        copied(store, BUCKET, 1)
        edit(running, "export_interval: 1s", "export_interval: 2s")
        names = copied(store, BUCKET, 2)

    copy = tmp_path / "copy"
    copy.mkdir()
    for name in names:
        answer = store.client.get_object(bucket_name=BUCKET, object_name=name)
        (copy / name.rpartition("/")[2]).write_bytes(answer.read())
        answer.close()
        assert answer.headers["x-amz-object-lock-mode"] == "COMPLIANCE"
        until = datetime.fromisoformat(answer.headers["x-amz-object-lock-retain-until-date"])
        assert until > datetime.now(UTC) + timedelta(days=7 * 365 - 1)
        version = answer.headers["x-amz-version-id"]
        with pytest.raises(S3Error, match="AccessDenied"):
            store.client.remove_object(bucket_name=BUCKET, object_name=name, version_id=version)
    found = verify(copy, Disk(), copy=True)
    assert (found.whole, found.first, found.last) == (True, 1, 2)


def test_a_store_that_comes_late_gets_the_whole_trail(store: ObjectStore, tmp_path: Path) -> None:
    with agent(store, tmp_path, "later") as running:
        wait_until(
            lambda: "the audit trail cannot be copied" in running.program.output,
            lambda: f"a complaint\n{running.program.output}",
        )
        store.client.make_bucket(bucket_name="later", object_lock=True)
        copied(store, "later", 1)
