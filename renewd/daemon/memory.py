"""How the daemon spares memory where libc is glibc; others (musl) have no such functions, and no such habits."""

import gc
from collections.abc import Callable

_M_ARENA_MAX = -8  # malloc.h


def keep_together() -> None:
    """Let all threads take memory from one heap: by itself each would begin one of its own, which lasts."""
    mallopt = _libc("mallopt")
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Collect what is garbage, and return pages that are free; importing and renewing leave many."""
    gc.collect()
    trim = _libc("malloc_trim")
    if trim is not None:
        trim(0)


def _libc(name: str) -> Callable[..., int] | None:
    import ctypes

    return getattr(ctypes.CDLL(None), name, None)
