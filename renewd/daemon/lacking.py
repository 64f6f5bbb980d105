"""What this machine lacks for a target keeps that one from being tried, and no other."""

from collections.abc import Mapping

from renewd.config import machine
from renewd.config.targets import Target
from renewd.daemon import events as own
from renewd.renewal.context import Context


class Lacking:
    """`held` says what each target lacked at the last look, by name."""

    def __init__(self, context: Context) -> None:
        self.held: Mapping[str, str] = {}
        self._context = context

    def able(self) -> list[Target]:
        """Targets that lack nothing now. What others lack is told when it changes; their preflights tell it once a week."""
        before, self.held = self.held, machine.held(self._context.loaded)
        for name, why in self.held.items():
            if before.get(name) != why:
                self._context.emit(own.Held(name=name, why=why))
        for name in before.keys() - self.held.keys():
            self._context.emit(own.Able(name=name))
        return [target for target in self._context.loaded.targets if target.name not in self.held]
