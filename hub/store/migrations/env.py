"""Alembic's door: migrations run on the connection that the store hands over."""

from alembic import context

from hub.store.schema.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
