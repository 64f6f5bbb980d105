"""A real PostgreSQL server for tests: one for each process that runs tests, made in a second, gone with it."""

import glob
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.programs import until
from tests.servers import free_port


def _programs() -> str:
    """The folder of the newest server that is installed."""
    found = sorted(
        glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(path.split("/")[4]), reverse=True
    )
    on_path = shutil.which("initdb")
    assert found or on_path, "PostgreSQL is not installed: tests/setup installs it"
    return os.path.dirname(found[0] if found else str(on_path))


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


class Server:
    """`url` names a database of its own; the server is stopped, killed and started again as a test wants."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._own: str | None = None
        self._bin = _programs()
        self._user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None  # initdb refuses root
        folder.mkdir(exist_ok=True)
        if self._user is not None:
            os.chown(folder, self._user.pw_uid, self._user.pw_gid)
        self._run(
            "initdb",
            "-D",
            self._data,
            "-U",
            "renewd",
            "--auth=trust",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
        )

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def start(self) -> None:
        options = (
            f"-k {self.folder} -p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off -c full_page_writes=off "
            "-c shared_buffers=16MB -c max_connections=200"
        )
        self._run("pg_ctl", "-D", self._data, "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self, how: str = "immediate") -> None:
        """End it; `immediate` is as if it was killed."""
        self._run("pg_ctl", "-D", self._data, "-w", "-m", how, "stop")

    def encrypted(self, fullchain: bytes, key: bytes) -> None:
        """From its next start on it speaks TLS with these."""
        for name, content in (("server.crt", fullchain), ("server.key", key)):
            path = Path(self._data, name)
            path.write_bytes(content)
            path.chmod(0o600)
            if self._user is not None:
                os.chown(path, self._user.pw_uid, self._user.pw_gid)
        with Path(self._data, "postgresql.auto.conf").open("a") as file:
            file.write("ssl = on\n")

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self.sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def empty(self) -> str:
        """The URL of the database that a test has for itself, with nothing in it; made once, as that takes time."""
        if self._own is None:
            self._own = self.database()
        name = self._own.rpartition("/")[2]
        self.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public", name)
        return self._own

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://renewd@127.0.0.1:{self.port}/{name}"

    def sql(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        import psycopg

        with psycopg.connect(
            host="127.0.0.1", port=self.port, user="renewd", dbname=database, autocommit=True
        ) as connection:
            found = connection.execute(statement)
            return found.fetchall() if found.description else []

    @contextmanager
    def pooled(self, url: str) -> Iterator[str]:
        """The same database through pgbouncer, which gives each transaction whichever of two sessions is free."""
        folder, port, name = self.folder / "pooler", free_port(), url.rpartition("/")[2]
        folder.mkdir(exist_ok=True)
        (folder / "users").write_text('"renewd" ""\n')
        (folder / "ini").write_text(
            f"[databases]\n{name} = host=127.0.0.1 port={self.port}\n"
            f"[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port={port}\nunix_socket_dir=\nauth_type=trust\n"
            f"auth_file={folder}/users\npool_mode=transaction\ndefault_pool_size=2\n"
        )
        user = ["-u", "nobody"] if self._user is not None else []
        pooler = subprocess.Popen(
            ["pgbouncer", *user, str(folder / "ini")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"},
        )
        try:
            until(lambda: _answers(port))
            yield url.replace(f":{self.port}/", f":{port}/")
        finally:
            pooler.kill()
            pooler.wait()

    def _run(self, program: str, *arguments: str) -> None:
        user = self._user
        done = subprocess.run(
            [os.path.join(self._bin, program), *arguments],
            cwd=self.folder,
            user=None if user is None else user.pw_uid,
            group=None if user is None else user.pw_gid,
            extra_groups=None if user is None else [],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a pipe would be kept open by the server
            stderr=subprocess.DEVNULL,
            check=False,
        )
        log = self.folder / "log"
        assert done.returncode == 0, f"{program} failed: {log.read_text() if log.exists() else ''}"


@contextmanager
def running() -> Iterator[Server]:
    """A started server, ended with the block."""
    folder = Path(tempfile.mkdtemp(prefix="renewd-pg-"))
    server = Server(folder)
    server.start()
    try:
        yield server
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            server.stop()
        shutil.rmtree(folder)
