"""Records written by commands of one's own, which are told what to write in environment variables."""

from collections.abc import Callable, Mapping, Sequence
from threading import Event
from typing import Protocol

from renewd.challenges.dns01 import Record
from renewd.config.model import Command
from renewd.config.proving import DnsCommands
from renewd.config.targets import HookCommand, fill
from renewd.errors import ChallengeFailed

_SHOWN = 2000  # characters of a command's output


class Ran(Protocol):
    """How a command ended: `why` is empty if it went well."""

    @property
    def ok(self) -> bool: ...  # noqa: D102
    @property
    def why(self) -> str: ...  # noqa: D102
    @property
    def output(self) -> str: ...  # noqa: D102


Run = Callable[[HookCommand, Mapping[str, str], Event], Ran]


class CommandRecords:
    """Runs `present` and `cleanup` once a value, one after the other."""

    def __init__(self, settings: DnsCommands, run: Run, stop: Event) -> None:
        self._settings = settings
        self._run = run
        self._stop = stop

    def write(self, records: Sequence[Record]) -> None:
        """Run `present` for each. Raises ChallengeFailed with what it said if one fails."""
        for record in records:
            self._each("present", self._settings.present, record)

    def erase(self, records: Sequence[Record]) -> None:
        """Run `cleanup` for each, to the last; the first failure is told."""
        failed: ChallengeFailed | None = None
        for record in records:
            try:
                self._each("cleanup", self._settings.cleanup, record)
            except ChallengeFailed as error:
                failed = failed or error
        if failed is not None:
            raise failed

    def _each(self, key: str, commands: Sequence[Command], record: Record) -> None:
        for command in commands:
            filled = fill(command, variables(record)["RENEWD_CHALLENGE_DOMAIN"])
            ran = self._run(filled, variables(record), self._stop)
            if not ran.ok:
                said = ran.output.strip()[-_SHOWN:]
                raise ChallengeFailed(
                    f"`{filled.line}` {ran.why}" + (f": {said}" if said else ""),
                    remedy=f"challenge.{key} must end with 0 for {record.name}; run it by hand with the variables that are documented.",
                )


def variables(record: Record) -> dict[str, str]:
    """What a command is told: renewd's own words and certbot's, whose hooks run as they are."""
    domain = record.token.domain.removeprefix("*.")
    return {
        "RENEWD_CHALLENGE_DOMAIN": domain,
        "RENEWD_CHALLENGE_NAME": record.name,
        "RENEWD_CHALLENGE_VALUE": record.value,
        "CERTBOT_DOMAIN": domain,
        "CERTBOT_VALIDATION": record.value,
    }
