"""A proxy in front of a server with HTTPS that counts the calls and does mischief with those that a test names."""

import http.client
import re
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme

from tests.bare import Directory

_PASSED_ON = ("content-type", "location", "link", "replay-nonce", "retry-after", "date", "cache-control")
_SECONDS = 30


@dataclass
class Fault:
    """What happens to the next `times` calls whose path matches.

    `before` is called when one has come, `after` when it was answered and the answer has not gone on yet; `lost` cuts
    the connection "before" the server heard it, or "after". `instead` makes another body of the one the server gave.
    """

    path: str
    lost: str = ""
    before: Callable[[], object] = lambda: None
    after: Callable[[], object] = lambda: None
    instead: Callable[[bytes], bytes] = lambda body: body
    times: int = 1


class Between:
    """Stands for `server` at `directory_url`; what the server says of its own addresses leads here, as it goes by Host."""

    def __init__(self, server: Directory, folder: Path) -> None:
        self.calls: list[str] = []
        self.faults: list[Fault] = []
        self._lock = threading.Lock()
        self._server, self._trusted = server, ssl.create_default_context(cafile=str(server.ca_file))
        self._port = int(server.directory_url.split(":")[2].split("/")[0])
        authority = trustme.CA()
        self.ca_file = folder / "between-ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        self._listening = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._listening.daemon_threads = True
        self._context = context
        threading.Thread(target=self._listening.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def directory_url(self) -> str:
        return f"https://localhost:{self._listening.server_port}/dir"

    def fault(self, path: str, **what: Any) -> Fault:
        """Arms a Fault for a path (a regular expression that the whole of it matches)."""
        fault = Fault(path, **what)
        self.faults.append(fault)
        return fault

    def close(self) -> None:
        self._listening.shutdown()
        self._listening.server_close()

    def _armed(self, path: str) -> Fault:
        with self._lock:
            self.calls.append(path)
            for fault in self.faults:
                if fault.times > 0 and re.fullmatch(fault.path, path):
                    fault.times -= 1
                    return fault
        return Fault("")

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        between = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                self.request.settimeout(_SECONDS)
                self.request = between._context.wrap_socket(self.request, server_side=True)
                self.onward = http.client.HTTPSConnection(
                    "localhost", between._port, timeout=_SECONDS, context=between._trusted
                )
                super().setup()

            def finish(self) -> None:
                self.onward.close()
                with suppress(OSError):
                    super().finish()
                self.request.close()

            def handle(self) -> None:
                with suppress(OSError):
                    super().handle()

            def pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                fault = between._armed(self.path)
                fault.before()
                if fault.lost == "before":
                    self.close_connection = True
                    return
                headers = {
                    name: value for name, value in self.headers.items() if name.lower() != "connection"
                }
                self.onward.request(self.command, self.path, body or None, headers)
                answer = self.onward.getresponse()
                said = fault.instead(answer.read())
                fault.after()
                if fault.lost == "after":
                    self.close_connection = True
                    return
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() in _PASSED_ON:
                        self.send_header(name, value)
                self.send_header("content-length", str(len(said)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(said)

            do_GET = do_POST = do_HEAD = pass_on  # noqa: N815

            def log_message(self, *_: Any) -> None:
                """Nothing is logged."""

        return Handler
