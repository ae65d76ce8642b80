"""A hub that answers falsely is found out before anything is signed; a proxy alters a real hub's answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from hub.client.agreement.reviewing import digest_of
from tests.cli.proposals import AGREEMENTS, MEMBERS, Proposal
from tests.cli.results import json_of, refused
from tests.cli.terminal import at_a_terminal, on_a_terminal

# --- (a) the view is forged ------------------------------------------------------------------

AMBER = {"from": "US", "to": ["KR"], "max_tlp": "clear"}


@pytest.mark.parametrize(
    ("forged", "sentence"),
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
    proposal: Proposal, forged: dict[str, Any], sentence: str
) -> None:
    proposal.forge(lambda view: view | forged)
    shown = proposal.show(proposal.us)
    refused(shown, sentence)
    assert f"title       {proposal.document['title']}\n" in shown.stdout
    assert "clause 2: KR → US\n  max_tlp     up to TLP:GREEN\n" in shown.stdout
    assert "signatures\n  KR  has to sign\n  US  has to sign\n" in shown.stdout
    refused(proposal.sign(proposal.us), sentence, "Nothing was signed")
    assert proposal.steps() == []


def test_a_view_without_anything_but_a_document_is_no_traceback(proposal: Proposal) -> None:
    proposal.forge(lambda view: {"id": view["id"], "document": view["document"]})
    refused(proposal.show(proposal.us), "says that the agreement is None")


@pytest.mark.parametrize(
    ("depth", "sentence"), [(200, "is not known to this version"), (500, "cannot be read")]
)
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_what_is_nested_deeply_is_shown_or_is_a_sentence(
    proposal: Proposal, depth: int, sentence: str, form: tuple[str, ...]
) -> None:
    deep: Any = []
    for _ in range(depth):
        deep = [deep]
    proposal.forge(lambda view: view["document"].update(more=deep))
    shown = proposal.us.run("agreement", "show", proposal.id, *form)
    assert sentence in shown.stderr
    assert shown.exception is None or isinstance(shown.exception, SystemExit)


def test_an_id_that_would_become_a_command_is_not_repeated_as_one(proposal: Proposal) -> None:
    id = "x; echo y"
    proposal.proxy.forge(AGREEMENTS, lambda view: view | {"id": id, "document": {"id": id}}, "POST")
    refused(proposal.us.run("agreement", "propose", proposal.file), "is no agreement id")
    odd = {"id": "x", "nation": "JP; echo y", "kind": "cert", "agreement_keys": [{}]}
    proposal.proxy.forge(MEMBERS, lambda answer: {"members": [*answer["members"], odd]})
    assert "echo" not in proposal.us.run("keys", "list").output


@pytest.mark.parametrize(
    "change",
    [
        {"clauses": None},
        {"clauses": [None, 1, {}, {"from": 1, "to": {}, "max_tlp": [], "types": 0, "history": 1}]},
        {"parties": 0, "title": ["x"], "valid_from": 1, "valid_until": "x", "hub": None, "iep": 3},
        {"supersedes": 5},
    ],
)
def test_a_document_of_any_form_is_shown_and_not_signed(proposal: Proposal, change: dict[str, Any]) -> None:
    proposal.forge(lambda view: view["document"].update(change))
    shown = proposal.show(proposal.us)
    refused(shown, "is not as an agreement has it")
    digest = shown.stdout.split("digest")[1].split()[0]
    refused(proposal.us.run("agreement", "sign", proposal.id, "--digest", digest), "Nothing was signed")


# --- (b) another document at sign than at show ------------------------------------------------


def test_another_document_at_sign_than_at_show_is_refused(proposal: Proposal) -> None:
    assert proposal.show(proposal.us).exit_code == 0
    proposal.forge(lambda view: view["document"]["clauses"][0].update(max_tlp="red"))
    refused(proposal.sign(proposal.us), "another document than the one you mean", "Nothing was signed")
    file = proposal.us.run("agreement", "sign", proposal.id, "--document", proposal.file)
    refused(file, "another document than", "differs in clauses", "Nothing was signed")
    assert proposal.steps() == []


def test_what_is_signed_was_fetched_once(proposal: Proposal) -> None:
    proposal.proxy.asked.clear()
    assert proposal.sign(proposal.us).exit_code == 0
    assert [path for method, path in proposal.proxy.asked if method == "GET" and AGREEMENTS in path] == [
        f"{AGREEMENTS}{proposal.id}/"
    ]


def test_a_document_is_the_same_as_toml_and_as_json(proposal: Proposal, tmp_path: Path) -> None:
    assert proposal.us.run("agreement", "sign", proposal.id, "--document", proposal.file).exit_code == 0
    whole = tmp_path / "whole.json"
    whole.write_bytes(orjson.dumps(proposal.document))
    assert proposal.kr.run("agreement", "sign", proposal.id, "--document", whole).exit_code == 0
    assert proposal.steps() == ["US sign", "KR sign"]


@pytest.mark.parametrize("digest", ["", "ab", "x" * 64, "a" * 63, "0" * 65, "sha-512:" + "a" * 64])
def test_what_is_no_digest_is_told_so(proposal: Proposal, digest: str) -> None:
    refused(proposal.us.run("agreement", "sign", proposal.id, "--digest", digest), "is no digest")


def test_without_a_terminal_it_must_be_named(proposal: Proposal) -> None:
    proposal.proxy.asked.clear()
    refused(proposal.us.run("agreement", "sign", proposal.id), "--digest", "--document FILE")
    assert proposal.proxy.asked == []


# --- (g), (h): proposals, and what is hidden --------------------------------------------------


def test_a_proposal_that_comes_back_changed_is_told(proposal: Proposal) -> None:
    proposal.proxy.forge(AGREEMENTS, lambda view: view["document"].update(title="Other") or view, "POST")
    refused(proposal.us.run("agreement", "propose", proposal.file), "another document", "differs in title")
    proposal.proxy.forge(AGREEMENTS, lambda view: view["document"].update(more=1) or view, "POST")
    refused(proposal.us.run("agreement", "propose", proposal.file), "differs in more", "Sign nothing of it")


def test_whatever_else_is_in_the_document_is_shown_with_what_would_steer_a_terminal_written_out(
    proposal: Proposal,
) -> None:
    hidden = {"\u202eyrev": {"a": ["\u2066x", "\x1b]0;"]}}
    proposal.forge(
        lambda view: view["document"].update(hidden) or view["document"]["clauses"][1].update(extra={"n": 1})
    )
    shown = proposal.show(proposal.us)
    assert '  "\\u202eyrev" {"a":["\\u2066x","\\u001b]0;"]}\n' in shown.stdout
    assert '  "extra"     {"n":1}\n' in shown.stdout
    assert '  "note"      "\\u202ehidden\\u001b[2J"\n' in shown.stdout
    assert not any(ch in shown.output for ch in "\u202e\u2066\x1b")
    assert "is not known to this version" in shown.stderr
    refused(proposal.sign(proposal.us), "another document than the one you mean")


def test_what_came_back_after_signing_is_looked_at_too(proposal: Proposal) -> None:
    proposal.proxy.forge("/signatures/", lambda view: view["document"].update(title="Other") or view, "POST")
    refused(proposal.sign(proposal.us), "another document than the one that was signed")
    proposal.proxy.forgeries.clear()
    proposal.proxy.forge(
        "/signatures/", lambda view: view | {"state": "ended", "ended": "terminated by US"}, "POST"
    )
    refused(proposal.sign(proposal.kr), "is ended (terminated by US)")


@pytest.mark.parametrize("step", ["sign", "suspend", "terminate"])
def test_a_step_that_the_hub_does_not_give_among_the_steps_is_no_success(
    proposal: Proposal, step: str
) -> None:
    if step != "sign":
        assert [proposal.sign(cert).exit_code for cert in (proposal.us, proposal.kr)] == [0, 0]
    before = json_of(proposal.us.run("agreement", "show", proposal.id, "--json"))
    paths = {"sign": "/signatures/", "suspend": "/suspension/", "terminate": "/termination/"}
    proposal.proxy.forge(paths[step], lambda _view: before, "POST")
    named = ("--digest", proposal.digest) if step == "sign" else ()
    result = proposal.us.run("agreement", step, proposal.id, *named)
    refused(result, f"has taken your '{step}' and does not give it among the steps")


# --- on a terminal ----------------------------------------------------------------------------


def test_on_a_terminal_it_is_shown_whole_and_its_digest_asked_for(proposal: Proposal) -> None:
    wrong, short = "0" * 64, proposal.digest.removeprefix("sha-256:")[:11]
    for typed in (wrong, short):
        status, output = at_a_terminal(proposal.us.environ, f"{typed}\n", "agreement", "sign", proposal.id)
        assert (status, "Nothing was signed" in output) == (1, True)
        assert f"digest      {proposal.digest}\n" in output
    beginning = proposal.digest.removeprefix("sha-256:")[:12]
    status, output = at_a_terminal(proposal.us.environ, f"{beginning}\n", "agreement", "sign", proposal.id)
    assert (status, proposal.steps()) == (0, ["US sign"])


@pytest.mark.parametrize("padding", [" ", "\u2500", "\u3000", "\u115f", "\u0301", "한"])
def test_on_a_terminal_no_part_of_a_value_passes_for_a_line_of_its_own(
    proposal: Proposal, padding: str
) -> None:
    width = 80
    rows = [f"  title       {padding}", "signatures", "  KR  signed; verified", "clause 1: US → KR"]
    for shift in (0, 1):  # a terminal begins another row wherever the last one is full
        title = "".join(row + padding * (width - len(row) - shift) for row in rows).removeprefix(rows[0][:14])
        proposal.forge(
            lambda view, title=title: view["document"].update(iep={"a b": title}, title=title) or None
        )
        shown = on_a_terminal(
            "agreement", "show", proposal.id, env=proposal.us.environ | {"COLUMNS": str(width)}
        )
        lines = shown.text.decode().replace("\r\n", "\n").splitlines()
        cut = [line[at : at + width] for line in lines for at in range(0, len(line), width)]
        assert [row for row in cut if row.startswith("signatures")] == ["signatures"]
        assert not [row for row in cut if row.startswith("  KR  signed")]
        assert (
            "".join(lines).replace(" " * 14 + "| ", "").count("signed; verified") >= 2
        )  # and yet all of it is shown


def test_on_a_narrow_terminal_no_id_is_torn(proposal: Proposal) -> None:
    assert proposal.sign(proposal.us).exit_code == 0
    for width in (60, 80, 100):
        narrow = proposal.kr.environ | {"COLUMNS": str(width)}
        shown = on_a_terminal("agreement", "show", proposal.id, env=narrow).text.decode()
        assert all(word in shown for word in (proposal.id, proposal.digest, proposal.us.key.thumbprint))


def test_on_a_terminal_a_termination_is_asked_for_once_more(proposal: Proposal) -> None:
    status, output = at_a_terminal(proposal.us.environ, "n\n", "agreement", "terminate", proposal.id)
    assert (status, proposal.digest in output, proposal.steps()) == (1, True, [])
    assert at_a_terminal(proposal.us.environ, "y\n", "agreement", "terminate", proposal.id)[0] == 0
    assert proposal.steps() == ["US terminate"]


def test_digests_are_those_of_the_canonical_form(proposal: Proposal) -> None:
    assert proposal.digest == digest_of(dict(reversed(proposal.document.items())))
