"""run: the daemon in the foreground."""

import gc
import sys

import click

GARBAGE = 2_000  # objects until the collector looks for some, as is usual


@click.command()
@click.pass_obj
def run(path: str) -> int:
    """Watch and renew until told to stop.

    For systemd and containers, in the foreground.

    SIGTERM and SIGINT: park what is under way, and leave. SIGHUP: read the configuration again, and keep the old one
    if the new one is wrong.
    """
    from renewd.cli import shield
    from renewd.daemon import memory
    from renewd.daemon.service import Daemon
    from renewd.report import log

    shield.raise_up()
    emit = log.Relay()
    daemon = Daemon(path, emit)
    settings = daemon.context.loaded.configuration.log
    log.configure(settings.format, settings.level, sys.stderr)
    emit.to(log.subscriber())
    memory.keep_together()
    memory.give_back()
    gc.freeze()  # what starting made stays for ever
    gc.set_threshold(GARBAGE)
    daemon.run()
    return 0
