"""receive: what renewd-deploy.service runs. Root takes what the side that obtains handed over, and answers.

Nothing in the folder of requests is trusted: files are opened without following links, must belong to whom the folder
belongs to, and are taken away before anything is done with them. The configuration is trusted, and so has to be root's.
"""

import json
import os
import re
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import click

from renewd import whole
from renewd.errors import RenewdError, StateUnusable

_REQUEST = re.compile(r"([0-9a-f]{32})\.request", re.ASCII).fullmatch
_LARGEST = 64 << 20  # bytes of a request: a thousand chains
_LOOKED_AT = 2.0  # seconds until the lock is ours that others only look at
_LONGEST = 32768  # characters of a name that is to be forgotten: a hundred of the longest names
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@click.command(hidden=True)
@click.argument("requests")
@click.argument("answers")
@click.pass_obj
def receive(path: str, requests: str, answers: str) -> int:
    """Install what was handed over; for renewd-deploy.service."""
    wrong = 0
    _forget(answers)
    with _at_work(answers):
        for number, content in _taken(requests):
            answer = _answer(path, content)
            wrong += _bad(answer)
            _put(answers, number, answer)
    return 1 if wrong else 0


def _bad(answer: Mapping[str, Any]) -> bool:
    from renewd.renewal.outcome import Result

    results = [Result(outcome["result"]) for outcome in answer.get("outcomes", {}).values()]
    return "error" in answer or not all(result.well for result in results)


def _answer(path: str, content: bytes) -> dict[str, Any]:
    """What became of one request; what is wrong with it or with this side is an answer too."""
    from renewd.cli import work
    from renewd.config import load, sides
    from renewd.renewal import forgetting, received
    from renewd.report import log

    try:
        loaded = load.load(path)
        _trusted(loaded.files)
        own = sides.installing(loaded)
        log.configure(own.configuration.log.format, own.configuration.log.level, sys.stderr)
        wish = _wish(content)
        with work.at_work(path, log.subscriber(), loaded=own) as context:
            if isinstance(wish, str):
                forgetting.forget(context, wish)
                return {"schema": 1, "forgotten": wish}
            outcomes = received.install(context, wish)
    except RenewdError as error:
        print(f"renewd: {error}", file=sys.stderr)
        return {"schema": 1, "error": str(error)}
    told = {one.target.identity: {"result": str(one.result), "why": one.why} for one in outcomes}
    strange = {
        each: {"result": "failed", "why": "it is not watched here"} for each in wish if each not in told
    }
    return {"schema": 1, "outcomes": told | strange}


def _trusted(files: Sequence[str]) -> None:
    """Raises StateUnusable if the configuration could have been written by somebody else."""
    for file in files:
        found = os.stat(file)
        if found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise StateUnusable(
                f"others than root can write {file}, which says what root installs and runs",
                remedy=f"chown root:renewd {file}; chmod 0640 {file}",
            )


def _wish(content: bytes) -> str | dict[str, Any]:
    """What came, by identity, or the name that is to be forgotten. Raises StateUnusable if it is no request."""
    from renewd.certs.bundle import Material
    from renewd.renewal.received import Handed

    try:
        document = json.loads(content)
        if "forget" in document:
            return str(document["forget"])[:_LONGEST]
        return {
            str(item["identity"]): Handed(
                Material(pem=(str(item["fullchain"]).encode(), str(item["key"]).encode())),
                str(item["issuer"]),
                None if item["order_uri"] is None else str(item["order_uri"])[:2048],
                None if item.get("replaces") is None else str(item["replaces"])[:64],
            )
            for item in document["targets"]
        }
    except (ValueError, KeyError, TypeError, RecursionError):
        raise StateUnusable("what was handed over is no request of renewd's") from None


def _taken(requests: str) -> Iterator[tuple[str, bytes]]:
    """Each request, taken away first, until there is none; what cannot be one is taken away too."""
    try:
        folder = os.open(requests, _FOLDER)
    except FileNotFoundError:
        return
    try:
        owner = os.fstat(folder).st_uid
        while names := [name for name in sorted(os.listdir(folder)) if name.endswith(".request")]:
            for name in names:
                number, content = _REQUEST(name), _content(folder, name, owner)
                if not _gone(folder, name):
                    return
                if number is not None and content is not None:
                    yield number[1], content
    finally:
        os.close(folder)


def _gone(folder: int, name: str) -> bool:
    """Whether it could be taken away; what cannot (a folder that is not empty) would start this again for ever."""
    with suppress(OSError):
        os.unlink(name, dir_fd=folder)
        return True
    with suppress(OSError):
        os.rmdir(name, dir_fd=folder)
        return True
    print(f"renewd: {name} among the requests cannot be taken away", file=sys.stderr)
    return False


def _content(folder: int, name: str, owner: int) -> bytes | None:
    """The file's content; None if it is not a plain file of the folder's owner, or too large."""
    try:
        descriptor = os.open(name, _FILE, dir_fd=folder)
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
        plain = stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_uid == owner
        if not plain or found.st_size > _LARGEST:
            return None
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(_LARGEST)
    finally:
        os.close(descriptor)


def _put(answers: str, number: str, answer: Mapping[str, Any]) -> None:
    """The answer, whole by its rename; its folder is root's, and its group may read."""
    with _folder(answers) as folder:
        whole.store(f"{number}.answer", json.dumps(answer).encode(), 0o640, within=folder)


@contextmanager
def _at_work(answers: str) -> Iterator[None]:
    """Hold the lock by which who waits knows that there will be an answer; looking at it takes it for an instant."""
    from renewd import locks
    from renewd.renewal.handover import LOCK

    with _folder(answers) as folder:
        descriptor = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640, dir_fd=folder)
    try:
        os.fchmod(descriptor, 0o640)
        with suppress(locks.Kept):
            locks.take(descriptor, within=_LOOKED_AT)
        yield
    finally:
        os.close(descriptor)


def _forget(answers: str) -> None:
    """Old answers go, and what a crash left of one."""
    from renewd.clock import SystemClock

    with _folder(answers):
        whole.sweep(answers, SystemClock().now(), (".answer",))


@contextmanager
def _folder(answers: str) -> Iterator[int]:
    """Raises StateUnusable if it is not there, or not root's alone to write."""
    try:
        folder = os.open(answers, _FOLDER)
    except OSError as error:
        raise StateUnusable(
            f"there is no folder {answers} for answers", remedy="systemd-tmpfiles --create"
        ) from error
    try:
        found = os.fstat(folder)
        if found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise StateUnusable(f"others than root can write {answers}", remedy=f"chmod 2750 {answers}")
        yield folder
    finally:
        os.close(folder)
