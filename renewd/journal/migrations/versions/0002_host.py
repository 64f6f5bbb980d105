"""Which host an attempt is on, where several share the database: what goes live goes live there."""  # noqa: INP001

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Attempts of before are of the one host there was."""
    op.add_column("attempts", sa.Column("host", sa.String(32), server_default="", nullable=False))
