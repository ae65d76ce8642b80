"""A hub that lies is found out before anything is signed: a real one, behind a proxy that alters answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from hub.client.agreement.reviewing import digest_of
from tests.cli.desks import AGREEMENTS, MEMBERS, Table
from tests.cli.results import json_of, refused
from tests.cli.terminal import at_a_terminal, on_a_terminal

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
