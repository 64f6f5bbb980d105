"""The demo's web server: TLS from a folder, challenges from a web root; a program of its own, on the standard library.

serve STATE LIVE WEBROOT HTTP_PORT   writes the TLS port to standard output; SIGHUP reloads the certificate;
                                     ends with its standard input, so that it never outlives who started it
test STATE LIVE                      can the certificate be loaded? (as `nginx -t`)
reload STATE                         tells the server of this STATE folder (as `nginx -s reload`)
"""

import http.server
import os
import signal
import ssl
import sys
import threading
from functools import partial
from typing import Any

_PID = "web.pid"
_TIMEOUT = 10.0  # seconds that a client may be silent


def load(live: str) -> ssl.SSLContext:
    """What is served from the folder `live`. Raises OSError if certificate and key cannot be loaded together."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(live, "fullchain.pem"), os.path.join(live, "privkey.pem"))
    return context


class TlsServer(http.server.ThreadingHTTPServer):
    """Every connection gets the context of its moment, so that a reload needs no restart."""

    def __init__(self, live: str) -> None:
        self._live = live
        self.context = load(live)
        super().__init__(("127.0.0.1", 0), _Page)

    def reload(self) -> None:
        """Serve what is in the folder now; what cannot be loaded changes nothing."""
        try:
            self.context = load(self._live)
        except OSError as error:
            sys.stderr.write(f"the old certificate stays: {error}\n")

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands in the connection's own thread."""
        request.settimeout(_TIMEOUT)
        with self.context.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that only looks at the certificate leaves in the middle, which is no error."""


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"It works.\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Nothing."""


class _Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Nothing."""


def serve(state: str, live: str, webroot: str, http_port: str) -> None:
    """Serve until standard input ends."""
    tls = TlsServer(live)
    files = partial(_Files, directory=webroot)
    plain = http.server.ThreadingHTTPServer(("127.0.0.1", int(http_port)), files)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the demo, which then ends this
    awaited = {signal.SIGHUP, signal.SIGTERM}
    # Blocked and waited for: a handler is not run for a signal that comes just before a system call that waits.
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    threading.Thread(target=_end_with_input, daemon=True).start()
    for server in (tls, plain):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    with open(os.path.join(state, _PID), "w", encoding="ascii") as file:
        file.write(str(os.getpid()))
    sys.stdout.write(f"{tls.server_port}\n")
    sys.stdout.flush()
    while signal.sigwait(awaited) == signal.SIGHUP:
        tls.reload()


def _end_with_input() -> None:
    os.read(sys.stdin.fileno(), 1)
    os.kill(os.getpid(), signal.SIGTERM)


def _reload_when_told(server: TlsServer) -> None:
    while True:
        signal.sigwait({signal.SIGHUP})
        server.reload()


def main(words: list[str]) -> int:
    """Do what the command line says."""
    verb, state, *rest = words
    if verb == "serve":
        serve(state, *rest)
    elif verb == "test":
        load(*rest)
    else:
        with open(os.path.join(state, _PID), encoding="ascii") as file:
            os.kill(int(file.read()), signal.SIGHUP)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
