"""Signatures, keys and former agreements that a lying hub makes up are found out before one signs."""

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
from tests.cli.desks import FILE, MEMBERS, Desk, Table, forge
from tests.cli.lying import Liar
from tests.cli.results import json_of, refused
from tests.client.loopback import event
from tests.journeys.live import Live

# --- (c), (d), (e), (f): signatures -----------------------------------------------------------


def test_a_signer_without_a_signature_that_holds_stops(table: Table) -> None:
    assert table.sign(table.us).exit_code == 0

    def lie(view: Any) -> None:
        view["events"].clear()
        view["last_event"] = None

    table.lie(lie)
    shown = table.show(table.kr)
    refused(shown, "says that US has signed, and gives no signature")
    assert "  US  has to sign\n" in shown.stdout
    refused(table.sign(table.kr), "gives no signature", "Nothing was signed")
    refused(table.us.run("agreement", "terminate", table.id), "gives no signature")
    assert table.steps() == ["US sign"]


def test_a_swapped_key_of_another_nation_is_seen_as_not_pinned_and_stops_where_it_is(table: Table) -> None:
    theirs = table.us.key.thumbprint
    forged = forge(table, "US")
    unpinned = table.show(table.kr)
    assert unpinned.exit_code == 0
    assert f"with {forged.thumbprint} (not pinned); verified" in unpinned.stdout
    pinned = table.kr.run("keys", "pin", "us", theirs)
    assert (pinned.exit_code, pinned.stdout) == (0, f"US: {theirs} is pinned for {table.liar.url}.\n")
    assert forged.thumbprint in pinned.stderr
    warning = (f"the key {forged.thumbprint} for US", "by another way than this hub", "hub keys pin US")
    refused(table.show(table.kr), *warning)
    refused(table.sign(table.kr), *warning, "Nothing was signed")
    table.liar.asked.clear()
    refused(table.kr.run("agreement", "propose", table.file), *warning)
    for step in ("suspend", "resume", "terminate"):
        refused(table.kr.run("agreement", step, table.id), *warning)
    refused(table.kr.run("keys", "list"), *warning)
    assert "POST" not in {method for method, _ in table.liar.asked}
    assert table.steps() == []


def test_a_swapped_key_of_the_own_nation_is_caught_without_a_pin(table: Table) -> None:
    forge(table, "US")
    refused(table.show(table.us), "does not have your key")
    refused(table.sign(table.us), "does not have your key", "Nothing was signed")
    table.liar.asked.clear()
    refused(table.us.run("agreement", "propose", table.file), "does not have your key")
    assert "POST" not in {method for method, _ in table.liar.asked}
    assert table.steps() == []


def test_a_key_under_anothers_thumbprint_is_caught(table: Table) -> None:
    forged = keys.generate("ed25519")

    def lie(answer: Any) -> Any:
        for member in answer["members"]:
            if member["nation"] == "KR":
                member["agreement_keys"][0]["jwk"] = forged.public.jwk
        return answer

    table.liar.lie(MEMBERS, lie)
    refused(table.sign(table.us), "under another thumbprint than its own")


@pytest.mark.parametrize(
    "keys_of",
    [None, 5, [None], [{}], [{"jwk": {}}], [{"jwk": {"kty": "OKP"}}], [{"jwk": {"kty": 1, "crv": []}}]],
)
def test_a_list_of_keys_that_is_none_is_a_sentence(table: Table, keys_of: Any) -> None:
    assert table.sign(table.us).exit_code == 0

    def lie(answer: Any) -> Any:
        for member in answer["members"]:
            member["agreement_keys"] = keys_of
        return answer

    table.liar.lie(MEMBERS, lie)
    refused(table.show(table.us), "does not hold")


def test_a_signature_over_another_document_does_not_count(table: Table) -> None:
    other = copy.deepcopy(table.document)
    other["clauses"][0]["max_tlp"] = "red"
    over_other = event(other, "US", table.us.key)
    changes = {"events": [over_other], "signed_by": ["US"], "last_event": over_other["digest"]}
    table.lie(lambda view: view | changes)
    shown = table.show(table.kr)
    refused(shown, "US's 'sign', which does not hold: it is over another document")
    assert "  US  sign: DOES NOT HOLD (it is over another document)\n" in shown.stdout
    refused(table.sign(table.kr), "over another document", "Nothing was signed")
    refused(table.us.run("agreement", "terminate", table.id), "over another document")


@pytest.mark.parametrize(
    ("lie", "sentence"),
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
    table: Table, lie: Callable[[Any], Any], sentence: str
) -> None:
    assert [table.sign(desk).exit_code for desk in (table.us, table.kr)] == [0, 0]
    for step in ("suspend", "resume"):
        assert table.us.run("agreement", step, table.id).exit_code == 0
    table.lie(lambda view: lie(view["events"]) and None)
    refused(table.show(table.kr), sentence)
    assert table.steps() == ["US sign", "KR sign", "US suspend", "US resume"]


def test_an_ending_is_not_stopped_by_what_others_have_signed(table: Table) -> None:
    assert [table.sign(desk).exit_code for desk in (table.us, table.kr)] == [0, 0]
    assert table.kr.run("agreement", "suspend", table.id).exit_code == 0
    table.lie(lambda view: view["events"][0].update(jws="x"))  # US's
    refused(table.kr.run("agreement", "resume", table.id), "does not hold", "Nothing was signed")
    assert table.kr.run("agreement", "terminate", table.id).exit_code == 0
    assert table.steps() == ["US sign", "KR sign", "KR suspend", "KR terminate"]


# --- amendments -------------------------------------------------------------------------------


def amendment(table: Table) -> str:
    """Let KR propose an amendment; return its id."""
    assert [table.sign(desk).exit_code for desk in (table.us, table.kr)] == [0, 0]
    text = FILE.replace('max_tlp = "amber"', 'max_tlp = "red"').replace(
        "[[clauses]]", f'supersedes = "{table.id}"\n[[clauses]]', 1
    )
    table.file.write_text(text, "utf-8")
    return str(json_of(table.kr.run("agreement", "propose", table.file, "--json"))["id"])


def test_an_amendment_says_how_it_differs_from_what_it_supersedes(table: Table) -> None:
    shown = table.us.run("agreement", "show", amendment(table))
    assert shown.exit_code == 0
    assert f"it takes the place of {table.id}, {table.digest}\n" in shown.stdout
    change = "clause 1, max_tlp: was up to TLP:AMBER; is up to TLP:RED, RED only if it is addressed (REL TO)"
    assert f"  {change}\n" in shown.stdout
    assert "clause 2," not in shown.stdout


def test_what_was_superseded_is_sound(table: Table) -> None:
    new = amendment(table)
    for desk in (table.us, table.kr):
        assert desk.run("agreement", "sign", new, "--document", table.file).exit_code == 0
    old, now = (json_of(table.us.run("agreement", "show", id, "--json")) for id in (table.id, new))
    assert (old["state"], old["ended"], old["findings"]) == ("ended", "superseded", [])
    assert (now["state"], now["signed_by"], now["findings"]) == ("in force", ["KR", "US"], [])


def test_what_is_superseded_is_verified_too(table: Table) -> None:
    new = amendment(table)
    table.lie(lambda view: view["document"]["clauses"][0].update(max_tlp="red"))
    shown = table.us.run("agreement", "show", new)
    refused(shown, "What it supersedes: The hub gives US's 'sign', which does not hold")
    digest = shown.stdout.split("digest")[1].split()[0]
    refused(table.us.run("agreement", "sign", new, "--digest", digest), "Nothing was signed")


def unsigned(document: Any) -> dict[str, Any]:
    """What a hub can make up of an agreement that is of no effect: nobody has signed it."""
    return {
        "document": document, "id": document["id"], "events": [], "signed_by": [], "last_event": None,
        "state": "proposed", "to_sign": sorted(document["parties"]),
    }  # fmt: skip


def test_a_made_up_document_in_the_place_of_what_is_superseded_is_caught(table: Table) -> None:
    new = amendment(table)
    made_up = json_of(table.us.run("agreement", "show", new, "--json"))["document"]
    made_up["id"] = made_up.pop("supersedes")
    table.lie(lambda _view: unsigned(made_up))
    shown = table.us.run("agreement", "show", new)
    assert "nothing is different" in shown.stdout
    refused(shown, "What it supersedes has no signature that holds of KR, US")
    signed = table.us.run("agreement", "sign", new, "--document", table.file)
    refused(signed, "this may be another document", "Nothing was signed")


def test_what_is_superseded_and_cannot_be_read_stops(table: Table) -> None:
    new = amendment(table)
    table.lie(lambda view: view | {"document": {"id": "x"}})
    refused(table.us.run("agreement", "show", new), "What it supersedes cannot be shown")
    refused(table.us.run("agreement", "sign", new, "--document", table.file), "Nothing was signed")


# --- keys that follow each other --------------------------------------------------------------


def test_a_key_that_follows_is_known_by_endorsement_and_the_one_before_by_a_pin(
    lying_hub: tuple[Live, Liar], tmp_path: Path
) -> None:
    live, liar = lying_hub
    liar.lies.clear()
    id = live.agree("AU", "IN")
    au, india = (Desk(live, nation, tmp_path) for nation in ("AU", "IN"))
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
