"""Leases: one process at a time works on a target, and a late one cannot write what a newer one took over."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from renewd.clock import Clock
from renewd.errors import Busy, Fenced, StateUnusable
from renewd.journal.connected import Connected
from renewd.journal.database import Database
from renewd.journal.holder import Holder
from renewd.journal.keeper import Keeper
from renewd.journal.schema import Moment, leases

TTL = timedelta(minutes=15)  # longer than a finalize (10 min) and a look at the clock

# Made once: making them takes as long as running them.
_ONE = select(leases).where(leases.c.identity == bindparam("of")).with_for_update()
_CHANGE = update(leases).where(leases.c.identity == bindparam("of"))
_CHANGE_OWN = _CHANGE.where(leases.c.fence == bindparam("under"))
_CHANGE_HELD = _CHANGE_OWN.where(leases.c.holder.is_not(None))


class Leases(Connected):
    """Taking, keeping and giving back the right to work on a target."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(database, clock)
        self._keeper = Keeper(clock, self.renew, self._give_back)

    def take(self, identity: str, holder: str | None = None) -> int:
        """The fence under which the target may now be worked on; it grows with every taking.

        `holder` is this process unless said otherwise; its lease is kept until it is released. Raises Busy, with who
        holds it, while another one does.
        """
        ours = holder is None
        holder = holder or str(Holder.here())
        with self._database.write() as connection:
            now = self._lease_clock(connection)
            found = locked(connection, identity)
            if found.holder is not None:
                _insist(found.holder, found.expires_at - now, same_machine=self._database.local)
            fence: int = found.fence + 1
            connection.execute(
                _CHANGE, {"of": identity, "holder": holder, "fence": fence, "expires_at": now + TTL}
            )
        if ours:
            self._keeper.hold(identity, fence)
        return fence

    def renew(self, identity: str, fence: int) -> None:
        """Keep a lease for its full time from now. Raises Fenced if another one has taken it."""
        with self._database.write() as connection:
            until = self._lease_clock(connection) + TTL
            kept = connection.execute(_CHANGE_HELD, {"of": identity, "under": fence, "expires_at": until})
            if kept.rowcount != 1:
                raise Fenced(f"the lease on {identity} is no longer this process's")

    def release(self, identity: str, fence: int) -> None:
        """Give a lease back; one that another has taken since stays theirs.

        Where the database cannot be reached it is given back later: nobody waits for that.
        """
        self._keeper.drop(identity, fence)
        try:
            self._give_back(identity, fence)
        except StateUnusable:
            self._keeper.owe(identity, fence)

    def _give_back(self, identity: str, fence: int) -> None:
        with self._database.write() as connection:
            connection.execute(
                _CHANGE_OWN, {"of": identity, "under": fence, "holder": None, "expires_at": None}
            )

    def _lease_clock(self, connection: Connection) -> datetime:
        """The present as everybody who shares the database sees it; a file is shared on one machine only."""
        if self._database.local:
            return self._clock.now()
        now: datetime = connection.execute(select(func.clock_timestamp(type_=Moment))).scalar_one()
        return now


def locked(connection: Connection, identity: str) -> Any:
    """The row of what is leased, locked where rows can be; made first if this is its first time."""
    found = connection.execute(_ONE, {"of": identity}).one_or_none()
    if found is not None:
        return found
    with (
        suppress(IntegrityError),
        connection.begin_nested(),
    ):  # another machine may make it at the same moment
        connection.execute(insert(leases).values(identity=identity, fence=0))
    return connection.execute(_ONE, {"of": identity}).one()


def _insist(text: str, left: timedelta, *, same_machine: bool) -> None:
    """The lease that `text` holds may be taken over. Raises Busy if it may not."""
    if left <= timedelta():
        return
    try:
        holder = Holder.parse(text)
    except ValueError:  # an older or a newer renewd's way to write it
        raise Busy(f"another renewd works on it ({text})", retry_after=left) from None
    if holder.is_gone(same_machine=same_machine):
        return
    near = holder.is_near()
    where = "" if near else f" on {holder.host}"
    raise Busy(
        f"another renewd works on it: process {holder.pid}{where}",
        pid=holder.pid if near else 0,
        retry_after=left,
    )
