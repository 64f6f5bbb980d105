"""Upgrading an older schema; the only place that imports Alembic."""

import os

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

FOLDER = os.path.join(os.path.dirname(__file__), "migrations")


def settings(connection: Connection | None = None) -> Config:
    """Alembic's configuration; without a connection it serves to look at the scripts."""
    config = Config()
    config.set_main_option("script_location", FOLDER.replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection) -> None:
    """Bring the tables to the newest schema, within the connection's transaction."""
    command.upgrade(settings(connection), "head")
