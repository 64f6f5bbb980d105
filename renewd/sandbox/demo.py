"""The demo: a certificate about to expire is renewed, by the real program, while a web server serves it."""

import contextlib
import json
import os
import shlex
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.x509 import load_der_x509_certificate

from renewd.certs import facts
from renewd.errors import RenewdError
from renewd.planning import words
from renewd.sandbox import web
from renewd.sandbox.records import Holding
from renewd.sandbox.sandbox import Sandbox

NAME = "shopeneur.example"
_PATIENCE = 60.0  # seconds for a command of renewd, which takes about two
_TLS_TIMEOUT = 5.0  # seconds
_DAYS_LEFT = 3.2  # so that it still reads "3 days" when it is looked at
_LIVE_FILES = {
    "fullchain.pem": "fullChainCertificate.crt",
    "cert.pem": "primaryCertificate.crt",
    "chain.pem": "caBundle.crt",
    "privkey.pem": "privateKey.key",
}


@dataclass(frozen=True, slots=True)
class Step:
    """Something that was done and what came of it."""

    what: str
    result: str


class Demo:
    """Everything lives in `directory`; `play` yields each step once it is done."""

    def __init__(self, directory: str) -> None:
        self.directory = os.path.abspath(directory)
        self.config = os.path.join(self.directory, "config.yaml")
        self._live = os.path.join(self.directory, "live", NAME)
        self._webroot = os.path.join(self.directory, "webroot")

    def play(self) -> Iterator[Step]:
        """The steps, in their order. Raises RenewdError if one does not come out as it should."""
        try:
            yield from self._steps()
        except OSError as error:
            raise RenewdError(
                f"the demo cannot go on: {error}", remedy="give it another --directory, empty and writable"
            ) from error

    def _steps(self) -> Iterator[Step]:
        with Sandbox(self.directory) as sandbox:
            holding = sandbox.seed(NAME, days_left=_DAYS_LEFT)
            yield Step("a local RCL API with its own CA", sandbox.base_url)
            self._put_old_files(holding)
            with self._web_server(sandbox.http_port) as port:
                old = served(port)
                yield Step(f"a web server for {NAME}", _told(old, sandbox.portal.now()))
                self._configure(sandbox, port)
                yield self._look(sandbox.portal.now())
                yield self._renew()
                new = served(port)
                self._compare(old, new, holding)
                yield Step("switched by one rename · reloaded · confirmed", _told(new, sandbox.portal.now()))

    def _put_old_files(self, holding: Holding) -> None:
        """What an earlier program left: regular files, which renewd takes over."""
        os.makedirs(self._live, exist_ok=True)
        os.makedirs(self._webroot, exist_ok=True)
        files = holding.generations[-1].files
        for name, file in _LIVE_FILES.items():
            path = os.path.join(self._live, name)
            mode = 0o600 if name == "privkey.pem" else 0o644
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(descriptor, "wb") as out:
                out.write(files[file])

    @contextlib.contextmanager
    def _web_server(self, http_port: int) -> Iterator[int]:
        """The web server as a process of its own, which ends with its standard input; its TLS port."""
        arguments = self._web("serve", self.directory, self._live, self._webroot, str(http_port))
        pipe = subprocess.PIPE
        with subprocess.Popen(arguments, stdin=pipe, stdout=pipe, text=True) as process:
            port = process.stdout.readline().strip() if process.stdout else ""
            if not port.isdigit():
                raise RenewdError("the demo's web server did not start")
            yield int(port)

    def _configure(self, sandbox: Sandbox, port: int) -> None:
        """What a user would write for such a site."""
        entry = {
            "name": NAME,
            "challenge": {"type": "http-01", "webroot": self._webroot, "self_check": "off"},
            "install": {"directory": self._live},
            "hooks": {
                "check": shlex.join(self._web("test", self.directory, self._live)),
                "reload": shlex.join(self._web("reload", self.directory)),
            },
            "confirm": {"connect": f"127.0.0.1:{port}", "server_name": NAME},
        }
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(sandbox.configuration(entry))

    def _web(self, *arguments: str) -> list[str]:
        return [sys.executable, "-I", web.__file__, *arguments]

    def _look(self, now: datetime) -> Step:
        done = self._renewd("check", "--json")
        found = _document(done)["certificates"][0]
        if found["state"] != "due":
            raise RenewdError(f"renewd check found {found['state']} where a certificate was due")
        since = now - datetime.fromisoformat(found["renew_at"])
        return Step("renewd looks", f"due for {words.span(since)}: renew now")

    def _renew(self) -> Step:
        done = self._renewd("renew")
        if done.returncode != 0:
            raise RenewdError(f"renewd renew failed:\n{_said(done)}")
        history = _document(self._renewd("history", "--json"))
        steps = [step for attempt in history["attempts"] for step in attempt["steps"]]
        checks = next((step["checks"] for step in steps if step.get("event") == "gate.accepted"), None)
        passed = "accepted" if checks is None else f"{checks} checks passed"
        return Step("order · challenge · finalize · download · gate", passed)

    def _compare(self, old: x509.Certificate, new: x509.Certificate, holding: Holding) -> None:
        """Raise RenewdError if not exactly the new certificate is served, issued once."""
        if new.serial_number == old.serial_number:
            raise RenewdError("the web server still serves the old certificate")
        if holding.issued != 1 or new != holding.generations[-1].leaf:
            raise RenewdError(
                f"{holding.issued} certificates were issued, and another than the last is served"
            )

    def _renewd(self, *command: str) -> subprocess.CompletedProcess[str]:
        """The program itself, as a user would start it."""
        arguments = [sys.executable, "-m", "renewd", "--config", self.config, *command]
        environment = {**os.environ, "NO_COLOR": "1"}
        try:
            return subprocess.run(
                arguments, env=environment, capture_output=True, text=True, timeout=_PATIENCE, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise RenewdError(f"renewd {shlex.join(command)} did not end within {_PATIENCE:g} s") from error


def served(port: int) -> x509.Certificate:
    """The certificate that the web server on `port` shows now. Raises RenewdError if there is none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # looked at, not trusted
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            contextlib.closing(_connect(port)) as plain,
            context.wrap_socket(plain, server_hostname=NAME) as secured,
        ):
            return load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
    except OSError as error:
        raise RenewdError(f"the demo's web server does not answer: {error}") from error


def _connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=_TLS_TIMEOUT)


def _told(certificate: x509.Certificate, now: datetime) -> str:
    start = facts.show_serial(certificate.serial_number)[:5]
    return f"serving {start}…, {words.span(certificate.not_valid_after_utc - now)} left"


def _document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The JSON that a command printed. Raises RenewdError if it printed none."""
    try:
        document: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        raise RenewdError(f"renewd {shlex.join(done.args[5:])} failed:\n{_said(done)}") from error
    return document


def _said(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr.strip() + "\n" + done.stdout.strip()).strip()
