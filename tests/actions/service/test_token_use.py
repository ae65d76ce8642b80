"""The last use of a token: noted by who authenticates, written by each worker's chores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import select, text, update

from hub.actions.access import authenticate
from hub.actions.operation import (
    administer,
    prune,
    restore,
    upkeep,
)
from hub.actions.service.token_use import Uses
from hub.errors import Unauthenticated, Unavailable
from hub.model import Scope
from hub.store.database.connection import Store
from hub.store.members import members
from hub.store.schema.tables import hub_state, token
from tests.actions.hubs import Hub


def _last_used(hub: Hub, public_id: str) -> datetime | None:
    (found,) = [one for one in administer.list_tokens(hub.service) if one.public_id == public_id]
    return found.last_used_at


def _issued(hub: Hub) -> administer.IssuedToken:
    hub.account("us-cert")
    return administer.issue_token(hub.service, "us-cert", [Scope.READ])


def test_a_use_is_noted_and_written_later(hub: Hub) -> None:
    issued = _issued(hub)
    now = authenticate.authenticate(hub.service, None, issued.token).at
    assert _last_used(hub, issued.public_id) is None
    hub.service.uses.write(hub.service.store)
    assert _last_used(hub, issued.public_id) == now


def test_who_is_refused_has_used_nothing(hub: Hub) -> None:
    issued = _issued(hub)
    for member, secret in ((None, f"{issued.public_id}.{'A' * 43}"), ("kr-cert", issued.token), (None, "x")):
        with pytest.raises(Unauthenticated):
            authenticate.authenticate(hub.service, member, secret)
    administer.revoke_token(hub.service, issued.public_id)
    with pytest.raises(Unauthenticated) as refusal:
        authenticate.authenticate(hub.service, None, issued.token)
    hub.service.uses.write(hub.service.store)
    assert _last_used(hub, issued.public_id) is None
    assert f"token {issued.public_id} of us-cert was revoked" in refusal.value.cause
    assert str(refusal.value) == authenticate.REFUSAL


def test_the_operator_is_told_of_a_member_that_is_suspended_and_of_a_token_that_has_expired(hub: Hub) -> None:
    issued = _issued(hub)
    administer.suspend_member(hub.service, "us-cert")
    with pytest.raises(Unauthenticated) as refusal:
        authenticate.authenticate(hub.service, None, issued.token)
    assert refusal.value.cause == "member us-cert is suspended"
    administer.resume_member(hub.service, "us-cert")
    hub.clock.forward(days=administer.TOKEN_DAYS)
    with pytest.raises(Unauthenticated) as refusal:
        authenticate.authenticate(hub.service, None, issued.token)
    assert f"token {issued.public_id} of us-cert has expired, " in refusal.value.cause


def test_many_tokens_take_few_statements_and_an_earlier_use_changes_nothing(hub: Hub) -> None:
    hub.account("us-cert")
    with hub.service.store.write() as connection:
        now = hub.service.store.now(connection)
        (model,) = [one for one in members.tokens(connection) if one.member == "us-cert"]
        rows = [
            {"public_id": f"many{n:06}", "member": "us-cert", "digest": model.digest, "scopes": "read"}
            for n in range(1_200)
        ]
        connection.execute(token.insert(), [{**row, "created_at": 1} for row in rows])
    uses, earlier = Uses(), Uses()
    for row in rows:
        uses.note(str(row["public_id"]), now)
        earlier.note(str(row["public_id"]), now - timedelta(days=1))
    uses.write(hub.service.store)
    earlier.write(hub.service.store)
    with hub.service.store.read() as connection:
        found = connection.execute(select(token.c.last_used_at).where(token.c.public_id.like("many%")))
        assert set(found.scalars()) == {int(now.timestamp() * 1_000_000)}


def test_what_could_not_be_written_is_written_next_time(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    issued = _issued(hub)
    authenticate.authenticate(hub.service, None, issued.token)
    seen = []

    @contextmanager
    def away(_store: Store) -> Iterator[Any]:
        hub.clock.forward(seconds=7)
        seen.append(authenticate.authenticate(hub.service, None, issued.token).at)  # meanwhile
        raise Unavailable("away")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(Store, "count", away)
        with pytest.raises(Unavailable):
            hub.service.uses.write(hub.service.store)
    hub.service.uses.write(hub.service.store)
    assert [_last_used(hub, issued.public_id)] == seen


def test_a_token_that_was_forgotten_meanwhile_is_no_trouble(hub: Hub) -> None:
    issued = _issued(hub)
    authenticate.authenticate(hub.service, None, issued.token)
    administer.revoke_token(hub.service, issued.public_id)
    hub.clock.forward(days=91)
    prune.prune(hub.service)
    hub.service.uses.write(hub.service.store)


def test_a_closed_hub_writes_them_too(hub: Hub) -> None:
    issued = _issued(hub)
    authenticate.authenticate(hub.service, None, issued.token)
    with hub.service.store.write() as connection:
        connection.execute(update(hub_state).values(closed_at=1))
    hub.service.uses.write(hub.service.store)
    assert _last_used(hub, issued.public_id) is not None
    restore.open_again(hub.service)


def test_nobody_waits_for_who_writes_them_and_two_who_write_do_not_wait_crosswise(hub: Hub) -> None:
    issued = [_issued(hub) for _ in range(3)]
    now = authenticate.authenticate(hub.service, None, issued[0].token).at
    first, second = Uses(), Uses()
    for one in issued:
        first.note(one.public_id, now)
    for one in reversed(issued):
        second.note(one.public_id, now)
    if hub.service.store.is_sqlite:
        return  # one writer at a time, and readers beside it
    with hub.service.store.write() as connection:
        members.note_uses(connection, {issued[0].public_id: now})
        connection.execute(text("SELECT 1"))
        authenticate.authenticate(hub.service, None, issued[0].token)  # reads beside it
        threads = [Thread(target=uses.write, args=(hub.service.store,)) for uses in (first, second)]
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join()
    assert {_last_used(hub, one.public_id) for one in issued} == {now}


# --- what to look after -------------------------------------------------------------------------


def _cautions(hub: Hub, public_id: str) -> list[str]:
    return [one for one in upkeep.token_cautions(hub.service) if public_id in one]


def test_a_token_ends_after_a_year_and_its_end_is_told_a_month_before(hub: Hub) -> None:
    issued = _issued(hub)
    (stored,) = [one for one in administer.list_tokens(hub.service) if one.public_id == issued.public_id]
    assert issued.expires == stored.expires_at == stored.created_at + timedelta(days=365)
    hub.clock.forward(days=334)
    hub.service.uses.note(issued.public_id, stored.created_at + timedelta(days=334))
    hub.service.uses.write(hub.service.store)
    assert _cautions(hub, issued.public_id) == []
    hub.clock.forward(days=1)
    (sentence,) = _cautions(hub, issued.public_id)
    assert f"token {issued.public_id} of us-cert expires " in sentence
    hub.clock.forward(days=30)
    assert _cautions(hub, issued.public_id) == []


def test_a_token_that_never_ends_and_one_that_nobody_uses_are_told(hub: Hub) -> None:
    issued = _issued(hub)
    with hub.service.store.write() as connection:  # as tokens were until now
        connection.execute(update(token).where(token.c.public_id == issued.public_id).values(expires_at=None))
    (sentence,) = _cautions(hub, issued.public_id)
    assert "never expires" in sentence
    hub.clock.forward(days=90)
    _, sentence = _cautions(hub, issued.public_id)
    assert (
        f"is not used (no use is on record): if nobody needs it, `hub token revoke {issued.public_id}`"
        in (sentence)
    )
    authenticate.authenticate(hub.service, None, issued.token)
    hub.service.uses.write(hub.service.store)
    assert len(_cautions(hub, issued.public_id)) == 1
    administer.revoke_token(hub.service, issued.public_id)
    assert _cautions(hub, issued.public_id) == []
