"""moto's server as an object store with versions and locks, in a virtual environment of its own.

It cannot be installed beside the rest: its client library wants an older python-dateutil.
"""

from __future__ import annotations

import urllib.request
from http.client import HTTPException
from typing import TYPE_CHECKING, Self

from minio import Minio
from parts.binaries import CACHE
from parts.program import Program, free_port

if TYPE_CHECKING:
    from pathlib import Path

SERVER = CACHE / "moto" / "bin" / "moto_server"  # tests/interop/setup puts it there


class ObjectStore:
    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.environment = {
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": "us-east-1",
        }
        command = [str(SERVER), "-H", "127.0.0.1", "-p", str(self.port)]
        self.program = Program(command, folder / "moto.log", self._ready)
        self.client = Minio(
            endpoint=f"127.0.0.1:{self.port}",
            access_key="testing",
            secret_key="testing",
            secure=False,
            region="us-east-1",
        )

    def __enter__(self) -> Self:
        self.program.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.program.stop()

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/moto-api/", timeout=2) as answer:
                return bool(answer.status == 200)
        except (OSError, HTTPException):  # also where it is slow to answer
            return False
