"""What the vendor's V8 API was told to do later: it is done when its time has come and anybody asks for anything."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from renewd.sandbox.portal import Portal, Refused

DELAY = timedelta(seconds=2)  # the real one takes minutes
DONE = "issued"


@dataclass(slots=True)
class Job:
    """One certificate to be made; `ended` says what came of it, of which nobody is told."""

    name: str
    uri: str
    at: datetime | None  # None: never
    spoils: Sequence[str] = ()
    ended: str = ""


class Schedule:
    """Thread-safe; a job is done once, and an order yields one certificate whatever the number of its jobs."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self._lock = threading.Lock()
        self.jobs: list[Job] = []

    def reset(self) -> None:
        """Nothing is to be done."""
        with self._lock:
            self.jobs = []

    def add(self, name: str, uri: str, wait: timedelta | None, spoils: Sequence[str] = ()) -> None:
        """Take up an order that can still be finalized; `wait` is None for one that is forgotten. Raises Refused."""
        self.portal.open_order(name, uri)
        at = None if wait is None else self.portal.now() + wait
        with self._lock:
            self.jobs.append(Job(name, uri, at, spoils))

    def work_off(self) -> None:
        """Validate and issue all that is due by now."""
        for job in self._taken():
            try:
                self.portal.finalize(job.name, job.uri, job.spoils)
            except Refused as refusal:
                job.ended = str(refusal)
            else:
                job.ended = DONE

    def _taken(self) -> list[Job]:
        """What is due, taken so that nobody else takes it."""
        now = self.portal.now()
        with self._lock:
            due = [job for job in self.jobs if not job.ended and job.at is not None and job.at <= now]
            for job in due:
                job.ended = "under way"
        return due
