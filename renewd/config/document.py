"""A YAML file as plain values, and where in it each of them stands."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from renewd.config.reading import Flaw, Reader
from renewd.config.spots import Path, Spot
from renewd.fault import Fault

_LARGEST = 16 * 1024 * 1024  # bytes; ten thousand full entries take four


@dataclass(frozen=True)
class Document:
    """A file's text; values and places are made anew when asked for, so that a long life holds the text alone."""

    path: str
    text: str

    def read(self) -> tuple[Any, list[Flaw]]:
        """What the text says, and what is wrong with that. Raises Broken, with all of it, if the rest says nothing clear."""
        reader = Reader(self.text)
        value = reader.read()
        if not reader.whole:
            raise Broken([self._placed(flaw) for flaw in reader.flaws])
        return value, reader.flaws

    def fault(self, path: Path, wrong: str, right: str = "") -> Fault:
        """A fault at the deepest part of the path that stands in the text."""
        return Fault(self.path, self.line(path), show(path), wrong, right)

    def line(self, path: Path) -> int | None:
        """The line, from 1, of the deepest part of the path that stands in the text."""
        for length in range(len(path), 0, -1):
            spot = self._spots.get(path[:length])
            if spot is not None:
                return spot.line
        return None

    def written(self, path: Path) -> str | None:
        """The scalar at the path as it is written, if it has no quotes and YAML takes it for something else than a text."""
        spot = self._spots.get(path)
        return None if spot is None else spot.text

    def at(self, path: Path) -> tuple[bool, Any]:
        """Whether something stands at the path, and what it is."""
        here = self._value
        for part in path:
            keys = here if isinstance(here, dict) else range(len(here)) if isinstance(here, list) else ()
            if part not in keys:
                return False, None
            here = here[part]
        return True, here

    @cached_property
    def _value(self) -> Any:
        return Reader(self.text).read()

    @cached_property
    def _spots(self) -> dict[Path, Spot]:
        reader = Reader(self.text, spots={})
        reader.read()
        return reader.spots or {}

    def _placed(self, flaw: Flaw) -> Fault:
        return Fault(self.path, flaw.line, show(flaw.path), flaw.wrong, flaw.right)


class Broken(Exception):
    """A file that cannot be read as a document at all."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(str(fault) for fault in faults))
        self.faults = faults


def show(path: Path) -> str:
    """The path as people write it: certificates[1].hooks.reload."""
    shown = "".join(f"[{part}]" if isinstance(part, int) else f".{_visible(part)}" for part in path)
    return shown.removeprefix(".")


def _visible(key: str) -> str:
    return key if key.isprintable() and len(key) <= 80 else repr(key[:80])  # noqa: PLR2004 - a terminal's width


def load(path: str) -> Document:
    """The file at the path. Raises Broken if it cannot be read, is no UTF-8 text, or others may write to it."""
    try:
        with open(path, "rb", opener=_opened) as file:
            wrong = _unfit(os.fstat(file.fileno()))
            if wrong:
                raise Broken([Fault(path, None, "", *wrong)])
            return Document(path, _decoded(path, file.read()))
    except (OSError, ValueError) as error:
        raise Broken([Fault(path, None, "", *_unreadable(error))]) from error


def _opened(path: str, flags: int) -> int:
    return os.open(
        path, flags | os.O_NONBLOCK | os.O_CLOEXEC
    )  # a pipe that nobody feeds is no reason to hang


def _unfit(status: os.stat_result) -> tuple[str, str] | None:
    if not stat.S_ISREG(status.st_mode):
        return "it is not a regular file", "name a YAML file"
    if status.st_mode & stat.S_IWOTH:
        return "everybody may write to it, and its hooks run as renewd", "chmod o-w it"
    if status.st_size > _LARGEST:
        return f"it is larger than {_LARGEST // 1024 // 1024} MiB", "split it; include takes more files"
    return None


def _decoded(path: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Broken([Fault(path, line, "", "this is not UTF-8 text", "save the file as UTF-8")]) from None


def _unreadable(error: OSError | ValueError) -> tuple[str, str]:
    if isinstance(error, FileNotFoundError):
        return "no such file", "write one with: renewd init"
    if isinstance(error, IsADirectoryError):
        return "it is a folder", "name a YAML file"
    if isinstance(error, PermissionError):
        return "it cannot be read: permission denied", "run as root, or as the user it belongs to"
    if isinstance(error, OSError):
        return f"it cannot be read: {error.strerror or error}", "name a YAML file"
    return "this is no path", "name a YAML file"


@contextmanager
def collector_paused() -> Iterator[None]:
    """Nothing made while a file is read is garbage: the collector's walks over it are half of the time."""
    import gc

    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()
