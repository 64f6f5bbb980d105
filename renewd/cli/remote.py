"""Commands that act are run by the daemon where one listens: credentials exist only inside its unit.

The client hands over its outputs and waits. What it hands over is never its own terminal, which whoever runs the daemon
could then read, but one end of a new one. Packets are JSON: the command, then signals; the answer is the exit code.
"""

import json
import os
import re
import select
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType
from typing import Any

from renewd.errors import StateUnusable

ADDRESS = "RENEWD_SOCKET"  # in the environment: where the daemon listens; empty for nowhere
DEFAULT = "/run/renewd/socket"
COMMANDS = frozenset(  # they act, or need secrets
    {"renew", "deploy", "rollback", "preflight", "finalize", "forget", "revoke", "account", "notify"}
)
_HELP = frozenset({"-h", "--help"})
READING = frozenset({"status", "history", "why", "plan"})  # for whoever may not look at the daemon's state
SHOWN = ("TERM", "COLUMNS", "LINES", "NO_COLOR", "LANG", "LC_ALL", "LC_CTYPE")  # of the caller's environment
PACKET = 65536  # bytes; a command line is far shorter
_READ = 65536
_TAKEN_WITHIN = 10.0  # seconds: a daemon that is well takes a command at once, however long it is then at it
_LAST = 0.5  # seconds for what is still in the pipes when the command is over
_HARMLESS = re.compile(rb"\x1b\[[0-9;?]*[ABCDGHJKfhlm]")  # colours and movements
_ESCAPE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]?|.?)", re.DOTALL)
_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def call(path: str, argv: Sequence[str]) -> int | None:
    """The exit code of a command that the daemon ran; None if it is to be run here. Raises StateUnusable if it went away.

    Nothing heavy was loaded until now, and nothing is if the daemon does it.
    """
    address = os.environ.get(ADDRESS, DEFAULT)
    wanted = COMMANDS if os.geteuid() == 0 else COMMANDS | READING
    if not address or not argv or argv[0] not in wanted or not _HELP.isdisjoint(argv):
        return None
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as daemon:
        daemon.settimeout(_TAKEN_WITHIN)
        try:
            daemon.connect(address)
        except BlockingIOError as error:  # so many wait already
            raise _silent() from error
        except OSError:  # nobody listens, or not to this user
            return None
        daemon.settimeout(None)
        return _conversation(daemon, {"config": os.path.realpath(path), "argv": list(argv)})


def _conversation(daemon: socket.socket, errand: dict[str, Any]) -> int | None:
    shown = {key: os.environ[key] for key in SHOWN if key in os.environ}
    with ExitStack() as stack:
        ends = [stack.enter_context(_end(stream)) for stream in (sys.stdout, sys.stderr)]
        packet = json.dumps({**errand, "environment": shown}).encode()
        try:
            socket.send_fds(daemon, [packet], [end.given for end in ends])
        except OSError:
            return None
        for end in ends:
            end.give_away()
        with _signals(daemon):
            return _code(_relay(daemon, {end.kept: end for end in ends}))


class _End:
    """One of our outputs: `given` is the daemon's end of it, `kept` is ours; a terminal if the output is one."""

    def __init__(self, output: int) -> None:
        self._output = output
        self._terminal = os.isatty(output)
        self._pending = b""
        self.kept, self.given = _terminal_like(output) if self._terminal else os.pipe()

    def give_away(self) -> None:
        """The daemon has its end; it is its only holder."""
        os.close(self.given)
        self.given = -1

    def close(self) -> None:
        """Both ends, as far as they are still ours."""
        for descriptor in (self.kept, self.given):
            if descriptor >= 0:
                os.close(descriptor)

    def pass_on(self) -> bool:
        """Show what came; False at the end of it."""
        try:
            piece = os.read(self.kept, _READ)
        except OSError:  # how a terminal says that nobody is at its other end
            piece = b""
        shown = self._pending + piece
        if self._terminal:
            shown, self._pending = harmless(shown)
        while shown:
            shown = shown[os.write(self._output, shown) :]
        return bool(piece)


@contextmanager
def _end(stream: Any) -> Iterator[_End]:
    stream.flush()
    end = _End(stream.fileno())
    try:
        yield end
    finally:
        end.close()


def harmless(text: bytes) -> tuple[bytes, bytes]:
    """What may go to a terminal: colours and movements, no other escape sequence; and what is not whole yet."""
    last = text.rfind(b"\x1b")
    whole = text
    if last >= 0 and len(text) - last < 32 and not _HARMLESS.match(text, last):  # noqa: PLR2004 - longer ones are none of ours
        whole = text[:last]
    kept = _ESCAPE.sub(lambda found: found[0] if _HARMLESS.fullmatch(found[0]) else b"", whole)
    return kept, text[len(whole) :]


def _terminal_like(output: int) -> tuple[int, int]:
    """A terminal of the same size that changes nothing on the way."""
    import fcntl
    import pty
    import termios

    kept, given = pty.openpty()
    modes = termios.tcgetattr(given)
    modes[1] &= ~termios.OPOST
    termios.tcsetattr(given, termios.TCSANOW, modes)
    size = fcntl.ioctl(output, termios.TIOCGWINSZ, bytes(8))
    fcntl.ioctl(given, termios.TIOCSWINSZ, size)
    return kept, given


@contextmanager
def _signals(daemon: socket.socket) -> Iterator[None]:
    """Ctrl-C means the command: it parks what is under way, and its end is waited for."""

    def forward(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's signature
        with suppress(OSError):
            daemon.send(json.dumps({"signal": number}).encode())

    before = {number: signal.signal(number, forward) for number in _FORWARDED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_taken(daemon: socket.socket) -> bool:
    """Whether what was sent was read: then it is answered, though maybe much later."""
    import fcntl
    import termios

    try:
        unread = fcntl.ioctl(daemon, termios.TIOCOUTQ, bytes(4))
    except OSError:  # it cannot be seen here
        return True
    return not any(unread)


def _silent() -> StateUnusable:
    return StateUnusable(
        "the daemon listens and takes no commands: it was stopped, or hangs",
        remedy="restart it: systemctl restart renewd; what is under way is taken up again",
    )


def _relay(daemon: socket.socket, ends: dict[int, _End]) -> dict[str, Any]:
    """Show what comes until the command is over; the daemon's answer. Raises StateUnusable if it takes no commands."""
    answer: dict[str, Any] = {}
    taken = False
    while not answer or ends:
        watched = [*ends, *([] if answer else [daemon.fileno()])]
        ready, _, _ = select.select(watched, [], [], _LAST if answer else None if taken else _TAKEN_WITHIN)
        taken = taken or bool(ready) or _is_taken(daemon)
        if not taken:
            raise _silent()
        for descriptor in ready:
            if descriptor not in ends:
                packet = daemon.recv(PACKET)
                answer = json.loads(packet) if packet else {"gone": True}
            elif not ends[descriptor].pass_on():
                del ends[descriptor]
        if answer and not ready:
            break
    return answer


def _code(answer: dict[str, Any]) -> int | None:
    """The command's exit code; None if the daemon is another configuration's. Raises StateUnusable if it did not end."""
    if "exit" in answer:
        return int(answer["exit"])
    if "another" in answer:
        return None
    if "refused" in answer:
        raise StateUnusable(answer["refused"], remedy="type it as root, or join the daemon's group")
    if "busy" in answer:
        raise StateUnusable(answer["busy"], remedy="try again; journalctl -u renewd may say what took them")
    raise StateUnusable(
        "the daemon went away while it ran this",
        remedy="its next start goes on with what was under way: renewd status",
    )
