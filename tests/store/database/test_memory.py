"""What a process remembers of an epoch is not taken for what the next one has."""

from __future__ import annotations

from datetime import UTC, datetime

from hub.model import NationCode
from hub.store.database.connection import Store
from hub.store.ledger.ledgers import open_ledgers

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KR = NationCode("KR")


def test_a_page_that_ends_after_its_epoch_has_no_position_in_the_next(database_url: str) -> None:
    """Its position is of rows that the next epoch never had: nothing of that one is lost."""
    store = Store.open(database_url)
    store.migrate()
    with store.write() as connection:
        open_ledgers(connection, [KR])
    store.memory.note_state(None, None, "before")
    with store.read() as connection:
        assert store.memory.epoch != "before"
        store.memory.note_page(KR, 7, NOW, "before")
        assert store.memory.lost(connection, NOW) == []
    assert store.memory.last_served == NOW
    store.close()
