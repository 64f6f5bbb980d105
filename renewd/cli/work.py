"""What the commands that act share: the configuration, the context, signals, and the code to exit with."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from renewd import RELEASED, trespass
from renewd.cli import shield
from renewd.config import machine, sides
from renewd.config.load import Loaded
from renewd.config.targets import Target
from renewd.daemon import signals
from renewd.errors import ClockSuspect, StateUnusable
from renewd.planning import jumps, present
from renewd.renewal import events, recovering
from renewd.renewal.context import PATIENCE, Context
from renewd.renewal.outcome import Outcome, Result

LEAVE_WITHIN = 8.0  # seconds, as the daemon

SECOND_WISH = 0.3  # seconds for it to be heard: two signals in a row may reach Python as one


@contextmanager
def at_work(
    path: str,
    emit: Callable[[events.Event], None],
    patience: timedelta = PATIENCE,
    *,
    loaded: Loaded | None = None,
) -> Iterator[Context]:
    """A context for one command, with the configuration at `path` unless `loaded` is another; SIGTERM and SIGINT ask it to stop, and what is under way is parked."""
    shield.raise_up()
    loaded = loaded or sides.load(path)
    _refuse_anothers(loaded.configuration.state_directory)
    trespass.insist(loaded.configuration.state_directory)
    context = Context(loaded, emit=emit, patience=patience, by_hand=True)
    with signals.watched() as inbox:
        over = threading.Event()
        heed = threading.Thread(
            target=_heed, args=(inbox, context.stop, over), name="renewd-signals", daemon=True
        )
        heed.start()
        try:
            recovering.recover(context)
            yield context
        finally:
            over.set()
            context.close()


def _refuse_anothers(state_directory: str) -> None:
    """What root writes there the user whose state it is could not use any more. Raises StateUnusable."""
    try:
        owner = os.stat(state_directory).st_uid
    except OSError:
        return
    if os.geteuid() == 0 and owner != 0:
        raise StateUnusable(
            f"{state_directory} belongs to user {owner}, and the daemon that runs as that user does not listen",
            remedy="start it, and it runs the command: systemctl start renewd",
        )


def refuse_a_wrong_clock(now: datetime) -> None:
    """Raises ClockSuspect if this renewd was released later than `now`: nothing can be due by such a clock."""
    why = jumps.impossible(now, RELEASED, None)
    if why is not None:
        raise ClockSuspect(f"this machine's clock is wrong: {why}; nothing was done", remedy=present.REMEDY)


def able(loaded: Loaded, targets: Sequence[Target]) -> tuple[list[Target], list[Outcome]]:
    """The targets that lack nothing on this machine, and an outcome for each of the others."""
    lacking = machine.held(loaded)
    held = [
        Outcome(target, Result.HELD, lacking[target.name]) for target in targets if target.name in lacking
    ]
    return [target for target in targets if target.name not in lacking], held


def code(outcomes: Sequence[Outcome]) -> int:
    """0 if every outcome is well."""
    return 0 if all(outcome.result.well for outcome in outcomes) else 1


def _heed(inbox: signals.Inbox, stop: threading.Event, over: threading.Event) -> None:
    """Pass the wish to leave on; a call that does not end soon is left to the next run to find out about."""
    try:
        inbox.next()
        stop.set()
        inbox.next(LEAVE_WITHIN)  # asked again, or waited for long enough
        if not over.wait(SECOND_WISH):
            os.kill(os.getpid(), signal.SIGINT)  # the second time is a KeyboardInterrupt
    except (OSError, ValueError):  # the command is over and the sockets are closed
        return
