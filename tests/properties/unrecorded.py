"""Polls that leave no trace: what somebody would be served now, without being on record as disclosed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from hub.store.database.connection import Connection, Store

_record = Store.record


@contextmanager
def _undone(store: Store) -> Iterator[Connection]:
    with _record(store) as connection:
        record = connection.begin_nested()
        yield connection
        record.rollback()


@contextmanager
def unrecorded() -> Iterator[None]:
    """Let no page that is asked for meanwhile be recorded."""
    with patch.object(Store, "record", _undone), patch.object(Store, "record_alone", lambda *_: None):
        yield
