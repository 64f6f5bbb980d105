"""What Alembic runs to migrate: within the transaction it was handed, so that an upgrade is whole or not at all."""  # noqa: INP001

from alembic import context

from renewd.journal import schema

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.metadata,
    render_as_batch=True,  # SQLite changes a column by making its table anew
)
context.run_migrations()
