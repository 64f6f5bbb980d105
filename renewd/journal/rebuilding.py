"""A journal that is begun anew is told what the version stores still know, so that limits and debts outlive the old one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from renewd.journal import rows, spent
from renewd.journal.attempt import ABANDONED, OWED, Attempt, Failure, State
from renewd.journal.connected import Connected
from renewd.journal.schema import attempts, steps

LOST = Failure(
    "journal",
    "JournalLost",
    "the journal was lost, and with it what was owed",
    "renewd does it all once more by itself",
)


@dataclass(frozen=True, slots=True)
class Remnant:
    """A version that renewd once accepted for a target."""

    identity: str
    name: str
    version: str
    issuer: str | None
    order_uri: str | None
    created_at: datetime
    owed: tuple[str, ...] = ()  # of the live one, what may be owed for it


class Rebuilding(Connected):
    """For one transaction after a journal was made."""

    @property
    def is_blank(self) -> bool:
        """Whether nothing was ever tried by this host, as far as the journal knows."""
        with self._database.read() as connection:
            return self._blank(connection)

    def rebuild(self, remnants: Sequence[Remnant]) -> None:
        """Note what was issued lately and what may be owed, if nobody did so since; all of it or nothing."""
        with self._database.write() as connection:
            if self._blank(connection):
                for one in remnants:
                    self._note(connection, one)

    def _blank(self, connection: Connection) -> bool:
        mine = select(attempts.c.id).where(attempts.c.host == self._database.host).limit(1)
        return connection.scalar(mine) is None

    def _note(self, connection: Connection, one: Remnant) -> None:
        now = self._clock.now()
        made = Attempt(
            0,
            one.identity,
            one.name,
            "deploy",
            State.DONE,
            OWED if one.owed else ABANDONED,
            started_at=now,
            changed_at=now,
            ended_at=now,
            issuer=one.issuer,
            order_uri=one.order_uri,
            version=one.version,
            failure=LOST if one.owed else None,
            owed=one.owed,
            host=self._database.host,
        )
        columns = {key: getattr(made, key) for key in rows.FIELDS if key != "id"}
        number = connection.execute(insert(attempts).values(rows.values(columns))).inserted_primary_key
        told = {"order_uri": one.order_uri, "issued_at": one.created_at, "version": one.version}
        event = spent.SEEN if one.order_uri else "journal.rebuilt"
        step = {"attempt": number and number[0], "at": now, "event": event, "facts": rows.told(told)}
        connection.execute(insert(steps).values(**step))
