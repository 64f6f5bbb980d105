"""Standard output and error as a caller may leave them: closed, full, or unable to show what people write."""

import errno
import os
import sys
from contextlib import suppress
from typing import TextIO

_OF_A_STREAM = frozenset({errno.ENOSPC, errno.EIO, errno.EBADF, errno.EDQUOT})


def prepare() -> None:
    """Both are there, and never refuse a character."""
    with suppress(OSError):
        while (opened := os.open(os.devnull, os.O_RDWR)) <= 2:  # noqa: PLR2004 - 0, 1 and 2 must be no file of ours
            os.set_inheritable(opened, True)
        os.close(opened)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - as long as the process
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def finish() -> str:
    """Write out what is left of standard output; what went wrong, empty if nothing did or the reader had enough."""
    try:
        sys.stdout.flush()
    except OSError as error:
        silence(sys.stdout)
        return "" if isinstance(error, BrokenPipeError) else words(error)
    return ""


def silence(stream: TextIO) -> None:
    """Nothing more is written there, and no error comes of it at the interpreter's end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def is_the_cause(error: OSError) -> bool:
    """Whether it can only have come from a stream: it names no file."""
    return error.filename is None and error.errno in _OF_A_STREAM


def words(error: OSError) -> str:
    """What is wrong with standard output, for people."""
    return f"standard output cannot be written: {(error.strerror or str(error)).lower()}"
