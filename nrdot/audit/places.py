"""Where copies of the trail go: a directory, or an object store that speaks S3.

`s3://bucket/prefix/` is reached as every tool of the kind reaches it: AWS_ENDPOINT_URL_S3 and AWS_REGION name
the place; credentials come from the environment, the shared credentials file or the machine's role.
"""

from __future__ import annotations

import base64
import hashlib
import os
from datetime import UTC, datetime
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from nrdot.audit.copies import CopyFailedError
from nrdot.errors import ConfigError
from nrdot.extras import mend
from nrdot.telemetry.log import Log

if TYPE_CHECKING:
    from collections.abc import Mapping

    from minio import Minio

    from nrdot.audit.copies import Destination
    from nrdot.audit.disk import Disk
    from nrdot.config.schema.governance import AuditLog

USUAL = "https://s3.amazonaws.com"
TIMEOUT = 10  # seconds to connect, and to wait for an answer

_log = Log("audit")


def place(stated: AuditLog, host_id: str, disk: Disk) -> Destination | None:
    """The destination of a configuration; nothing is opened yet. Raises ConfigError."""
    where = stated.destination
    if not where:
        return None
    if not where.startswith("s3://"):
        return InDirectory(Path(where) / host_id, disk, read_only=stated.immutable)
    if find_spec("minio") is None:
        raise ConfigError(
            f"auditLog.destination: {where} needs the minio library, which is not installed; leave the "
            f"destination out to keep the trail on this host only, or {mend('s3')}"
        )
    parts = urlsplit(where)
    return InBucket(
        parts.netloc,
        "/".join(part for part in (parts.path.strip("/"), host_id) if part),
        lock_seconds=stated.retention if stated.immutable else None,
    )


class InDirectory:
    """Files that are written once.

    `immutable` takes the right to write away, which stops mistakes; the owner of the directory can still
    remove them.
    """

    def __init__(self, directory: Path, disk: Disk, *, read_only: bool = False) -> None:
        self.name = str(directory)
        self.settings: tuple[object, ...] = (self.name, read_only)
        self._directory = directory
        self._disk = disk
        self._read_only = read_only

    def put(self, name: str, data: bytes, newest_ns: int) -> None:  # noqa: ARG002 - the protocol's name
        path = self._directory / name
        try:
            self._disk.make_directory(self._directory)
            self._disk.replace(path, data)
            if self._read_only:
                path.chmod(0o400)
        except OSError as error:
            raise CopyFailedError(f"{path}: {error.strerror or type(error).__name__}") from None


class InBucket:
    """Objects in a bucket, locked until the retention is over where the bucket can lock."""

    def __init__(self, bucket: str, prefix: str, *, lock_seconds: float | None = None) -> None:
        self.name = f"s3://{bucket}/{prefix}/"
        self.settings: tuple[object, ...] = (self.name, lock_seconds)
        self._bucket = bucket
        self._prefix = prefix
        self._lock_seconds = lock_seconds
        self._client: Minio | None = None
        self._locks = False

    def put(self, name: str, data: bytes, newest_ns: int) -> None:
        from minio.commonconfig import COMPLIANCE
        from minio.error import MinioException
        from minio.retention import Retention
        from urllib3.exceptions import HTTPError

        try:
            client = self._connected()
            lock = None
            if self._locks and self._lock_seconds is not None:
                until = datetime.fromtimestamp(newest_ns / 1e9 + self._lock_seconds, UTC)
                lock = Retention(COMPLIANCE, until)
            client.put_object(
                bucket_name=self._bucket,
                object_name=f"{self._prefix}/{name}",
                data=BytesIO(data),
                length=len(data),
                content_type="application/x-ndjson",
                metadata=_checksum(data),
                retention=lock,
            )
        except (MinioException, HTTPError, ValueError) as error:  # ValueError: no credentials, a wrong name
            raise CopyFailedError(" ".join(str(error).split())[:300]) from None

    def _connected(self) -> Minio:
        """The client, once it is known whether the bucket can lock."""
        if self._client is not None:
            return self._client
        client = _client(os.environ)
        if self._lock_seconds is not None:
            self._locks = self._can_lock(client)
            if not self._locks:
                _log.warning(
                    "auditLog.immutable: the bucket has no object lock, so copies can be removed there",
                    bucket=self._bucket,
                )
        self._client = client
        return client

    def _can_lock(self, client: Minio) -> bool:
        from minio.error import S3Error

        try:
            client.get_object_lock_config(bucket_name=self._bucket)
        except S3Error as error:
            if error.code in {"ObjectLockConfigurationNotFoundError", "NotImplemented", "MethodNotAllowed"}:
                return False
            raise
        return True


def _checksum(data: bytes) -> dict[str, str | list[str] | tuple[str]]:
    """What a store needs before it locks an object: proof of what arrived."""
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
    return {"x-amz-sdk-checksum-algorithm": "SHA256", "x-amz-checksum-sha256": digest}


def _client(environ: Mapping[str, str]) -> Minio:
    """By the variables and files that every tool of the kind reads. Raises ValueError."""
    import urllib3
    from minio import Minio
    from minio.credentials.providers import (
        AWSConfigProvider,
        ChainedProvider,
        EnvAWSProvider,
        IamAwsProvider,
    )

    stated = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or USUAL
    parts = urlsplit(stated)
    return Minio(
        endpoint=parts.netloc,
        secure=parts.scheme == "https",
        region=environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION"),
        credentials=ChainedProvider([EnvAWSProvider(), AWSConfigProvider(), IamAwsProvider()]),
        http_client=urllib3.PoolManager(timeout=TIMEOUT, retries=False),
    )
