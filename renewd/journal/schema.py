"""The tables. History, status, budget, back-off and debts are queries on them, never tables of their own.

A change here needs a new file in migrations/versions and a new HEAD; a test compares the two ways to a schema.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
)

HEAD = "0002"  # the newest file in migrations/versions


class Moment(TypeDecorator[datetime]):
    """An aware time, kept in UTC; SQLite keeps no zone, so there it is left out and put back. Naive ones are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """What is stored."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without its zone was to be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, _dialect: Dialect) -> datetime | None:
        """What was stored, aware again."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


metadata = MetaData()

attempts = Table(
    "attempts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("identity", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("outcome", String(16)),
    Column("started_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("issuer", Text),
    Column("order_uri", Text),
    Column("ordered_at", Moment),
    Column("finalize_sent_at", Moment),
    Column("finalizes", Integer, nullable=False),
    Column("version", Text),
    Column("previous", Text),
    Column("fence", BigInteger, nullable=False),
    Column("next_try_at", Moment),
    Column("failure", JSON(none_as_null=True)),
    Column("owed", Text, nullable=False),  # comma-separated, so that "nothing" is the same text everywhere
    Column("tokens", JSON, nullable=False),
    Column("snapshot", JSON, nullable=False),
    Column("host", String(32), server_default="", nullable=False),  # empty where there is only one
    Index("ix_attempts_identity", "identity", "id"),
    Index("ix_attempts_outcome", "outcome"),
    sqlite_autoincrement=True,  # a number is never used twice, not even after `forget`
)

steps = Table(
    "steps",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("attempt", Integer, ForeignKey("attempts.id", ondelete="CASCADE"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("event", String(64), nullable=False),
    Column("facts", JSON, nullable=False),
    Index("ix_steps_attempt", "attempt"),
    Index("ix_steps_event", "event", "at"),  # budgets count events in a span of time
)

leases = Table(
    "leases",
    metadata,
    Column("identity", Text, primary_key=True),
    Column("holder", Text),  # NULL: free; the row stays, for its fence may only grow
    Column("fence", BigInteger, nullable=False),
    Column("expires_at", Moment),
)

revision = Table(  # Alembic's own; made here too, so that a fresh file needs no Alembic
    "alembic_version",
    metadata,
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
