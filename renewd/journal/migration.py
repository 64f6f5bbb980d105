"""Upgrading an older schema; the only place that imports Alembic."""

import os

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from renewd.errors import StateUnusable

FOLDER = os.path.join(os.path.dirname(__file__), "migrations")


def settings(connection: Connection | None = None) -> Config:
    """Alembic's configuration; without a connection it serves to look at the scripts."""
    config = Config()
    config.set_main_option("script_location", FOLDER.replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection, what: str) -> None:
    """Bring the tables to the newest schema, within the connection's transaction.

    Raises StateUnusable if `what`, the database, has a schema that never was.
    """
    try:
        command.upgrade(settings(connection), "head")
    except CommandError as error:
        raise StateUnusable(f"{what} has a schema that renewd never had: {error}") from error
