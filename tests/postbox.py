"""What is sent to people, received: a web hook as Apprise's json:// speaks to it, and a mail server."""

import http.server
import json
import threading
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.programs import LONG
from tests.servers import free_port


class Hook:
    """An HTTP server that keeps what is posted to it; `status` is what it answers, `hits` counts what is fetched."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.hits = 0
        self.status = 200
        self._news = threading.Condition()
        box = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                with box._news:
                    if box.status < 300:
                        box.messages.append(json.loads(body))
                    box.hits += 1
                    box._news.notify_all()
                self.answer()

            def do_GET(self) -> None:
                with box._news:
                    box.hits += 1
                    box._news.notify_all()
                self.answer()

            def answer(self) -> None:
                self.send_response(box.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """As Apprise writes it."""
        return f"json://127.0.0.1:{self.port}/hook"

    def wait(self, messages: int = 0, hits: int = 0) -> None:
        """Until so many have come."""
        with self._news:
            came = self._news.wait_for(
                lambda: len(self.messages) >= messages and self.hits >= hits, timeout=LONG
            )
        assert came, f"{len(self.messages)} messages and {self.hits} calls came"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Mailbox:
    """An SMTP server on loopback that keeps the mails it is given."""

    def __init__(self) -> None:
        self.mails: list[str] = []
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port())

    @property
    def url(self) -> str:
        return f"mailto://127.0.0.1:{self._controller.port}/?from=renewd@example.com&to=ops@example.com&mode=insecure"

    async def handle_DATA(  # noqa: N802 - its name in aiosmtpd
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        self.mails.append(envelope.content.decode("utf-8", "replace"))
        return "250 kept"

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()
