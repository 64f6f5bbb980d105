"""run: the daemon in the foreground."""

import gc
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from renewd.config.model import Configuration
    from renewd.daemon.signals import Inbox

GARBAGE = 2_000  # objects until the collector looks for some, as is usual


@click.command()
@click.pass_obj
def run(path: str) -> int:
    """Watch and renew until told to stop.

    For systemd and containers, in the foreground.

    SIGTERM and SIGINT: park what is under way, and leave. SIGHUP: read the configuration again, and keep the old one
    if the new one is wrong.
    """
    from renewd.daemon import signals

    with suppress(KeyboardInterrupt), signals.watched() as inbox:  # asked twice while it starts or ends
        _live(path, inbox)
    return 0


def _live(path: str, inbox: "Inbox") -> None:
    """Signals are heard already: importing takes longer than some wait before they want it to end."""
    from renewd.cli import serving, shield
    from renewd.cli.remote import ADDRESS
    from renewd.clock import SystemClock
    from renewd.daemon import memory
    from renewd.daemon.service import Daemon
    from renewd.daemon.systemd import Supervisor
    from renewd.report import log
    from renewd.report.notify import Notifier
    from renewd.report.web.attached import Attached

    shield.raise_up()
    emit = log.Relay()

    def take(configuration: "Configuration") -> None:
        log.configure(configuration.log.format, configuration.log.level, sys.stderr)

    supervisor = Supervisor.of(os.environ, SystemClock())
    notifier = Notifier(SystemClock(), emit)
    page = Attached(emit, SystemClock(), memory.give_back)

    def ticked(daemon: Daemon) -> None:
        try:
            page.ticked(daemon)
        finally:
            notifier.ticked(daemon)

    daemon = Daemon(path, emit, taken=take, ticked=ticked, supervisor=supervisor)
    page.daemon = daemon
    emit.to(log.subscriber())
    emit.to(notifier)
    emit.to(page.heard)
    emit.to(supervisor.hear)
    memory.keep_together()
    memory.give_back()
    gc.freeze()  # what starting made stays for ever
    gc.set_threshold(GARBAGE)
    with serving.listening(os.environ.get(ADDRESS, ""), path):
        daemon.run(inbox)
