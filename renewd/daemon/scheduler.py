"""One idempotent tick, fired by APScheduler at whatever time the tick itself asks for next.

An interval trigger enumerates every run it missed: a clock that jumps from 1970 builds millions of them.
"""

import threading
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from apscheduler.events import EVENT_JOB_ERROR
from apscheduler.executors.base import BaseExecutor, run_job
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger


class AskedFor(BaseTrigger):  # type: ignore[misc]
    """Fires when `next_at` says; never answers a time that was missed."""

    def __init__(self, next_at: Callable[[datetime], datetime]) -> None:
        self._next_at = next_at

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """The next run: at once the first time, then what was asked for."""
        return now if previous_fire_time is None else self._next_at(now)


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


def start(tick: Callable[[], None], next_at: Callable[[datetime], datetime]) -> BackgroundScheduler:
    """A running scheduler that ticks at once and then when `next_at(now)` says."""
    scheduler = BackgroundScheduler(timezone=UTC, executors={"default": DaemonThreads()})
    scheduler.add_job(
        tick, AskedFor(next_at), id="tick", misfire_grace_time=None, coalesce=True, max_instances=1
    )
    scheduler.start()
    return scheduler


__all__ = ["EVENT_JOB_ERROR", "AskedFor", "DaemonThreads", "start"]
