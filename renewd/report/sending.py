"""A process of its own that hands messages to Apprise, which is large, and ends: addresses come by standard input.

Read: [{"number": 0, "url": "...", "title": "...", "body": "...", "kind": "failure"}]. Printed: the numbers of those who
were told, each as soon as it was; of letters without a title, which are not sent, those whose address can be used. It ends with whoever started it.
"""

import ctypes
import json
import logging
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> int:
    """0; what is not printed was not told."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    logging.disable(logging.CRITICAL)  # what it logs holds addresses
    letters: list[dict[str, Any]] = json.load(sys.stdin)
    import apprise  # noqa: F401 - once, and not in every thread at a time

    with ThreadPoolExecutor(len(letters)) as threads:
        list(threads.map(_send, letters))
    return 0


def _send(letter: dict[str, Any]) -> None:
    import apprise

    messenger = apprise.Apprise()
    if messenger.add(letter["url"]) and (
        "title" not in letter
        or messenger.notify(title=letter["title"], body=letter["body"], notify_type=letter["kind"])
    ):
        sys.stdout.write(f"{letter['number']}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
