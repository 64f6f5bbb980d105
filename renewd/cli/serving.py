"""The daemon's side of remote.py: a socket at which root and the daemon's group let it run commands that act.

Each is a process of its own beside the daemon, in the same unit: with its user, its credentials and its walls. One at a
time for a target is what the leases see to, as between any two renewds.
"""

import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from renewd.cli.remote import ADDRESS, COMMANDS, PACKET, READING, SHOWN

_PEER_GROUPS = 59  # SO_PEERGROUPS, asm-generic/socket.h
_MOST_GROUPS = 256  # that Python asks for at once
_SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
_PATIENCE = 10.0  # seconds for a caller to say what it wants
_PAUSE = 0.1  # seconds
_LONGEST = 200  # characters of a variable that describes a terminal


@contextmanager
def listening(address: str, path: str) -> Iterator[None]:
    """Serve callers with the configuration `path` meanwhile; nothing is done where `address` is empty or taken."""
    if not address or _answers(address):
        yield
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        _bind(door, address)
        leaving = threading.Event()
        threading.Thread(target=_serve, args=(door, path, leaving), name="renewd-socket", daemon=True).start()
        try:
            yield
        finally:
            leaving.set()
            with suppress(OSError):
                os.unlink(address)
                door.shutdown(socket.SHUT_RDWR)


def allowed(caller: socket.socket) -> bool:
    """Whether root is at the other end, the daemon's own user, or a member of its group."""
    _, uid, gid = struct.unpack("iII", caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    if uid in (0, os.geteuid()):
        return True
    try:
        groups = caller.getsockopt(socket.SOL_SOCKET, _PEER_GROUPS, _MOST_GROUPS * 4)
    except OSError:  # more of them than that
        return False
    members = {gid, *struct.unpack(f"{len(groups) // 4}I", groups)}
    return os.getegid() in members


def _answers(address: str) -> bool:
    """Whether another daemon listens there; what a crash left behind does not."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as caller:
        return caller.connect_ex(address) == 0


def _bind(door: socket.socket, address: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(address)
    door.bind(address)
    os.chmod(address, 0o660)
    door.listen()


def _serve(door: socket.socket, path: str, leaving: threading.Event) -> None:
    while not leaving.is_set():
        with ExitStack() as stack:
            try:
                caller = stack.enter_context(door.accept()[0])
                threading.Thread(
                    target=_answer, args=(caller, path), name="renewd-errand", daemon=True
                ).start()
            except (OSError, RuntimeError):  # no descriptor or thread is to be had: soon there is again
                leaving.wait(_PAUSE)
                continue
            stack.pop_all()  # it is closed over there


def _answer(caller: socket.socket, path: str) -> None:
    """One caller, from its command to the exit code; who breaks off gets nothing."""
    with caller, suppress(OSError, ValueError, KeyError, TypeError):
        caller.settimeout(_PATIENCE)
        packet, outputs, _, _ = socket.recv_fds(caller, PACKET, 2)
        try:
            caller.send(json.dumps(_errand(caller, json.loads(packet), outputs, path)).encode())
            caller.shutdown(socket.SHUT_RDWR)  # nobody waits for its signals any more
        finally:
            for output in outputs:
                with suppress(OSError):
                    os.close(output)


def _errand(caller: socket.socket, wish: dict[str, Any], outputs: list[int], path: str) -> dict[str, Any]:
    if not allowed(caller):
        return {"refused": "the daemon runs commands for root and its own group only"}
    argv = [str(word) for word in wish["argv"]] or [""]
    if wish["config"] != os.path.realpath(path) or argv[0] not in COMMANDS | READING:
        return {"another": True}
    if _gone(caller):
        return {}
    try:
        first, second = outputs  # without a free descriptor they do not come
        command = [sys.executable, "-m", "renewd", "--config", path, *argv]
        process = _start(command, _environment(wish), (first, second))
    except (OSError, ValueError):
        return {"busy": "the daemon has no room for one more command: it is out of open files or processes"}
    while outputs:  # the command is their only holder from now on: its end is the end of them
        os.close(outputs.pop())
    threading.Thread(target=_heed, args=(caller, process), name="renewd-caller", daemon=True).start()
    code = process.wait()
    return {"exit": code if code >= 0 else 128 - code}


def _gone(caller: socket.socket) -> bool:
    """Whether it gave up before its turn came, as when this daemon was stopped for a while."""
    poll = select.poll()
    poll.register(caller, 0)
    return any(event & select.POLLHUP for _, event in poll.poll(0))


def _start(
    argv: Sequence[str], environment: dict[str, str], outputs: Sequence[int]
) -> "subprocess.Popen[bytes]":
    """In the daemon's session, so that it is taken for no hook; its outputs are the caller's."""
    return subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=outputs[0],
        stderr=outputs[1],
        cwd="/",
        env=environment,
        process_group=0,
    )


def _environment(wish: dict[str, Any]) -> dict[str, str]:
    """The daemon's own, and what describes the caller's terminal."""
    said = {key: str(wish.get("environment", {}).get(key, "")) for key in SHOWN}
    shown = {key: value for key, value in said.items() if value.isprintable() and 0 < len(value) <= _LONGEST}
    return {**os.environ, **shown, ADDRESS: ""}


def _heed(caller: socket.socket, process: "subprocess.Popen[bytes]") -> None:
    """Pass signals on; a caller that is gone wants the command to end."""
    caller.settimeout(None)
    with suppress(OSError, ValueError, KeyError, TypeError):
        while packet := caller.recv(PACKET):
            number = signal.Signals(int(json.loads(packet)["signal"]))
            if number in _SIGNALS:
                process.send_signal(number)
    if process.poll() is None:
        process.terminate()
