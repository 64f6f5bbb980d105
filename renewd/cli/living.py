"""health: is the running daemon's tick alive."""

import sys

import click


@click.command()
@click.pass_obj
def health(path: str) -> int:
    """Tell whether the running daemon's tick is alive.

    For a container's health check, and quick. Not whether all certificates are well: that is check, status, and
    /healthz of the page. Says nothing and exits with 0 if it is; a configuration that became wrong under a running
    daemon is no matter here, since it keeps the one it has.
    """
    from renewd.config import state
    from renewd.daemon import health as door

    unwell = door.ask(state.directory(path))
    if unwell is None:
        return 0
    from renewd.config import load

    load.load(path)  # a fault in it is likely why no daemon runs, and is told instead
    print(f"renewd: {unwell.why}\n  {unwell.remedy}", file=sys.stderr)
    return 1
