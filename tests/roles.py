"""Roles of PostgreSQL whose defaults are others than the server's, as operators may have set them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from tests import postgres

Settings = Mapping[str, str]

# What a transaction must not go by: each alone would break a promise of the hub's.
STRICT: Settings = {
    "default_transaction_isolation": "serializable",
    "default_transaction_read_only": "on",
    "synchronous_commit": "off",
    "client_min_messages": "error",
}
LAX: Settings = {
    "default_transaction_isolation": "repeatable read",
    "default_transaction_read_only": "on",
    "synchronous_commit": "remote_apply",
    "client_min_messages": "error",
}
_PASSWORD = "between-tests"


@contextmanager
def with_defaults(url: str, settings: Settings) -> Iterator[str]:
    """The URL of the same database for an ordinary role with these defaults, which owns nothing there."""
    made = make_url(url)
    name = f"plain_{made.database}"
    role = sql.Identifier(name)
    grants = [
        sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(_PASSWORD)),
        sql.SQL("GRANT ALL ON SCHEMA public TO {}").format(role),
        sql.SQL("GRANT ALL ON ALL TABLES IN SCHEMA public TO {}").format(role),
        sql.SQL("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {}").format(role),
        *(
            sql.SQL("ALTER ROLE {} SET {} = {}").format(role, sql.Identifier(key), sql.Literal(value))
            for key, value in settings.items()
        ),
    ]
    _execute(url, *grants)
    try:
        yield made.set(username=name, password=_PASSWORD).render_as_string(hide_password=False)
    finally:
        drops = [sql.SQL("REASSIGN OWNED BY {} TO CURRENT_USER"), sql.SQL("DROP OWNED BY {}")]
        _execute(url, *(drop.format(role) for drop in (*drops, sql.SQL("DROP ROLE {}"))))


def _execute(url: str, *statements: sql.Composed) -> None:
    with psycopg.connect(postgres.conninfo(url)) as connection:
        for statement in statements:
            connection.execute(statement)
