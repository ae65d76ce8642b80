"""Who may submit: the signature, the key behind it, and that a request counts once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from hub.actions.access.authenticate import authenticate
from hub.actions.operation import administer
from hub.actions.submission import submit
from hub.errors import BadSignature, Forbidden, HubError, Unauthenticated
from hub.model import HttpRequest, Purpose
from tests.named_objects import malware
from tests.patience import PATIENCE_SECONDS
from tests.world import World

_REPLAYS = 16


def test_an_unsigned_submission_is_refused(world: World) -> None:
    submission = world.submission("us-cert", malware("a"))
    bare = replace(submission.request, headers={"content-type": "application/taxii+json;version=2.1"})
    with pytest.raises(BadSignature):
        submit.submit(world.service, replace(submission, request=bare))
    assert world.rows("us-cert") == []


def test_only_a_hub_that_says_so_takes_unsigned_submissions(world: World) -> None:
    lax = world.changed(require_signature=False)
    submission = world.submission("us-cert", malware("a"))
    bare = replace(submission.request, headers={})
    assert submit.submit(lax.service, replace(submission, request=bare)).outcomes[0].succeeded
    # A signature that is there must hold all the same.
    broken = replace(submission.request, body=submission.request.body + b" ")
    with pytest.raises(BadSignature):
        submit.submit(lax.service, replace(submission, request=broken))


def _altered(request: HttpRequest, what: str) -> HttpRequest:
    if what == "body":
        return replace(request, body=request.body.replace(b"false", b"true"))
    if what == "url":
        return replace(request, url=request.url + "?x=1")
    if what == "method":
        return replace(request, method="PUT")
    return replace(request, headers={**request.headers, what: "other"})


@pytest.mark.parametrize("what", ["body", "url", "method", "content-type", "Content-Digest", "Signature"])
def test_a_request_altered_on_its_way_is_refused(world: World, what: str) -> None:
    submission = world.submission("us-cert", malware("a"))
    with pytest.raises(BadSignature):
        submit.submit(world.service, replace(submission, request=_altered(submission.request, what)))
    assert submit.submit(world.service, submission).outcomes[0].succeeded  # the nonce was not used up


@pytest.mark.parametrize("other", ["us-agency", "kr-cert"])
def test_another_members_key_is_forbidden(world: World, other: str) -> None:
    with pytest.raises(Forbidden, match="the token's own member"):
        submit.submit(
            world.service, world.submission("us-cert", malware("a"), key=world.account(other).submit_key)
        )


def test_a_key_of_another_purpose_is_forbidden(world: World) -> None:
    key = world.account("us-cert").govern_key
    with pytest.raises(Forbidden, match="purpose submit"):
        submit.submit(world.service, world.submission("us-cert", malware("a"), key=key))


def test_a_revoked_key_is_refused(world: World) -> None:
    key = world.account("us-cert").submit_key
    submission = world.submission("us-cert", malware("a"))
    administer.revoke_key(world.service, key.thumbprint, "lost")
    with pytest.raises(BadSignature):
        submit.submit(world.service, submission)
    second = world.new_key("us-cert", Purpose.SUBMIT)
    assert (
        submit.submit(world.service, world.submission("us-cert", malware("a"), key=second))
        .outcomes[0]
        .succeeded
    )


def test_a_suspended_member_gets_no_further_than_the_door(world: World) -> None:
    account = world.account("us-cert")
    administer.suspend_member(world.service, "us-cert")
    with pytest.raises(Unauthenticated):
        authenticate(world.service, None, account.token)
    administer.resume_member(world.service, "us-cert")
    assert authenticate(world.service, None, account.token) == account.caller


def test_a_signature_serves_for_minutes_only(world: World) -> None:
    submission = world.submission("us-cert", malware("a"))
    world.clock.wait(seconds=151)
    with pytest.raises(BadSignature, match="expired"):
        submit.submit(world.service, submission)


def test_a_replay_is_refused_and_changes_nothing(world: World) -> None:
    submission = world.submission("us-cert", malware("a"))
    submit.submit(world.service, submission)
    before = world.rows("us-cert")
    with pytest.raises(BadSignature, match="received before"):
        submit.submit(world.service, submission)
    assert world.rows("us-cert") == before


def test_a_nonce_serves_once_whatever_it_signs(world: World) -> None:
    account = world.account("us-cert")
    for n, name in enumerate("ab"):
        request = world.signed(account.submit_key, "/x", {"objects": [malware(name)]}, nonce="n" * 16)
        submission = replace(world.submission("us-cert", malware(name)), request=request)
        if n:
            with pytest.raises(BadSignature, match="received before"):
                submit.submit(world.service, submission)
        else:
            submit.submit(world.service, submission)
    # Another key's nonces are another matter.
    request = world.signed(
        world.account("us-agency").submit_key, "/x", {"objects": [malware("c")]}, nonce="n" * 16
    )
    submission = replace(world.submission("us-agency", malware("c")), request=request)
    assert submit.submit(world.service, submission).outcomes[0].succeeded


def test_a_refused_submission_does_not_use_up_its_nonce(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = world.submission("us-cert", malware("a"))
    with monkeypatch.context() as patch:
        patch.setattr("hub.store.records.submissions.advance", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            submit.submit(world.service, submission)
    assert world.rows("us-cert") == []
    assert submit.submit(world.service, submission).outcomes[0].succeeded


def test_of_sixteen_parallel_replays_one_succeeds(world: World) -> None:
    submission = world.submission("us-cert", malware("a"))
    start = threading.Barrier(_REPLAYS, timeout=PATIENCE_SECONDS)

    def send(_: int) -> str:
        start.wait()
        try:
            submit.submit(world.service, submission)
        except HubError as error:
            return type(error).__name__
        return "accepted"

    with ThreadPoolExecutor(_REPLAYS) as pool:
        answers = list(pool.map(send, range(_REPLAYS)))
    assert sorted(answers) == ["BadSignature"] * (_REPLAYS - 1) + ["accepted"]
    assert len(world.rows("us-cert")) == 1
