"""What keeps secrets inside this process: nobody reads its memory, and no core dump or file of it is for others."""

import os
import resource
import sys

_PR_SET_DUMPABLE = 4  # linux/prctl.h


def raise_up() -> None:
    """To be called before any secret is read. Programs that are started from here may dump core if they ask for it."""
    os.umask(0o077)
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
