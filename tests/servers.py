"""Real web servers for tests, each in a folder of its own on free loopback ports, started and ended by pid."""

import abc
import os
import shlex
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

_START_SECONDS = 10
_WORKERS = 32
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
_ports = count(os.getpid() * 131)


def free_port() -> int:
    """A TCP port nobody listens on, and no other worker of this run is given, below the range of outgoing connections."""
    while True:
        port = 10_000 + (next(_ports) * _WORKERS + _WORKER) % 20_000
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def program(name: str, package: str) -> str:
    """The path of a program that the tests use for real; where it is absent they fail, they never skip."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if path is None:
        pytest.fail(f"{name} is not installed; as root: apt-get install {package}")
    return path


def served(port: int, server_name: str) -> x509.Certificate:
    """The leaf that a TLS server on loopback shows for a name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=server_name) as tls,
    ):
        leaf = tls.getpeercert(binary_form=True)
        assert leaf is not None
        return x509.load_der_x509_certificate(leaf)


class Server(abc.ABC):
    """A server program as a child process; `command` and `port` come from the kind of server."""

    port: int
    other_ports: tuple[int, ...] = ()  # which it has to answer on, too, before it is of use
    command: list[str]

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **options: Any) -> None:
        """Returns once it answers on its ports. Never a pipe as its output: workers would keep it open."""
        with (self.directory / "stderr.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *self.command],  # it never outlives the tests
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
                **options,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"{self.command[0]} did not start: {self.said()}")
            time.sleep(0.01)  # another process's start can only be polled for

    def _answers(self) -> bool:
        return all(_listens(port) for port in (self.port, *self.other_ports))

    def stop(self) -> None:
        """Ends it by its pid; one that does not run is no error."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def said(self) -> str:
        """Its own error output, for messages."""
        return (self.directory / "stderr.log").read_text(errors="replace")

    def reload(self) -> None:
        """What its reload hook does."""
        subprocess.run(shlex.split(self.reload_command), check=True, stdin=subprocess.DEVNULL, timeout=30)

    def served(self, server_name: str) -> x509.Certificate:
        """The leaf that it shows for a name."""
        return served(self.port, server_name)

    @property
    @abc.abstractmethod
    def check_command(self) -> str:
        """The line for a `check` hook."""

    @property
    @abc.abstractmethod
    def reload_command(self) -> str:
        """The line for a `reload` hook."""


@dataclass(frozen=True)
class Site:
    """One name that nginx serves over TLS."""

    name: str
    fullchain: str | Path
    key: str | Path


class Nginx(Server):
    """nginx with a TLS server block a site on `port`, if there are any, and plain HTTP on `http_port` out of `webroot`."""

    def __init__(self, directory: Path, sites: Sequence[Site], webroot: str | Path | None = None) -> None:
        super().__init__(directory)
        self.http_port = free_port()
        self.port = free_port() if sites else self.http_port
        self.webroot = Path(webroot or directory / "webroot")
        self.webroot.mkdir(parents=True, exist_ok=True)
        self._line = [program("nginx", "nginx-light"), "-p", str(directory), "-c", f"{directory}/nginx.conf"]
        self._line += ["-e", f"{directory}/error.log"]
        self.command = [*self._line, "-g", "daemon off;"]
        self.configure(sites)

    def configure(self, sites: Sequence[Site]) -> None:
        """Writes the configuration; a server that runs sees it at its next reload."""
        temporary = "".join(
            f"{kind}_temp_path temp-{kind};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi")
        )
        blocks = "".join(
            f"server {{ listen 127.0.0.1:{self.port} ssl; server_name {site.name}; ssl_certificate {site.fullchain};"
            f" ssl_certificate_key {site.key}; location / {{ return 200 'ok'; }} }}\n"
            for site in sites
        )
        text = (
            f"{'user root root;' if os.getuid() == 0 else ''} worker_processes 2; pid nginx.pid;\n"
            f"events {{ worker_connections 128; }}\nhttp {{ access_log off; client_body_temp_path temp-body; {temporary}\n"
            f"server {{ listen 127.0.0.1:{self.http_port}; root {self.webroot}; }}\n{blocks}}}\n"
        )
        (self.directory / "nginx.conf").write_text(text)

    @property
    def check_command(self) -> str:
        return shlex.join([*self._line, "-t", "-q"])

    @property
    def reload_command(self) -> str:
        return shlex.join([*self._line, "-s", "reload"])

    def said(self) -> str:
        log = self.directory / "error.log"
        return super().said() + (log.read_text(errors="replace") if log.exists() else "")


class Haproxy(Server):
    """haproxy as master and worker, serving one combined PEM (leaf, chain, key) for every name."""

    def __init__(self, directory: Path, combined: str | Path) -> None:
        super().__init__(directory)
        self.port = free_port()
        self._configuration = directory / "haproxy.cfg"
        self._configuration.write_text(
            f"global\n  stats socket {directory}/admin.sock level admin\n"
            "defaults\n  mode http\n  timeout client 10s\n  timeout server 10s\n  timeout connect 10s\n"
            f"frontend tls\n  bind 127.0.0.1:{self.port} ssl crt {combined}\n  http-request return status 200\n"
        )
        self._program = program("haproxy", "haproxy")
        self.command = [
            self._program,
            "-W",
            "-db",
            "-f",
            str(self._configuration),
            "-p",
            str(directory / "pid"),
        ]

    @property
    def check_command(self) -> str:
        return shlex.join([self._program, "-c", "-f", str(self._configuration)])

    @property
    def reload_command(self) -> str:
        assert self.process is not None, "start it first: its pid is part of the line"
        return f"sh -c 'kill -USR2 {self.process.pid}'"

    def admin(self, command: str) -> str:
        """The answer of haproxy's runtime API."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.directory / "admin.sock"))
            connection.sendall(f"{command}\n".encode())
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()
