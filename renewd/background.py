"""Threads that end with the process, whatever hangs in them."""

import errno
import os
import threading
from collections.abc import Callable


def start(name: str, work: Callable[[], None]) -> threading.Thread:
    """A thread that does this. Raises OSError where the machine gives no more threads, as it does of all it lacks."""
    thread = threading.Thread(target=work, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from error
    return thread
