"""The schema by its revisions: which this version knows, which a database has, and how to bring it to one."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from alembic.command import upgrade
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

NEWEST: Final = "head"


def of(connection: Connection) -> tuple[str, ...]:
    """Return the revisions of this database, of which there is one; none: it has no tables yet."""
    return MigrationContext.configure(connection).get_current_heads()


@cache
def newest() -> frozenset[str]:
    """Return the revision that this version brings: read once, for `/readyz` asks all the time."""
    return frozenset(ScriptDirectory.from_config(_alembic()).get_heads())


@cache
def known() -> frozenset[str]:
    """Return every revision from which this version can migrate, its own included."""
    script = ScriptDirectory.from_config(_alembic())
    return frozenset(revision.revision for revision in script.walk_revisions())


def migrate(connection: Connection, revision: str = NEWEST) -> None:
    """Bring the database to this revision, in the transaction of the caller."""
    config = _alembic()
    config.attributes["connection"] = connection
    upgrade(config, revision)


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
