"""Other processes beside an install: one reads the live folder again and again, one puts links where files are prepared.

Run as `python -m tests.faults.bystanders read FOLDER` or `… exchange OUTSIDE TARGET…`; it goes on until its standard
input is closed, and ends with a JSON line: {"looks", "torn"}.
"""

import json
import os
import select
import sys
from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from renewd.install import atomic
from tests.certificates import spki


def read(folder: str) -> bool:
    """Open what `current` leads to once, and both files in it; True if they belong together."""
    with atomic.directory(os.path.realpath(f"{folder}/current")) as opened:
        leaf = x509.load_pem_x509_certificate(atomic.read("fullchain.pem", within=opened))
        key = load_pem_private_key(atomic.read("privkey.pem", within=opened), None)
    return spki(key) == spki(leaf)


def exchange(outside: str, *targets: str) -> bool:
    """Put links that lead outside wherever nothing is."""
    for target in targets:
        if not os.path.lexists(target) and os.path.isdir(os.path.dirname(target)):
            try:
                os.symlink(outside, target)
            except FileExistsError:
                continue
    return True


ACTS: dict[str, Callable[..., bool]] = {"read": read, "exchange": exchange}


def main(act: str, *arguments: str) -> None:
    looks = torn = 0
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        looks += 1
        torn += not ACTS[act](*arguments)
    print(json.dumps({"looks": looks, "torn": torn}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
