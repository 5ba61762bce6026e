"""Alembic's entry. Run by `newsletter.database.schema`, which hands over the connection; never from a command line."""

from alembic import context

from newsletter.database.types import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
