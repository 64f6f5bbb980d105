"""A process of its own that hands one message to Apprise, which is large, and ends: addresses come by standard input.

Read: {"urls": [...], "title": "...", "body": "...", "kind": "failure"}. Printed: {"failed": [numbers of the urls]}.
Without a title nothing is sent, and those fail that no service of Apprise's takes.
"""

import json
import logging
import sys
from typing import Any


def main() -> int:
    """0 if everybody could be told."""
    logging.disable(logging.CRITICAL)  # what it logs holds addresses
    wanted: dict[str, Any] = json.load(sys.stdin)
    failed = [number for number, url in enumerate(wanted["urls"]) if not _sent(url, wanted)]
    json.dump({"failed": failed}, sys.stdout)
    return 1 if failed else 0


def _sent(url: str, wanted: dict[str, Any]) -> bool:
    import apprise

    messenger = apprise.Apprise()
    if not messenger.add(url):
        return False
    return "title" not in wanted or bool(
        messenger.notify(title=wanted["title"], body=wanted["body"], notify_type=wanted["kind"])
    )


if __name__ == "__main__":
    sys.exit(main())
