"""Signatures, keys and former agreements that a hub makes up are found out before one signs."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from hub.actions.operation.administer import register_key
from hub.model import Purpose
from hub.proofs import documents, keys
from tests.cli.forging import ForgingProxy
from tests.cli.proposals import FILE, MEMBERS, CertCommands, Proposal, forged_signature
from tests.cli.results import json_of, refused
from tests.client.loopback import event
from tests.journeys.live import Live

# --- (c), (d), (e), (f): signatures -----------------------------------------------------------


def test_a_signer_without_a_signature_that_holds_stops(proposal: Proposal) -> None:
    assert proposal.sign(proposal.us).exit_code == 0

    def forgery(view: Any) -> None:
        view["events"].clear()
        view["last_event"] = None

    proposal.forge(forgery)
    shown = proposal.show(proposal.kr)
    refused(shown, "says that US has signed, and gives no signature")
    assert "  US  has to sign\n" in shown.stdout
    refused(proposal.sign(proposal.kr), "gives no signature", "Nothing was signed")
    refused(proposal.us.run("agreement", "terminate", proposal.id), "gives no signature")
    assert proposal.steps() == ["US sign"]


def test_a_swapped_key_of_another_nation_is_seen_as_not_pinned_and_stops_where_it_is(
    proposal: Proposal,
) -> None:
    theirs = proposal.us.key.thumbprint
    forged = forged_signature(proposal, "US")
    unpinned = proposal.show(proposal.kr)
    assert unpinned.exit_code == 0
    assert f"with {forged.thumbprint} (not pinned); verified" in unpinned.stdout
    pinned = proposal.kr.run("keys", "pin", "us", theirs)
    assert (pinned.exit_code, pinned.stdout) == (0, f"US: {theirs} is pinned for {proposal.proxy.url}.\n")
    assert forged.thumbprint in pinned.stderr
    warning = (f"the key {forged.thumbprint} for US", "by another way than this hub", "hub keys pin US")
    refused(proposal.show(proposal.kr), *warning)
    refused(proposal.sign(proposal.kr), *warning, "Nothing was signed")
    proposal.proxy.asked.clear()
    refused(proposal.kr.run("agreement", "propose", proposal.file), *warning)
    for step in ("suspend", "resume", "terminate"):
        refused(proposal.kr.run("agreement", step, proposal.id), *warning)
    refused(proposal.kr.run("keys", "list"), *warning)
    assert "POST" not in {method for method, _ in proposal.proxy.asked}
    assert proposal.steps() == []


def test_a_swapped_key_of_the_own_nation_is_caught_without_a_pin(proposal: Proposal) -> None:
    forged_signature(proposal, "US")
    refused(proposal.show(proposal.us), "does not have your key")
    refused(proposal.sign(proposal.us), "does not have your key", "Nothing was signed")
    proposal.proxy.asked.clear()
    refused(proposal.us.run("agreement", "propose", proposal.file), "does not have your key")
    assert "POST" not in {method for method, _ in proposal.proxy.asked}
    assert proposal.steps() == []


def test_a_key_under_anothers_thumbprint_is_caught(proposal: Proposal) -> None:
    forged = keys.generate("ed25519")

    def forgery(answer: Any) -> Any:
        for member in answer["members"]:
            if member["nation"] == "KR":
                member["agreement_keys"][0]["jwk"] = forged.public.jwk
        return answer

    proposal.proxy.forge(MEMBERS, forgery)
    refused(proposal.sign(proposal.us), "under another thumbprint than its own")


@pytest.mark.parametrize(
    "keys_of",
    [None, 5, [None], [{}], [{"jwk": {}}], [{"jwk": {"kty": "OKP"}}], [{"jwk": {"kty": 1, "crv": []}}]],
)
def test_a_list_of_keys_that_is_none_is_a_sentence(proposal: Proposal, keys_of: Any) -> None:
    assert proposal.sign(proposal.us).exit_code == 0

    def forgery(answer: Any) -> Any:
        for member in answer["members"]:
            member["agreement_keys"] = keys_of
        return answer

    proposal.proxy.forge(MEMBERS, forgery)
    refused(proposal.show(proposal.us), "does not hold")


def test_a_signature_over_another_document_does_not_count(proposal: Proposal) -> None:
    other = copy.deepcopy(proposal.document)
    other["clauses"][0]["max_tlp"] = "red"
    over_other = event(other, "US", proposal.us.key)
    changes = {"events": [over_other], "signed_by": ["US"], "last_event": over_other["digest"]}
    proposal.forge(lambda view: view | changes)
    shown = proposal.show(proposal.kr)
    refused(shown, "US's 'sign', which does not hold: it is over another document")
    assert "  US  sign: DOES NOT HOLD (it is over another document)\n" in shown.stdout
    refused(proposal.sign(proposal.kr), "over another document", "Nothing was signed")
    refused(proposal.us.run("agreement", "terminate", proposal.id), "over another document")


@pytest.mark.parametrize(
    ("forgery", "sentence"),
    [
        (lambda events: events.reverse(), "does not follow the step before it"),
        (lambda events: events.pop(2), "does not follow the step before it"),
        (lambda events: events.pop(1), "does not follow the step before it"),
        (lambda events: events.pop(0), "gives no signature of it that holds"),
        (lambda events: events.pop(), "another last step"),
        (lambda events: events.insert(1, events[0]), "comes twice"),
        (lambda events: events.append(events[2]), "does not follow the step before it"),
        (lambda events: events[2].update(typ="resume"), "what was signed is 'suspend'"),
        (lambda events: events[2].update(nation="KR"), "the key is not one of KR"),
        (lambda events: events[2].update(jws="x"), "is not a compact JWS"),
        (lambda events: events[2].update(jws=None), "is not a compact JWS"),
        (lambda events: events[2].update(thumbprint="A" * 43), "the hub gives no such key"),
        (lambda events: events.append(None), "does not hold"),
    ],
)
def test_steps_that_are_altered_dropped_or_reordered_are_caught(
    proposal: Proposal, forgery: Callable[[Any], Any], sentence: str
) -> None:
    assert [proposal.sign(cert).exit_code for cert in (proposal.us, proposal.kr)] == [0, 0]
    for step in ("suspend", "resume"):
        assert proposal.us.run("agreement", step, proposal.id).exit_code == 0
    proposal.forge(lambda view: forgery(view["events"]) and None)
    refused(proposal.show(proposal.kr), sentence)
    assert proposal.steps() == ["US sign", "KR sign", "US suspend", "US resume"]


def test_an_ending_is_not_stopped_by_what_others_have_signed(proposal: Proposal) -> None:
    assert [proposal.sign(cert).exit_code for cert in (proposal.us, proposal.kr)] == [0, 0]
    assert proposal.kr.run("agreement", "suspend", proposal.id).exit_code == 0
    proposal.forge(lambda view: view["events"][0].update(jws="x"))  # US's
    refused(proposal.kr.run("agreement", "resume", proposal.id), "does not hold", "Nothing was signed")
    assert proposal.kr.run("agreement", "terminate", proposal.id).exit_code == 0
    assert proposal.steps() == ["US sign", "KR sign", "KR suspend", "KR terminate"]


# --- amendments -------------------------------------------------------------------------------


def amendment(proposal: Proposal) -> str:
    """Let KR propose an amendment; return its id."""
    assert [proposal.sign(cert).exit_code for cert in (proposal.us, proposal.kr)] == [0, 0]
    text = FILE.replace('max_tlp = "amber"', 'max_tlp = "red"').replace(
        "[[clauses]]", f'supersedes = "{proposal.id}"\n[[clauses]]', 1
    )
    proposal.file.write_text(text, "utf-8")
    return str(json_of(proposal.kr.run("agreement", "propose", proposal.file, "--json"))["id"])


def test_an_amendment_says_how_it_differs_from_what_it_supersedes(proposal: Proposal) -> None:
    shown = proposal.us.run("agreement", "show", amendment(proposal))
    assert shown.exit_code == 0
    assert f"it takes the place of {proposal.id}, {proposal.digest}\n" in shown.stdout
    change = "clause 1, max_tlp: was up to TLP:AMBER; is up to TLP:RED, RED only if it is addressed (REL TO)"
    assert f"  {change}\n" in shown.stdout
    assert "clause 2," not in shown.stdout


def test_what_was_superseded_is_sound(proposal: Proposal) -> None:
    new = amendment(proposal)
    for cert in (proposal.us, proposal.kr):
        assert cert.run("agreement", "sign", new, "--document", proposal.file).exit_code == 0
    old, now = (json_of(proposal.us.run("agreement", "show", id, "--json")) for id in (proposal.id, new))
    assert (old["state"], old["ended"], old["findings"]) == ("ended", "superseded", [])
    assert (now["state"], now["signed_by"], now["findings"]) == ("in force", ["KR", "US"], [])


def test_what_is_superseded_is_verified_too(proposal: Proposal) -> None:
    new = amendment(proposal)
    proposal.forge(lambda view: view["document"]["clauses"][0].update(max_tlp="red"))
    shown = proposal.us.run("agreement", "show", new)
    refused(shown, "What it supersedes: The hub gives US's 'sign', which does not hold")
    digest = shown.stdout.split("digest")[1].split()[0]
    refused(proposal.us.run("agreement", "sign", new, "--digest", digest), "Nothing was signed")


def unsigned(document: Any) -> dict[str, Any]:
    """What a hub can make up of an agreement that is of no effect: nobody has signed it."""
    return {
        "document": document, "id": document["id"], "events": [], "signed_by": [], "last_event": None,
        "state": "proposed", "to_sign": sorted(document["parties"]),
    }  # fmt: skip


def test_a_made_up_document_in_the_place_of_what_is_superseded_is_caught(proposal: Proposal) -> None:
    new = amendment(proposal)
    made_up = json_of(proposal.us.run("agreement", "show", new, "--json"))["document"]
    made_up["id"] = made_up.pop("supersedes")
    proposal.forge(lambda _view: unsigned(made_up))
    shown = proposal.us.run("agreement", "show", new)
    assert "nothing is different" in shown.stdout
    refused(shown, "What it supersedes has no signature that holds of KR, US")
    signed = proposal.us.run("agreement", "sign", new, "--document", proposal.file)
    refused(signed, "this may be another document", "Nothing was signed")


def test_what_is_superseded_and_cannot_be_read_stops(proposal: Proposal) -> None:
    new = amendment(proposal)
    proposal.forge(lambda view: view | {"document": {"id": "x"}})
    refused(proposal.us.run("agreement", "show", new), "What it supersedes cannot be shown")
    refused(proposal.us.run("agreement", "sign", new, "--document", proposal.file), "Nothing was signed")


# --- keys that follow each other --------------------------------------------------------------


def test_a_key_that_follows_is_known_by_endorsement_and_the_one_before_by_a_pin(
    forging_hub: tuple[Live, ForgingProxy], tmp_path: Path
) -> None:
    live, proxy = forging_hub
    proxy.forgeries.clear()
    id = live.agree("AU", "IN")
    au, india = (CertCommands(live, nation, tmp_path) for nation in ("AU", "IN"))
    old, new = au.key, keys.generate("ed25519")
    assert india.run("keys", "pin", "AU", old.thumbprint).exit_code == 0
    endorsement = documents.endorse(new.public.jwk, old)
    register_key(live.service, "au-cert", orjson.dumps(new.public.jwk), Purpose.AGREEMENT, endorsement)
    au.pem.write_bytes(keys.private_pem(new))
    theirs = india.run("keys", "list")
    assert (theirs.exit_code, "endorsed by the pinned key" in theirs.stdout) == (0, True)
    shown = india.run("agreement", "show", id)
    assert shown.exit_code == 0
    assert f"with {old.thumbprint} (pinned), revoked on " in shown.stdout
    # Whoever has the new key alone cannot tell the one before from one that a hub made.
    own = au.run("agreement", "suspend", id)
    refused(own, f"If it is an earlier key of yours: `hub keys pin AU {old.thumbprint}`")
    assert au.run("keys", "pin", "AU", old.thumbprint).exit_code == 0
    assert au.run("agreement", "suspend", id).exit_code == 0
    assert india.run("agreement", "terminate", id).exit_code == 0
