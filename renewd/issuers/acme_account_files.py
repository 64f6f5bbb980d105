"""What is kept of an account at an ACME CA: its key, and beside it what is known of it; the next key while it is changed."""

import hashlib
import json
import os
import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass

from renewd.issuers import private_files


@dataclass(frozen=True, slots=True)
class Known:
    """What is kept of an account beside its key."""

    url: str
    contact: list[str]
    key: str  # its mark


class AccountFiles:
    """One account's in a folder; another directory's is another account. Every call may raise Unreachable."""

    def __init__(self, folder: str, directory: str, stop: threading.Event) -> None:
        self._stop = stop
        mark = hashlib.sha256(directory.encode()).hexdigest()[:12]
        self._folder = folder
        self._key, self._facts = f"account-{mark}.pem", f"account-{mark}.json"
        self._next = f"{self._key}.new"

    @property
    def path(self) -> str:
        """Of the key."""
        return os.path.join(self._folder, self._key)

    @property
    def facts(self) -> str:
        """The path of what is known beside the key."""
        return os.path.join(self._folder, self._facts)

    def locked(self) -> AbstractContextManager[None]:
        """Alone among all processes and threads that use the folder's accounts."""
        return private_files.locked(self._folder, "account.lock", self._stop)

    def key(self) -> bytes | None:
        """The key, as PEM; None if there is none."""
        return private_files.read(self._folder, self._key)

    def next_key(self) -> bytes | None:
        """The key that is to be the next one, while the CA is told of it."""
        return private_files.read(self._folder, self._next)

    def seen(self) -> tuple[int, int] | None:
        """By what a key in the place of the last one is noticed."""
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    def keep_key(self, pem: bytes) -> None:
        """The key is on the disk."""
        private_files.write(self._folder, self._key, pem)

    def keep_next(self, pem: bytes) -> None:
        """The next key is on the disk."""
        private_files.write(self._folder, self._next, pem)

    def take_next(self) -> None:
        """The next key is the key."""
        private_files.replace(self._folder, self._next, self._key)

    def drop_next(self) -> None:
        """There is to be no next key."""
        private_files.remove(self._folder, self._next)

    def keep(self, known: Known) -> None:
        """What is known is on the disk."""
        facts = {"url": known.url, "contact": known.contact, "key": known.key}
        private_files.write(self._folder, self._facts, json.dumps(facts).encode())

    def known(self) -> Known | None:
        """What is kept; None if nothing whole is: then the CA is asked for it."""
        try:
            facts = json.loads(private_files.read(self._folder, self._facts) or b"{}")
            return Known(str(facts["url"]), [str(each) for each in facts["contact"]], str(facts["key"]))
        except (ValueError, KeyError, TypeError):
            return None
