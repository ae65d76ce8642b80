"""A hub that lies is found out before anything is signed: a real one, behind a proxy that alters answers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from hub.actions.administer import register_key
from hub.cli import main
from hub.client.reviewing import digest_of
from hub.model import Purpose
from hub.proofs import documents, keys
from tests.cli.conftest import json_of
from tests.cli.lying import Liar, lying
from tests.cli.terminal import at_a_terminal, on_a_terminal
from tests.client.loopback import event
from tests.journeys.live import Live, live_hub

MEMBERS = "/governance/members/"
AGREEMENTS = "/governance/agreements/"
FILE = """
title = "Between two"
parties = ["US", "KR"]
valid_from = 2026-01-01T00:00:00Z
valid_until = 2126-01-01T00:00:00Z
[[clauses]]
from = "US"
to = ["KR"]
max_tlp = "amber"
[[clauses]]
from = "KR"
to = ["US"]
max_tlp = "green"
types = ["malware"]
[iep]
note = "\\u202Ehidden\\u001B[2J"
"""


class Desk:
    """A cert's desk: its commands go to the hub by way of the liar."""

    def __init__(self, live: Live, nation: str, folder: Path) -> None:
        account = live.member(f"{nation.lower()}-cert")
        assert account.agreement_key is not None
        self.key = keys.read_private(account.agreement_key)
        self.pem = folder / f"{nation}.pem"
        self.pem.write_bytes(account.agreement_key)
        self.environ = {
            "HUB_URL": live.url,
            "HUB_TOKEN": account.token,
            "HUB_KEY": str(self.pem),
            "HUB_PINS": str(folder / nation / "pins.json"),
        }

    def run(self, *arguments: object) -> Result:
        return CliRunner().invoke(main, [str(a) for a in arguments], env=self.environ)


class Table:
    """Two desks, a liar between them and the hub, and a proposal that lies on the table."""

    def __init__(self, live: Live, liar: Liar, folder: Path) -> None:
        self.liar = liar
        self.us, self.kr = Desk(live, "US", folder), Desk(live, "KR", folder)
        self.file = folder / "a.toml"
        self.file.write_text(FILE, "utf-8")
        proposed = json_of(self.us.run("agreement", "propose", self.file, "--json"))
        self.id, self.digest, self.document = proposed["id"], proposed["digest"], proposed["document"]

    def sign(self, desk: Desk) -> Result:
        return desk.run("agreement", "sign", self.id, "--digest", self.digest)

    def show(self, desk: Desk) -> Result:
        return desk.run("agreement", "show", self.id)

    def lie(self, change: Callable[[Any], Any]) -> None:
        """Let the hub's answer for the agreement be changed: in place, or by what `change` returns."""

        def lie(view: Any) -> Any:
            return change(view) or view

        self.liar.lie(f"{AGREEMENTS}{self.id}/", lie)

    def steps(self) -> list[str]:
        """What the hub has really kept of the agreement."""
        self.liar.lies.clear()
        return [
            f"{e['nation']} {e['typ']}"
            for e in json_of(self.us.run("agreement", "show", self.id, "--json"))["events"]
        ]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, Liar]]:
    home = tmp_path_factory.mktemp("hub")
    with (
        lying() as liar,
        live_hub(f"sqlite:///{home}/hub.db", home, workers=1, public_url=liar.url) as live,
    ):
        liar.behind, live.url = live.url, liar.url
        yield live, liar


@pytest.fixture
def table(hub: tuple[Live, Liar], tmp_path: Path) -> Table:
    live, liar = hub
    liar.lies.clear()
    return Table(live, liar, tmp_path)


def refused(result: Result, *sentences: str) -> None:
    """It ended with 1, and said why."""
    assert result.exit_code == 1, result.output
    for sentence in sentences:
        assert sentence in result.stderr


# --- (a) it lies in its view ------------------------------------------------------------------

AMBER = {"from": "US", "to": ["KR"], "max_tlp": "clear"}


@pytest.mark.parametrize(
    ("lie", "sentence"),
    [
        ({"title": "Harmless"}, "says another title than the document: Harmless"),
        ({"clauses": [AMBER]}, "says another clauses than the document"),
        ({"parties": ["US", "JP"]}, "says another parties than the document"),
        ({"valid_until": "2026-01-02T00:00:00Z"}, "says another valid_until than the document"),
        ({"state": "in force"}, "says that the agreement is in force"),
        ({"state": []}, "says that the agreement is []"),
        ({"state": {"in force": 1}, "suspended_by": {}}, "says that the agreement is {'in force': 1}"),
        ({"state": "ended", "ended": "terminated by KR"}, "is ended (terminated by KR)"),
        ({"state": "ended", "ended": "superseded"}, "is ended (superseded)"),
        ({"signed_by": ["KR"]}, "says that KR has signed, and gives no signature"),
        ({"to_sign": ["US"]}, "must sign, and by the documents it is KR, US"),
        ({"suspended_by": ["KR"]}, "others have suspended it"),
        ({"last_event": "ab"}, "another last step"),
        ({"supersedes": "agreement--1"}, "says another supersedes than the document"),
    ],
)
def test_what_the_view_says_otherwise_than_the_document_stops_signing(
    table: Table, lie: dict[str, Any], sentence: str
) -> None:
    table.lie(lambda view: view | lie)
    shown = table.show(table.us)
    refused(shown, sentence)
    assert f"title       {table.document['title']}\n" in shown.stdout
    assert "clause 2: KR → US\n  max_tlp     up to TLP:GREEN\n" in shown.stdout
    assert "signatures\n  KR  has to sign\n  US  has to sign\n" in shown.stdout
    refused(table.sign(table.us), sentence, "Nothing was signed")
    assert table.steps() == []


def test_a_view_without_anything_but_a_document_is_no_traceback(table: Table) -> None:
    table.lie(lambda view: {"id": view["id"], "document": view["document"]})
    refused(table.show(table.us), "says that the agreement is None")


@pytest.mark.parametrize(
    ("depth", "sentence"), [(200, "is not known to this version"), (500, "cannot be read")]
)
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_what_is_nested_deeply_is_shown_or_is_a_sentence(
    table: Table, depth: int, sentence: str, form: tuple[str, ...]
) -> None:
    deep: Any = []
    for _ in range(depth):
        deep = [deep]
    table.lie(lambda view: view["document"].update(more=deep))
    shown = table.us.run("agreement", "show", table.id, *form)
    assert sentence in shown.stderr
    assert shown.exception is None or isinstance(shown.exception, SystemExit)


def test_an_id_that_would_become_a_command_is_not_repeated_as_one(table: Table) -> None:
    id = "x; echo y"
    table.liar.lie(AGREEMENTS, lambda view: view | {"id": id, "document": {"id": id}}, "POST")
    refused(table.us.run("agreement", "propose", table.file), "is no agreement id")
    odd = {"id": "x", "nation": "JP; echo y", "kind": "cert", "agreement_keys": [{}]}
    table.liar.lie(MEMBERS, lambda answer: {"members": [*answer["members"], odd]})
    assert "echo" not in table.us.run("keys", "list").output


@pytest.mark.parametrize(
    "change",
    [
        {"clauses": None},
        {"clauses": [None, 1, {}, {"from": 1, "to": {}, "max_tlp": [], "types": 0, "history": 1}]},
        {"parties": 0, "title": ["x"], "valid_from": 1, "valid_until": "x", "hub": None, "iep": 3},
        {"supersedes": 5},
    ],
)
def test_a_document_of_any_form_is_shown_and_not_signed(table: Table, change: dict[str, Any]) -> None:
    table.lie(lambda view: view["document"].update(change))
    shown = table.show(table.us)
    refused(shown, "is not as an agreement has it")
    digest = shown.stdout.split("digest")[1].split()[0]
    refused(table.us.run("agreement", "sign", table.id, "--digest", digest), "Nothing was signed")


# --- (b) another document at sign than at show ------------------------------------------------


def test_another_document_at_sign_than_at_show_is_refused(table: Table) -> None:
    assert table.show(table.us).exit_code == 0
    table.lie(lambda view: view["document"]["clauses"][0].update(max_tlp="red"))
    refused(table.sign(table.us), "another document than the one you mean", "Nothing was signed")
    file = table.us.run("agreement", "sign", table.id, "--document", table.file)
    refused(file, "another document than", "differs in clauses", "Nothing was signed")
    assert table.steps() == []


def test_what_is_signed_was_fetched_once(table: Table) -> None:
    table.liar.asked.clear()
    assert table.sign(table.us).exit_code == 0
    assert [path for method, path in table.liar.asked if method == "GET" and AGREEMENTS in path] == [
        f"{AGREEMENTS}{table.id}/"
    ]


def test_a_document_is_the_same_as_toml_and_as_json(table: Table, tmp_path: Path) -> None:
    assert table.us.run("agreement", "sign", table.id, "--document", table.file).exit_code == 0
    whole = tmp_path / "whole.json"
    whole.write_bytes(orjson.dumps(table.document))
    assert table.kr.run("agreement", "sign", table.id, "--document", whole).exit_code == 0
    assert table.steps() == ["US sign", "KR sign"]


@pytest.mark.parametrize("digest", ["", "ab", "x" * 64, "a" * 63, "0" * 65, "sha-512:" + "a" * 64])
def test_what_is_no_digest_is_told_so(table: Table, digest: str) -> None:
    refused(table.us.run("agreement", "sign", table.id, "--digest", digest), "is no digest")


def test_without_a_terminal_it_must_be_named(table: Table) -> None:
    table.liar.asked.clear()
    refused(table.us.run("agreement", "sign", table.id), "--digest", "--document FILE")
    assert table.liar.asked == []


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


def swap(nation: str, key: keys.PrivateKey) -> Callable[[Any], Any]:
    """Give another key for a nation, under its own thumbprint."""

    def lie(answer: Any) -> Any:
        for member in answer["members"]:
            if member["nation"] == nation and member["kind"] == "cert":
                given = {"thumbprint": key.thumbprint, "alg": key.alg, "jwk": key.public.jwk}
                member["agreement_keys"] = [given | {"revoked_at": None, "endorsement": None}]
        return answer

    return lie


def forge(table: Table, nation: str) -> keys.PrivateKey:
    """Let the hub give a signature by a key of its own making as that of a nation."""
    forged = keys.generate("ed25519")
    one = event(table.document, nation, forged)
    changes = {"events": [one], "signed_by": [nation], "last_event": one["digest"]}
    table.liar.lie(MEMBERS, swap(nation, forged))
    table.lie(lambda view: view | changes)
    return forged


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


# --- (g), (h): proposals, and what is hidden --------------------------------------------------


def test_a_proposal_that_comes_back_changed_is_told(table: Table) -> None:
    table.liar.lie(AGREEMENTS, lambda view: view["document"].update(title="Other") or view, "POST")
    refused(table.us.run("agreement", "propose", table.file), "another document", "differs in title")
    table.liar.lie(AGREEMENTS, lambda view: view["document"].update(more=1) or view, "POST")
    refused(table.us.run("agreement", "propose", table.file), "differs in more", "Sign nothing of it")


def test_whatever_else_is_in_the_document_is_shown_with_what_would_steer_a_terminal_written_out(
    table: Table,
) -> None:
    hidden = {"\u202eyrev": {"a": ["\u2066x", "\x1b]0;"]}}
    table.lie(
        lambda view: view["document"].update(hidden) or view["document"]["clauses"][1].update(extra={"n": 1})
    )
    shown = table.show(table.us)
    assert '  "\\u202eyrev" {"a":["\\u2066x","\\u001b]0;"]}\n' in shown.stdout
    assert '  "extra"     {"n":1}\n' in shown.stdout
    assert '  "note"      "\\u202ehidden\\u001b[2J"\n' in shown.stdout
    assert not any(ch in shown.output for ch in "\u202e\u2066\x1b")
    assert "is not known to this version" in shown.stderr
    refused(table.sign(table.us), "another document than the one you mean")


def test_what_came_back_after_signing_is_looked_at_too(table: Table) -> None:
    table.liar.lie("/signatures/", lambda view: view["document"].update(title="Other") or view, "POST")
    refused(table.sign(table.us), "another document than the one that was signed")
    table.liar.lies.clear()
    table.liar.lie(
        "/signatures/", lambda view: view | {"state": "ended", "ended": "terminated by US"}, "POST"
    )
    refused(table.sign(table.kr), "is ended (terminated by US)")


@pytest.mark.parametrize("step", ["sign", "suspend", "terminate"])
def test_a_step_that_the_hub_does_not_give_among_the_steps_is_no_success(table: Table, step: str) -> None:
    if step != "sign":
        assert [table.sign(desk).exit_code for desk in (table.us, table.kr)] == [0, 0]
    before = json_of(table.us.run("agreement", "show", table.id, "--json"))
    paths = {"sign": "/signatures/", "suspend": "/suspension/", "terminate": "/termination/"}
    table.liar.lie(paths[step], lambda _view: before, "POST")
    named = ("--digest", table.digest) if step == "sign" else ()
    result = table.us.run("agreement", step, table.id, *named)
    refused(result, f"has taken your '{step}' and does not give it among the steps")


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
    hub: tuple[Live, Liar], tmp_path: Path
) -> None:
    live, liar = hub
    liar.lies.clear()
    id = live.agree("AU", "IN")
    au, india = (Desk(live, nation, tmp_path) for nation in ("AU", "IN"))
    old, new = au.key, keys.generate("ed25519")
    assert india.run("keys", "pin", "AU", old.thumbprint).exit_code == 0
    endorsement = documents.endorse(new.public.jwk, old)
    register_key(live.house, "au-cert", orjson.dumps(new.public.jwk), Purpose.AGREEMENT, endorsement)
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


# --- on a terminal ----------------------------------------------------------------------------


def test_on_a_terminal_it_is_shown_whole_and_its_digest_asked_for(table: Table) -> None:
    wrong, short = "0" * 64, table.digest.removeprefix("sha-256:")[:11]
    for typed in (wrong, short):
        status, output = at_a_terminal(table.us.environ, f"{typed}\n", "agreement", "sign", table.id)
        assert (status, "Nothing was signed" in output) == (1, True)
        assert f"digest      {table.digest}\n" in output
    beginning = table.digest.removeprefix("sha-256:")[:12]
    status, output = at_a_terminal(table.us.environ, f"{beginning}\n", "agreement", "sign", table.id)
    assert (status, table.steps()) == (0, ["US sign"])


@pytest.mark.parametrize("padding", [" ", "\u2500", "\u3000", "\u115f", "\u0301", "한"])
def test_on_a_terminal_no_part_of_a_value_passes_for_a_line_of_its_own(table: Table, padding: str) -> None:
    width = 80
    rows = [f"  title       {padding}", "signatures", "  KR  signed; verified", "clause 1: US → KR"]
    for shift in (0, 1):  # a terminal begins another row wherever the last one is full
        title = "".join(row + padding * (width - len(row) - shift) for row in rows).removeprefix(rows[0][:14])
        table.lie(lambda view, title=title: view["document"].update(iep={"a b": title}, title=title) or None)
        shown = on_a_terminal("agreement", "show", table.id, env=table.us.environ | {"COLUMNS": str(width)})
        lines = shown.text.decode().replace("\r\n", "\n").splitlines()
        cut = [line[at : at + width] for line in lines for at in range(0, len(line), width)]
        assert [row for row in cut if row.startswith("signatures")] == ["signatures"]
        assert not [row for row in cut if row.startswith("  KR  signed")]
        assert (
            "".join(lines).replace(" " * 14 + "| ", "").count("signed; verified") >= 2
        )  # and yet all of it is shown


def test_on_a_narrow_terminal_no_id_is_torn(table: Table) -> None:
    assert table.sign(table.us).exit_code == 0
    for width in (60, 80, 100):
        narrow = table.kr.environ | {"COLUMNS": str(width)}
        shown = on_a_terminal("agreement", "show", table.id, env=narrow).text.decode()
        assert all(word in shown for word in (table.id, table.digest, table.us.key.thumbprint))


def test_on_a_terminal_a_termination_is_asked_for_once_more(table: Table) -> None:
    status, output = at_a_terminal(table.us.environ, "n\n", "agreement", "terminate", table.id)
    assert (status, table.digest in output, table.steps()) == (1, True, [])
    assert at_a_terminal(table.us.environ, "y\n", "agreement", "terminate", table.id)[0] == 0
    assert table.steps() == ["US terminate"]


def test_digests_are_those_of_the_canonical_form(table: Table) -> None:
    assert table.digest == digest_of(dict(reversed(table.document.items())))
