"""What this machine lacks for a target keeps that one from being tried, and no other."""

from renewd.config import machine
from renewd.config.targets import Target
from renewd.daemon import events as own
from renewd.renewal.context import Context


def able(context: Context) -> list[Target]:
    """Targets that lack nothing on this machine; the others are told, and looked at again with the next pass."""
    held: set[str] = set()
    for found in machine.faults(context.loaded):
        held.update(found.names)
        for name in found.names:
            context.emit(own.Held(name=name, why=str(found.fault)))
    return [target for target in context.loaded.targets if target.name not in held]
