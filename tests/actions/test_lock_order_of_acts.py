"""Each kind of act takes its locks in the order of all locks, and takes those that it should.

That the order is kept fails whichever test violates it (tests/lock_order.py); here none is left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import update

from hub.actions.access import accept
from hub.actions.access.rate_limits import RateLimits
from hub.actions.agreement import recover
from hub.actions.operation import (
    administer,
    prune,
    readiness,
    work,
)
from hub.actions.operation.initialise import initialise
from hub.actions.oversight import recall
from hub.actions.service.service import Secrets, Service
from hub.model import Kind, Limits, NationCode, Purpose
from hub.proofs import documents, keys
from hub.store.database import epochs
from hub.store.database.connection import Store
from hub.store.members import members
from hub.store.members.members import UsedNonce
from hub.store.schema.tables import hub_state
from tests.kept import KeptDatabase
from tests.lock_order import RECORDER, Rank
from tests.stix_objects import sdo, stix_id
from tests.world import World, build, clause, key_of, paged, registry

_SECRETS = Secrets(bytes(32), bytes(32))
_N, _T, _G, _H, _O, _L, _R = Rank
_GOVERNS = frozenset({_N, _G, _H, _R})
_TAKES = frozenset({_G, _H, _R})
_WRITES = frozenset({_N, _T, _G, _O, _L, _R})


class PreparedHub:
    """A hub that has an agreement in force and one that waits, an object that was fetched, and more."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.service = world.service
        self.clause = clause("US", "KR", "amber")
        self.agreed = world.agree(["US", "KR"], self.clause)
        self.proposed = world.agree(["US", "KR"], self.clause, signers=[])
        self.half_signed = world.agree(["US", "KR"], self.clause, signers=["US"])
        self.suspended = world.suspend(world.agree(["US", "KR"], self.clause), "US")
        self.amendment = world.agree(
            *(["US", "KR"], clause("US", "KR", "green")), signers=["US"], supersedes=self.agreed["id"]
        )
        world.push("us-agency", sdo("indicator", 1, tlp="green"))
        work.work(self.service)
        assert world.ids("kr-cert") >= {stix_id("indicator", 1)}

    def wait(self, seconds: float = 1) -> None:
        self.world.clock.wait(seconds)

    # --- acts -------------------------------------------------------------------------------------

    def submit(self) -> None:
        self.world.push("us-agency", sdo("indicator", 2, tlp="green"), sdo("malware", 3, tlp="amber"))

    def submit_again(self) -> None:
        self.world.push("us-agency", sdo("indicator", 1, version=2, tlp="amber"))

    def delete(self) -> None:
        self.world.delete("us-agency", stix_id("indicator", 1))

    def propose(self) -> None:
        self.world.agree(["US", "KR"], self.clause, signers=[])

    def sign(self) -> None:
        self.world.sign(self.half_signed, "KR")

    def sign_amendment(self) -> None:
        self.world.sign(self.amendment, "KR")

    def suspend(self) -> None:
        self.world.suspend(self.agreed, "KR")

    def resume(self) -> None:
        self.world.resume(self.suspended, "US")

    def terminate(self) -> None:
        self.world.terminate(self.agreed, "KR")

    def history(self) -> None:
        self.world.agree(["US", "KR"], clause("US", "KR", "amber", history=True))
        self.wait()
        with RECORDER.watch() as taken:
            work.append_due(self.service, float("inf"))
        assert taken == {_T, _G, _O, _L, _R}

    def recall(self) -> None:
        self.delete()
        with RECORDER.watch() as taken:
            assert recall.notify(self.service, float("inf")) > 0
        assert taken == {_L, _R}

    def work(self) -> None:
        self.world.terminate(self.agreed, "US")
        self.wait(2 * 86_400)
        with RECORDER.watch() as taken:
            assert work.work(self.service).withdrawn > 0
        assert taken >= {_N, _L, _R}

    def prune(self) -> None:
        self.wait(86_400)
        prune.prune(self.service)

    def issue_token(self) -> None:
        administer.issue_token(self.service, "us-cert", self.world.callers["us-cert"].scopes)

    def suspend_member(self) -> None:
        administer.suspend_member(self.service, "us-agency")

    def resume_member(self) -> None:
        administer.resume_member(self.service, "us-agency")

    def revoke_token(self) -> None:
        administer.revoke_token(self.service, self.world.callers["us-agency"].token)

    def register_key(self) -> None:
        administer.register_key(self.service, "us-agency", _public(keys.generate("ed25519")), Purpose.SUBMIT)

    def revoke_key(self) -> None:
        thumbprint = key_of("us-agency", Purpose.SUBMIT).public.thumbprint
        administer.revoke_key(self.service, thumbprint, "lost")

    def recover(self) -> None:
        new = keys.generate("p256")
        found = recover.request(self.service, "us-cert", _public(new), "lost")
        owner = next(one for one in administer.list_members(self.service) if one.id == "us-cert")
        stated = recover.statement(self.service.registry.hub_identity_id, owner, found)
        jws = documents.sign_recovery(stated, key_of("kr-cert", Purpose.AGREEMENT))
        request = self.world.governing("kr-cert", {"jws": jws})
        recover.confirm(self.service, self.world.callers["kr-cert"], request, found.thumbprint)

    def add_member(self) -> None:
        administer.add_member(self.service, "us-new", "US", Kind.AGENCY, "new")

    def register_identity(self) -> None:
        administer.register_identity(self.service, "us-agency", stix_id("identity", 77))

    def remove_identity(self) -> None:
        self.register_identity()
        administer.remove_identity(self.service, "us-agency", stix_id("identity", 77))

    def alias_member(self) -> None:
        administer.alias_member(self.service, "us-agency", administer.OtherNames(["short"], ["us.example"]))

    def initialise(self) -> None:
        initialise(self.service)

    def allowance(self) -> None:
        limited = replace(self.service, limits=Limits(requests_per_minute=60))
        RateLimits(limited).admit(self.world.callers["us-cert"])

    def page(self) -> None:
        # In a transaction: a page alone has the same statement, where SQLAlchemy's listeners do not hear it.
        with patch.object(Store, "record_alone", lambda *_: None):
            assert paged.objects(self.service, self.world.query("kr-cert")).rows

    def begin_epoch(self) -> None:
        """As after a fail-over: another process finds another timeline."""
        with RECORDER.off(), self.service.store.write() as connection:
            connection.execute(update(hub_state).values(timeline="00000000"))
        self._with_a_new_process(lambda store: None)

    def open_again(self) -> None:
        self.begin_epoch()
        with self.service.store.write(when_closed=True) as connection:
            epochs.open_again(connection)

    def settle(self) -> None:
        now = self.world.clock.now
        used = UsedNonce("t" * 43, "n", now + timedelta(minutes=5), accept.new_receipt())
        with self.service.store.write(settles=True) as connection:
            members.settle_nonce(connection, used)

    def readyz(self) -> None:
        assert readiness.examine(self.service, lambda: datetime.now(UTC)).is_ready

    def _with_a_new_process(self, act: Callable[[Store], Any]) -> None:
        url = self.service.store._engine.url.render_as_string(hide_password=False)
        store = Store.open(url)
        store.clock = self.service.store.clock
        with store.read(when_closed=True):
            act(store)
        store.close()


def _public(key: keys.PrivateKey) -> bytes:
    return json.dumps(key.public.jwk).encode()


@pytest.fixture
def prepared(kept_postgresql: KeptDatabase) -> Iterator[PreparedHub]:
    world = build(
        kept_postgresql.emptied(alone=True),
        codes=("KR", "US"),
        kinds=("cert", "agency"),
        require_signature=True,
    )
    yield PreparedHub(world)
    world.close()


@pytest.mark.parametrize(
    ("act", "taken"),
    [
        (PreparedHub.submit, _WRITES),
        (PreparedHub.submit_again, _WRITES),
        (PreparedHub.delete, _WRITES),
        (PreparedHub.propose, _GOVERNS),
        (PreparedHub.sign, _GOVERNS),
        (PreparedHub.sign_amendment, frozenset(Rank)),  # what goes on is prepared in the ledgers first
        (PreparedHub.suspend, _GOVERNS),
        (PreparedHub.resume, _GOVERNS),
        (PreparedHub.terminate, _GOVERNS),
        (PreparedHub.history, frozenset(Rank)),
        (PreparedHub.recall, _WRITES),
        (PreparedHub.work, _GOVERNS | {_L}),
        (PreparedHub.prune, frozenset({_N, _R})),
        (PreparedHub.issue_token, frozenset({_R})),
        (PreparedHub.suspend_member, _TAKES),
        (PreparedHub.resume_member, _TAKES),
        (PreparedHub.revoke_token, _TAKES),
        (PreparedHub.register_key, _TAKES),
        (PreparedHub.revoke_key, _TAKES),
        (PreparedHub.recover, _GOVERNS),
        (PreparedHub.add_member, frozenset({_H, _R})),
        (PreparedHub.register_identity, frozenset({_H, _R})),
        (PreparedHub.remove_identity, frozenset({_H, _R})),
        (PreparedHub.alias_member, frozenset({_R})),
        (PreparedHub.initialise, frozenset({_G, _H, _L})),
        (PreparedHub.allowance, frozenset({_R})),
        (PreparedHub.page, frozenset({_R})),
        (PreparedHub.begin_epoch, frozenset({_H, _L})),
        (PreparedHub.open_again, frozenset({_H, _L})),
        (PreparedHub.settle, frozenset({_N})),
        (PreparedHub.readyz, frozenset({_R})),
    ],
)
def test_an_act_takes_these_locks_in_order(
    prepared: PreparedHub, act: Callable[[PreparedHub], None], taken: frozenset[Rank]
) -> None:
    prepared.wait()
    assert RECORDER.violations() == []
    with RECORDER.watch() as found:
        act(prepared)
    assert found == taken


def test_a_hub_is_initialised_in_order(postgresql_url: str) -> None:
    """With nations that it has not had before, too."""
    with RECORDER.watch() as found:
        for codes in (("AU",), ("AU", "KR", "US")):
            store = Store.open(postgresql_url)
            service = Service(store, registry(codes=codes), Limits(), _SECRETS, "", "", True)
            initialise(service, add=[NationCode(code) for code in codes])
            store.close()
    assert found == {_G, _H, _O, _L, _R}
