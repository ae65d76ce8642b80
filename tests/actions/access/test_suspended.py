"""Suspended means suspended: what is on its way is not accepted once the right to send it is gone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from hub.actions.access import authenticate
from hub.actions.agreement import agree
from hub.actions.operation import administer
from hub.actions.reading import poll
from hub.actions.release import basis
from hub.actions.submission import delete, submit
from hub.errors import HubError, Unauthenticated, Unprocessable
from hub.model import Caller, Deletion, HttpRequest, JsonObject, NationCode, Purpose, Scope, StixId
from hub.proofs import documents, keys, requests
from tests.actions.pausing import Pause
from tests.named_objects import identifier, malware
from tests.recorded import disclosures_to
from tests.world import URL, World, agreement, clause, jwk, paged

_TOKEN_DAYS = 1


class Act(NamedTuple):
    """What the US's cert has on its way, between which it is held, and what tells that it was accepted."""

    prepare: Callable[[World], Callable[[], Any]]
    module: ModuleType
    held_after: str
    purpose: Purpose


def _push(world: World) -> Callable[[], Any]:
    world.account("us-cert")
    submission = replace(world.submission("us-cert", malware("a")), caller=_caller(world))
    return lambda: submit.submit(world.service, submission)


def _delete(world: World) -> Callable[[], Any]:
    world.accepted("us-cert", malware("a"))
    id = StixId(identifier("malware", "a"))
    collection = world.service.registry.nations[NationCode("US")].collection_id
    request = HttpRequest("DELETE", f"{URL}/allied/collections/{collection}/objects/{id}/", {})
    key = world.account("us-cert").submit_key
    added = requests.sign(request, key, created=world.clock(), nonce="a-nonce-of-a-deletion")
    deletion = Deletion(_caller(world), NationCode("US"), replace(request, headers=added), id)
    return lambda: delete.delete(world.service, deletion)


def _propose(world: World) -> Callable[[], Any]:
    request = world.signed(world.account("us-cert").govern_key, "/g", agreement(clause("US", "KR")))
    return lambda: agree.propose(world.service, _caller(world), request)


def _governing(
    typ: str, signers: list[str], before: str | None = None
) -> Callable[[World], Callable[[], Any]]:
    def prepare(world: World) -> Callable[[], Any]:
        view = world.propose("us-cert", agreement(clause("US", "KR")))
        for signer in signers:
            view = world.sign(view, signer)
        if before is not None:
            jws = world.jws("us-cert", view, before, view["last_event"])
            view = world.step(getattr(agree, before), "us-cert", view["id"], jws)
        previous = None if typ == "sign" else view["last_event"]
        body = {"jws": world.jws("us-cert", view, typ, previous)}
        request = world.signed(world.account("us-cert").govern_key, "/g", body)
        return lambda: getattr(agree, typ)(world.service, _caller(world), request, view["id"])

    return prepare


_BOTH = ["us-cert", "kr-cert"]
ACTS = {
    "push": Act(_push, submit, "decide", Purpose.SUBMIT),
    "delete": Act(_delete, delete, "decide", Purpose.SUBMIT),
    "propose": Act(_propose, agree, "verify_request", Purpose.AGREEMENT),
    "sign": Act(_governing("sign", []), agree, "verify_request", Purpose.AGREEMENT),
    "suspend": Act(_governing("suspend", _BOTH), agree, "verify_request", Purpose.AGREEMENT),
    "resume": Act(_governing("resume", _BOTH, "suspend"), agree, "verify_request", Purpose.AGREEMENT),
    "terminate": Act(_governing("terminate", _BOTH), agree, "verify_request", Purpose.AGREEMENT),
}


def _caller(world: World) -> Caller:
    """The US's cert by a token of its own, made once, that expires in a day."""
    account = world.account("us-cert")
    ends = timedelta(days=_TOKEN_DAYS)
    token = next(
        (t for t in administer.list_tokens(world.service) if t.expires_at == t.created_at + ends), None
    )
    if token is None:
        issued = administer.issue_token(world.service, "us-cert", list(Scope), expires_days=_TOKEN_DAYS)
        return Caller(account.caller.member, issued.scopes, issued.public_id)
    return Caller(account.caller.member, token.scopes, token.public_id)


def _key(world: World, purpose: Purpose) -> keys.PrivateKey:
    account = world.account("us-cert")
    return account.submit_key if purpose is Purpose.SUBMIT else account.govern_key


def _succeeded(world: World, purpose: Purpose) -> None:
    if purpose is Purpose.AGREEMENT:
        new, old = keys.generate("p256"), _key(world, purpose)
        endorsement = documents.endorse(new.public.jwk, old)
        administer.register_key(world.service, "us-cert", jwk(new), purpose, endorsement)
    else:
        administer.revoke_key(world.service, _key(world, purpose).thumbprint, "lost")


ENDINGS: dict[str, Callable[[World, Purpose], Any]] = {
    "member suspended": lambda world, _: administer.suspend_member(world.service, "us-cert"),
    "token revoked": lambda world, _: administer.revoke_token(world.service, _caller(world).token),
    "token expired": lambda world, _: world.clock.wait(days=_TOKEN_DAYS),
    "key revoked": lambda world, p: administer.revoke_key(world.service, _key(world, p).thumbprint, "lost"),
    "key succeeded": _succeeded,
    "signature expired": lambda world, _: world.clock.wait(seconds=400),
}


def _state(world: World) -> JsonObject:
    administer.resume_member(world.service, "us-cert")
    views = agree.listing(world.service, world.caller("us-cert"))
    return {
        "agreements": [(view["state"], len(view["events"])) for view in views],
        "objects": [row.id for row in world.rows("us-cert")],
    }


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", ACTS)
def test_what_is_on_its_way_is_refused_when_its_right_is_gone(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str, ending: str
) -> None:
    act = ACTS[name]
    world.account("kr-cert")
    send = act.prepare(world)
    _caller(world)
    before = _state(world)
    pause = Pause(monkeypatch, act.module, act.held_after)
    # A bad signature is Unauthenticated, too; the signature in a step's body may be found out first.
    with pytest.raises((Unauthenticated, Unprocessable)):
        pause.while_held(send, lambda: ENDINGS[ending](world, act.purpose))
    assert _state(world) == before


@pytest.mark.parametrize("name", ACTS)
def test_what_is_on_its_way_is_accepted_while_its_right_stands(world: World, name: str) -> None:
    world.account("kr-cert")
    send = ACTS[name].prepare(world)
    _caller(world)
    before = _state(world)
    send()
    assert _state(world) != before


@pytest.mark.parametrize("ending", ["member suspended", "token revoked", "token expired"])
def test_a_page_leaves_only_while_the_right_to_it_stands(world: World, ending: str) -> None:
    """The reader was let in by the door; what reads the page asks again, and records nothing."""
    world.accepted("us-cert", malware("a"))
    query = replace(world.query("us-cert"), reader=authenticate.reader(_caller(world)))
    assert paged.objects(world.service, query).rows
    ENDINGS[ending](world, Purpose.SUBMIT)
    for ask in (poll.objects, poll.manifest):
        with pytest.raises(Unauthenticated):
            ask(world.service, query)
    with world.service.store.read() as connection:
        assert len(disclosures_to(connection, NationCode("US"))) == 1


def test_a_suspension_returns_when_nothing_of_the_member_can_follow(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A submission that has been let in holds the suspension up until it is committed."""
    world.account("us-cert")
    order: list[str] = []
    let_in, suspended = threading.Event(), threading.Event()
    real = basis.admit

    def admit(*arguments: Any) -> None:
        real(*arguments)
        let_in.set()
        assert not suspended.wait(1), "suspended while a submission that was let in is not committed"
        order.append("let in")

    monkeypatch.setattr(basis, "admit", admit)

    def suspend() -> None:
        assert let_in.wait(30)
        administer.suspend_member(world.service, "us-cert")
        suspended.set()
        order.append("suspended")

    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(world.push, "us-cert", malware("a")), pool.submit(suspend)]
        for future in futures:
            future.result(60)
    assert order == ["let in", "suspended"]
    administer.resume_member(world.service, "us-cert")
    assert world.sees("us-cert", malware("a"))


def test_a_caller_without_a_token_writes_nothing(world: World) -> None:
    submission = world.submission("us-cert", malware("a"))
    nameless = replace(submission.caller, token="")
    with pytest.raises(Unauthenticated):
        submit.submit(world.service, replace(submission, caller=nameless))


def test_the_refusal_tells_nothing_of_why(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sentences = set()
    for ending in ("member suspended", "token revoked"):
        send = _push(world)
        with monkeypatch.context() as patch, pytest.raises(HubError) as refusal:
            Pause(patch, submit, "decide").while_held(
                send, lambda e=ending: ENDINGS[e](world, Purpose.SUBMIT)
            )
        sentences.add(str(refusal.value))
        administer.resume_member(world.service, "us-cert")
    assert len(sentences) == 1
