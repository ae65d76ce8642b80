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
from tests.world import World


def _last_used(world: World, public_id: str) -> datetime | None:
    (found,) = [one for one in administer.list_tokens(world.service) if one.public_id == public_id]
    return found.last_used_at


def _issued(world: World) -> administer.IssuedToken:
    world.account("us-cert")
    return administer.issue_token(world.service, "us-cert", [Scope.READ])


def test_a_use_is_noted_and_written_later(world: World) -> None:
    issued = _issued(world)
    now = authenticate.authenticate(world.service, None, issued.token).at
    assert _last_used(world, issued.public_id) is None
    world.service.uses.write(world.service.store)
    assert _last_used(world, issued.public_id) == now


def test_who_is_refused_has_used_nothing(world: World) -> None:
    issued = _issued(world)
    for member, secret in ((None, f"{issued.public_id}.{'A' * 43}"), ("kr-cert", issued.token), (None, "x")):
        with pytest.raises(Unauthenticated):
            authenticate.authenticate(world.service, member, secret)
    administer.revoke_token(world.service, issued.public_id)
    with pytest.raises(Unauthenticated) as refusal:
        authenticate.authenticate(world.service, None, issued.token)
    world.service.uses.write(world.service.store)
    assert _last_used(world, issued.public_id) is None
    assert f"token {issued.public_id} of us-cert was revoked" in refusal.value.cause
    assert str(refusal.value) == authenticate.REFUSAL


def test_the_operator_is_told_of_a_member_that_is_suspended_and_of_a_token_that_has_expired(
    world: World,
) -> None:
    issued = _issued(world)
    administer.suspend_member(world.service, "us-cert")
    with pytest.raises(Unauthenticated) as refusal:
        authenticate.authenticate(world.service, None, issued.token)
    assert refusal.value.cause == "member us-cert is suspended"
    administer.resume_member(world.service, "us-cert")
    world.clock.wait(days=administer.TOKEN_DAYS)
    with pytest.raises(Unauthenticated) as refusal:
        authenticate.authenticate(world.service, None, issued.token)
    assert f"token {issued.public_id} of us-cert has expired, " in refusal.value.cause


def test_many_tokens_take_few_statements_and_an_earlier_use_changes_nothing(world: World) -> None:
    world.account("us-cert")
    with world.service.store.write() as connection:
        now = world.service.store.now(connection)
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
    uses.write(world.service.store)
    earlier.write(world.service.store)
    with world.service.store.read() as connection:
        found = connection.execute(select(token.c.last_used_at).where(token.c.public_id.like("many%")))
        assert set(found.scalars()) == {int(now.timestamp() * 1_000_000)}


def test_what_could_not_be_written_is_written_next_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = _issued(world)
    authenticate.authenticate(world.service, None, issued.token)
    seen = []

    @contextmanager
    def away(_store: Store) -> Iterator[Any]:
        world.clock.wait(seconds=7)
        seen.append(authenticate.authenticate(world.service, None, issued.token).at)  # meanwhile
        raise Unavailable("away")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(Store, "count", away)
        with pytest.raises(Unavailable):
            world.service.uses.write(world.service.store)
    world.service.uses.write(world.service.store)
    assert [_last_used(world, issued.public_id)] == seen


def test_a_token_that_was_forgotten_meanwhile_is_no_trouble(world: World) -> None:
    issued = _issued(world)
    authenticate.authenticate(world.service, None, issued.token)
    administer.revoke_token(world.service, issued.public_id)
    world.clock.wait(days=91)
    prune.prune(world.service)
    world.service.uses.write(world.service.store)


def test_a_closed_hub_writes_them_too(world: World) -> None:
    issued = _issued(world)
    authenticate.authenticate(world.service, None, issued.token)
    with world.service.store.write() as connection:
        connection.execute(update(hub_state).values(closed_at=1))
    world.service.uses.write(world.service.store)
    assert _last_used(world, issued.public_id) is not None
    restore.open_again(world.service)


def test_nobody_waits_for_who_writes_them_and_two_who_write_do_not_wait_crosswise(world: World) -> None:
    issued = [_issued(world) for _ in range(3)]
    now = authenticate.authenticate(world.service, None, issued[0].token).at
    first, second = Uses(), Uses()
    for one in issued:
        first.note(one.public_id, now)
    for one in reversed(issued):
        second.note(one.public_id, now)
    if world.service.store.is_sqlite:
        return  # one writer at a time, and readers beside it
    with world.service.store.write() as connection:
        members.note_uses(connection, {issued[0].public_id: now})
        connection.execute(text("SELECT 1"))
        authenticate.authenticate(world.service, None, issued[0].token)  # reads beside it
        threads = [Thread(target=uses.write, args=(world.service.store,)) for uses in (first, second)]
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join()
    assert {_last_used(world, one.public_id) for one in issued} == {now}


# --- what to look after -------------------------------------------------------------------------


def _cautions(world: World, public_id: str) -> list[str]:
    return [one for one in upkeep.token_cautions(world.service) if public_id in one]


def test_a_token_ends_after_a_year_and_its_end_is_told_a_month_before(world: World) -> None:
    issued = _issued(world)
    (stored,) = [one for one in administer.list_tokens(world.service) if one.public_id == issued.public_id]
    assert issued.expires == stored.expires_at == stored.created_at + timedelta(days=365)
    world.clock.wait(days=334)
    world.service.uses.note(issued.public_id, stored.created_at + timedelta(days=334))
    world.service.uses.write(world.service.store)
    assert _cautions(world, issued.public_id) == []
    world.clock.wait(days=1)
    (sentence,) = _cautions(world, issued.public_id)
    assert f"token {issued.public_id} of us-cert expires " in sentence
    world.clock.wait(days=30)
    assert _cautions(world, issued.public_id) == []


def test_a_token_that_never_ends_and_one_that_nobody_uses_are_told(world: World) -> None:
    issued = _issued(world)
    with world.service.store.write() as connection:  # as tokens were until now
        connection.execute(update(token).where(token.c.public_id == issued.public_id).values(expires_at=None))
    (sentence,) = _cautions(world, issued.public_id)
    assert "never expires" in sentence
    world.clock.wait(days=90)
    _, sentence = _cautions(world, issued.public_id)
    assert (
        f"is not used (no use is on record): if nobody needs it, `hub token revoke {issued.public_id}`"
        in (sentence)
    )
    authenticate.authenticate(world.service, None, issued.token)
    world.service.uses.write(world.service.store)
    assert len(_cautions(world, issued.public_id)) == 1
    administer.revoke_token(world.service, issued.public_id)
    assert _cautions(world, issued.public_id) == []
