"""The entry point of Alembic: migrations run on the connection of the store."""

from alembic import context

from hub.store.schema.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
