"""Attempts, steps and leases."""  # noqa: INP001

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    """The schema of the first release."""
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("outcome", sa.String(16)),
        sa.Column("started_at", _moment, nullable=False),
        sa.Column("changed_at", _moment, nullable=False),
        sa.Column("ended_at", _moment),
        sa.Column("issuer", sa.Text),
        sa.Column("order_uri", sa.Text),
        sa.Column("ordered_at", _moment),
        sa.Column("finalize_sent_at", _moment),
        sa.Column("finalizes", sa.Integer, nullable=False),
        sa.Column("version", sa.Text),
        sa.Column("previous", sa.Text),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("next_try_at", _moment),
        sa.Column("failure", sa.JSON),
        sa.Column("owed", sa.Text, nullable=False),
        sa.Column("tokens", sa.JSON, nullable=False),
        sa.Column("snapshot", sa.JSON, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_attempts_identity", "attempts", ["identity", "id"])
    op.create_index("ix_attempts_outcome", "attempts", ["outcome"])
    op.create_table(
        "steps",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("attempt", sa.Integer, sa.ForeignKey("attempts.id", ondelete="CASCADE"), nullable=False),
        sa.Column("at", _moment, nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
    )
    op.create_index("ix_steps_attempt", "steps", ["attempt"])
    op.create_index("ix_steps_event", "steps", ["event", "at"])
    op.create_table(
        "leases",
        sa.Column("identity", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("expires_at", _moment),
    )
