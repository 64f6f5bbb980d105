"""One idempotent tick, fired by APScheduler at whatever time the tick itself asks for next.

An interval trigger enumerates every run it missed: a clock that jumps from 1970 builds millions of them.
"""

import logging
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED
from apscheduler.executors.base import BaseExecutor, run_job
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from renewd.daemon.agenda import TICK

_JOB = "tick"


class Beat(BaseTrigger):  # type: ignore[misc]
    """At once, and then never later than a minute from now; never answers a time that was missed."""

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """The next run, if the one that begins now does not ask for another time when it is over."""
        return now if previous_fire_time is None else now + TICK


class DaemonThreads(BaseExecutor):  # type: ignore[misc]
    """Runs jobs in daemon threads: those of a pool are joined at exit, whatever hangs in them."""

    def _do_submit_job(self, job: Any, run_times: list[datetime]) -> None:
        threading.Thread(target=self._run, args=(job, run_times), name="renewd-tick", daemon=True).start()

    def _run(self, job: Any, run_times: list[datetime]) -> None:
        try:
            events = run_job(job, job._jobstore_alias, run_times, self._logger.name)  # noqa: SLF001 - as its own executors do
            self._run_job_success(job.id, events)
        except BaseException as error:  # noqa: BLE001 - the scheduler logs it and fires again
            self._run_job_error(job.id, error, traceback.format_exc())


def start(tick: Callable[[], None], next_at: Callable[[], datetime]) -> BackgroundScheduler:
    """A running scheduler that ticks at once, and after each tick when `next_at()` says."""
    logging.getLogger("apscheduler").setLevel(
        logging.ERROR
    )  # it warns each minute of a tick that takes longer
    scheduler = BackgroundScheduler(timezone=UTC, executors={"default": DaemonThreads()})
    scheduler.add_job(tick, Beat(), id=_JOB, misfire_grace_time=None, coalesce=True, max_instances=1)
    scheduler.add_listener(lambda _: fire(scheduler, next_at()), EVENT_JOB_EXECUTED | EVENT_JOB_ERROR)
    scheduler.start()
    return scheduler


def fire(scheduler: BackgroundScheduler, at: datetime) -> None:
    """Let the next tick be then; one that is under way asks for its own time when it is over."""
    with suppress(JobLookupError):  # the scheduler was shut down meanwhile
        scheduler.modify_job(_JOB, next_run_time=at)


def hasten(scheduler: BackgroundScheduler, now: datetime) -> None:
    """Let the next tick be now where it is farther away than any: the clock was set back since it was planned."""
    if asleep(scheduler, now):
        fire(scheduler, now)


def asleep(scheduler: BackgroundScheduler, now: datetime) -> bool:
    """Whether the next tick is farther away than any should be."""
    job = scheduler.get_job(_JOB)
    return job is not None and job.next_run_time is not None and job.next_run_time > now + TICK
