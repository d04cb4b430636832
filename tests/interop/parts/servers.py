"""PostgreSQL, nginx and Redis as Debian ships them, on free loopback ports, each with some work to do."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from parts.program import HANG_GUARD, Program, answers, executable, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def open_folder(prefix: str, owner: str | None = None) -> Iterator[Path]:
    """A folder on a disk that other users can enter, unlike pytest's own.

    /var/tmp is a file system of blocks nearly everywhere, so writes there count;
    /tmp may be memory.
    """
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/var/tmp"))
    folder.chmod(0o755)
    if owner is not None:
        shutil.chown(folder, owner, owner)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class PostgreSQL:
    """A cluster of its own. PostgreSQL refuses to run as root, so it gets its own user."""

    user = "postgres"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        data = folder / "data"
        self._run("initdb", "--auth=trust", "--no-sync", "--username=postgres", f"--pgdata={data}")
        settings = [f"-p{self.port}", f"-k{folder}", "-hlocalhost", "-cfsync=off", "-cautovacuum=off"]
        command = [executable("postgres"), f"-D{data}", *settings]
        # SIGINT is PostgreSQL's fast shutdown: it does not wait for clients.
        self.program = Program(
            command, folder / "log", self._ready, user=self.user, stop_signal=signal.SIGINT
        )

    @contextmanager
    def session(self) -> Iterator[Callable[[], None]]:
        """A client that stays connected, so its backend lives on; call it to make the backend work."""
        query = "SELECT sum(sqrt(n)) FROM generate_series(1, 2000000) AS n; \\echo done\n"
        command = [executable("psql"), *self._connection(), "--quiet", "--no-psqlrc", "postgres"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=self.folder
        ) as client:

            def work() -> None:
                print(query, file=client.stdin, flush=True)
                while client.stdout is not None and "done" not in client.stdout.readline():
                    if client.poll() is not None:
                        raise RuntimeError(f"psql ended with status {client.returncode}")

            work()
            yield work
            client.communicate()

    def work(self) -> None:
        """A table, some rows, some reading: backends that come, use the processor and go."""
        self._run("pgbench", *self._connection(), "--initialize", "--quiet", "postgres")
        self._run("pgbench", *self._connection(), "--client=2", "--transactions=300", "postgres")

    def _connection(self) -> list[str]:
        return [f"--host={self.folder}", f"--port={self.port}", "--username=postgres"]

    def _ready(self) -> bool:
        return self._call("pg_isready", f"--host={self.folder}", f"--port={self.port}").returncode == 0

    def _run(self, program: str, *arguments: str) -> None:
        done = self._call(program, *arguments)
        if done.returncode:
            raise RuntimeError(f"{program} ended with status {done.returncode}: {done.stdout}")

    def _call(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [executable(program), *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            user=self.user,
            group=self.user,
            extra_groups=[],
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            text=True,
            check=False,
        )


class Nginx:
    """A master and two workers that serve one page, or stand in front of another server."""

    def __init__(self, folder: Path, forward_to: int | None = None, largest_body: str = "1m") -> None:
        self.port = free_port()
        self._log = folder / "access.log"
        (folder / "index.html").write_text(" ".join(map(str, range(20_000))))
        temporary = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        lines = [
            f"access_log {self._log};",
            *(f"{name}_temp_path {folder}/{name};" for name in temporary),
            f"client_max_body_size {largest_body};",
            "gzip on; gzip_comp_level 9;",
            f"server {{ listen 127.0.0.1:{self.port}; root {folder};",
            f"location /v1/ {{ proxy_pass http://127.0.0.1:{forward_to}; }}" if forward_to else "",
            "}",
        ]
        config = folder / "nginx.conf"
        config.write_text(
            f"daemon off; worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/error.log;\n"
            f"{self._user()}"
            "events { worker_connections 64; }\n"
            f"http {{ {' '.join(lines)} }}\n"
        )
        command = [executable("nginx"), "-c", str(config), "-e", str(folder / "error.log")]
        self.program = Program(command, folder / "log", lambda: answers(self.port))

    def requests(self) -> str:
        """The access log: one line a request, with its status."""
        return self._log.read_text() if self._log.exists() else ""

    def work(self) -> None:
        """Pages that are compressed for each client anew."""
        address = f"http://127.0.0.1:{self.port}/index.html"
        for _ in range(100):
            request = urllib.request.Request(address, headers={"Accept-Encoding": "gzip"})
            with urllib.request.urlopen(request, timeout=HANG_GUARD) as page:
                page.read()

    def _user(self) -> str:
        """Workers of a master that is root get a user of their own, as in production."""
        names = {entry.pw_name for entry in pwd.getpwall()}
        return "user www-data;\n" if "www-data" in names else "user nobody;\n"


class Redis:
    """Keeps nothing, answers a few thousand commands."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        command = [executable("redis-server"), "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--dir", str(folder), "--save", "", "--appendonly", "no"]
        self.program = Program(command, folder / "log", lambda: answers(self.port))

    def work(self) -> None:
        commands = b"".join(b"SET key:%d %s\r\n" % (number, b"v" * 200) for number in range(20_000))
        with socket.create_connection(("127.0.0.1", self.port), timeout=HANG_GUARD) as client:
            client.sendall(commands + b"QUIT\r\n")
            while client.recv(65536):
                pass
