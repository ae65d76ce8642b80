"""What becomes of each object of a submission (policy 2.2 and 8)."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import pytest

from hub.actions.submission import status, submit
from hub.errors import BadJson, BadRequest, Forbidden, NotFound, TooLarge, Unprocessable
from hub.model import Limits, Submission
from tests.named_objects import address, identifier, malware, relation, report, statement
from tests.stix_objects import TLP, sdo
from tests.world import World, build, clause

# --- the whole is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", BadJson),
        (b'{"objects": [', BadJson),
        (b'{"objects": [], "objects": [1]}', BadJson),
        (b"[]", BadRequest),
        (b'{"things": []}', BadRequest),
        (b'{"objects": {}}', BadRequest),
        (b'{"objects": []}', Unprocessable),
    ],
)
def test_a_body_that_is_no_envelope_is_refused_and_leaves_nothing(
    world: World, body: bytes, error: type[Exception]
) -> None:
    account = world.account("us-cert")
    request = world.signed(account.submit_key, "/allied/", body)
    with pytest.raises(error):
        submit.submit(world.service, Submission(account.caller, account.caller.member.nation, request))
    assert world.rows("us-cert") == []


def test_bodies_and_lists_above_the_limits_are_refused(world: World) -> None:
    few = world.changed(limits=Limits(max_objects=2))
    few.accepted("us-cert", malware("a"), malware("b"))
    with pytest.raises(Unprocessable, match="At most 2 objects"):
        few.push("us-cert", malware("c"), malware("d"), malware("e"))
    small = world.changed(limits=Limits(max_body_bytes=100))
    with pytest.raises(TooLarge, match="100 bytes"):
        small.push("us-cert", malware("c"))
    assert len(world.rows("us-cert")) == 2


def test_an_object_above_its_limit_fails_alone(world: World) -> None:
    tight = world.changed(limits=Limits(max_object_bytes=600))
    large, small = malware("large", description="x" * 600), malware("small")
    outcomes = tight.push("us-cert", large, small).outcomes
    assert [outcome.succeeded for outcome in outcomes] == [False, True]
    assert "600" in str(outcomes[0].message)


@pytest.mark.parametrize("nation", ["KR", "XX"])
def test_nobody_writes_to_another_nations_collection(world: World, nation: str) -> None:
    with pytest.raises(Forbidden, match="members of the nation"):
        submit.submit(world.service, replace(world.submission("us-cert", malware("a")), origin=nation))


def test_a_token_without_the_submit_scope_is_refused(world: World) -> None:
    submission = world.submission("us-cert", malware("a"))
    reads = replace(submission.caller, scopes=frozenset({"read"}))
    with pytest.raises(Forbidden, match="submit"):
        submit.submit(world.service, replace(submission, caller=reads))


# --- one by one -----------------------------------------------------------------------------------


def test_one_bad_item_never_takes_a_good_one_down(world: World) -> None:
    good = malware("good")
    bad: list[object] = [
        17,
        None,
        "text",
        [],
        {},
        {"type": "malware"},
        {**malware("x"), "id": "malware--not-a-uuid"},
        {**malware("y"), "modified": "yesterday"},
        {**malware("z"), "is_family": "perhaps"},
    ]
    receipt = world.push("us-cert", *bad, good)
    assert [outcome.succeeded for outcome in receipt.outcomes] == [False] * len(bad) + [True]
    assert all(outcome.message for outcome in receipt.outcomes[:-1])
    assert receipt.outcomes[0].id == "(item 0)"
    assert [json.loads(row.body) for row in world.rows("us-cert")] == [good]


def test_stix_20_is_refused_with_the_way_out(world: World) -> None:
    old = {key: value for key, value in malware("a").items() if key != "spec_version"}
    outcome = world.one("us-cert", old)
    assert not outcome.succeeded
    assert "STIX 2.0" in str(outcome.message)


def test_the_receipt_is_the_submitters_alone(world: World) -> None:
    receipt = world.push("us-cert", malware("a"), {"type": "malware"})
    assert status.find(world.service, world.caller("us-cert"), receipt.id) == receipt
    refusals = set()
    for member, id in [
        ("us-agency", receipt.id),
        ("kr-cert", receipt.id),
        ("us-cert", "no such"),
        ("us-cert", ""),
    ]:
        with pytest.raises(NotFound) as refusal:
            status.find(world.service, world.caller(member), id)
        refusals.add(str(refusal.value))
    assert len(refusals) == 1


def test_duplicates_in_one_post_are_one_object(world: World) -> None:
    same, other = malware("a"), malware("a", description="other")
    outcomes = world.push("us-cert", same, dict(reversed(same.items())), other).outcomes
    assert [outcome.succeeded for outcome in outcomes] == [True, True, False]
    assert len(world.rows("us-cert")) == 1


def test_the_same_version_again_succeeds_and_moves_no_date(world: World) -> None:
    world.accepted("us-cert", malware("a"))
    before = world.rows("us-cert")
    world.accepted("us-cert", dict(reversed(malware("a").items())))
    assert world.rows("us-cert") == before


def test_other_content_under_the_same_version_fails_and_changes_nothing(world: World) -> None:
    world.accepted("us-cert", malware("a"))
    before = world.rows("us-cert")
    outcome = world.one("us-cert", malware("a", "clear"))
    assert not outcome.succeeded
    assert "later modified" in str(outcome.message)
    assert world.rows("us-cert") == before


def test_versions_that_differ_in_digits_alone_are_one(world: World) -> None:
    world.accepted("us-cert", {**malware("a"), "modified": "2026-02-01T00:00:00.100Z"})
    again = world.one("us-cert", {**malware("a"), "modified": "2026-02-01T00:00:00.1Z"})
    assert not again.succeeded  # other text under the same instant is other content


def test_an_observable_is_a_new_version_only_when_its_content_changes(world: World) -> None:
    first, second = address("192.0.2.1"), address("192.0.2.1", x_seen=2)
    versions = [world.one("us-cert", item).version for item in (first, first, second, second, first)]
    assert versions[0] == versions[1] < versions[2] == versions[3] < versions[4]
    rows = world.rows("us-cert")
    assert [json.loads(row.body) for row in rows] == [first]
    assert rows[0].version == versions[4]


def test_an_observables_version_grows_though_the_clock_steps_back(world: World) -> None:
    before = world.one("us-cert", address("192.0.2.1")).version
    world.clock.set_back(hours=1)
    assert world.one("us-cert", address("192.0.2.1", x_seen=2)).version > before


def test_of_two_contents_of_one_observable_in_one_post_the_first_is_taken(world: World) -> None:
    """All of a submission have one version: the time at which it is accepted (policy 8)."""
    one, two = world.push("us-cert", address("192.0.2.1"), address("192.0.2.1", x_seen=2)).outcomes
    assert one.succeeded
    assert not two.succeeded
    assert two.message == "it stands in this submission with other content already; submit one of the two."


# --- what belongs to others -----------------------------------------------------------------------


def test_standard_tlp_definitions_succeed_and_are_not_stored(world: World) -> None:
    own = [json.loads(row.body) for row in world.drain(world.query("us-cert", "hub"))]
    definitions = [item for item in own if str(item.get("name")).startswith("TLP:")]
    assert len(definitions) == 10
    world.accepted("us-cert", *definitions)
    assert world.rows("us-cert") == []
    assert world.drain(world.query("us-cert", "US")) == []


def test_a_definition_that_says_another_level_than_its_id_fails(world: World) -> None:
    red_under_green = {
        **statement("x"),
        "id": TLP["green"],
        "definition_type": "tlp",
        "definition": {"tlp": "red"},
    }
    green_under_own = {**red_under_green, "id": statement("x")["id"], "definition": {"tlp": "green"}}
    assert not world.one("us-cert", red_under_green).succeeded
    assert not world.one("us-cert", green_under_own).succeeded


def test_the_hubs_own_ids_are_refused(world: World) -> None:
    ids = [
        world.service.registry.hub_identity_id,
        *(n.rel_to_id for n in world.service.registry.nations.values()),
    ]
    for id in ids:
        kind = id.split("--")[0]
        item = {**(statement("x") if kind == "marking-definition" else malware("x")), "id": id, "type": kind}
        outcome = world.one("us-cert", item)
        assert not outcome.succeeded
        assert "hub" in str(outcome.message)


def test_what_was_received_above_green_is_not_passed_on(world: World) -> None:
    world.agree(["KR", "US"], clause("KR", "US"))
    world.accepted("kr-cert", malware("amber", "amber"), malware("green"), malware("strict", "amber+strict"))
    outcome = world.one("us-agency", malware("amber", "green", version=2))
    assert not outcome.succeeded
    assert outcome.message == "received from KR; only KR may share it."
    assert world.one("us-agency", malware("green", version=2)).succeeded
    # The agency cannot see amber+strict, and a partner not even amber: nothing of it is compared.
    assert world.one("us-agency", malware("strict", "green")).succeeded
    assert world.one("us-partner", malware("amber", "green")).succeeded


def test_what_a_nation_had_first_stays_its_own(world: World) -> None:
    world.agree(["KR", "US"], clause("KR", "US"))
    world.accepted("us-cert", malware("a", "amber"))
    world.accepted("kr-cert", malware("a", "amber"))
    assert world.one("us-cert", malware("a", "amber", version=2)).succeeded


def test_what_was_once_shown_is_not_passed_on_after_the_agreement_has_ended(world: World) -> None:
    view = world.agree(["KR", "US"], clause("KR", "US"))
    world.accepted("kr-cert", malware("a", "amber"))
    world.terminate(view, "US")
    assert world.one("us-cert", malware("a", "amber")).message == "received from KR; only KR may share it."


def test_records_of_two_members_are_kept_apart(world: World) -> None:
    mine, theirs = malware("a", version=1), malware("a", version=1, description="theirs")
    world.accepted("us-cert", mine)
    world.accepted("us-agency", theirs)
    world.accepted("kr-cert", malware("a", version=9, revoked=True))
    assert [json.loads(row.body) for row in world.rows("us-partner")] == [mine, theirs]


# --- versions -------------------------------------------------------------------------------------


def test_a_late_older_version_does_not_become_the_newest(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR"))
    world.accepted("us-cert", malware("a", version=5))
    world.accepted("us-cert", malware("a", version=3))
    for member in ("us-cert", "kr-cert"):
        assert [json.loads(row.body) for row in world.rows(member)] == [malware("a", version=5)]
        assert world.sees(member, malware("a", version=3))


def test_the_newest_version_decides_for_all(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR"))
    first, second, third = (malware("a", level, n) for n, level in enumerate(["green", "red", "green"]))
    world.accepted("us-cert", first)
    assert world.sees("kr-cert", first)
    world.accepted("us-cert", second)
    assert world.rows("kr-cert") == []
    assert not world.sees("kr-cert", first)
    world.accepted("us-cert", third)
    assert world.sees("kr-cert", third)
    assert not world.sees("kr-cert", first)  # one version in between may not be seen


def test_a_late_older_version_stricter_than_the_newest_is_not_seen(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR"))
    newest, older, oldest = malware("a", version=5), malware("a", "red", 3), malware("a", version=1)
    world.accepted("us-cert", oldest)
    world.accepted("us-cert", newest)
    assert world.sees("kr-cert", oldest)
    world.accepted("us-cert", older)
    assert [world.sees("kr-cert", item) for item in (oldest, older, newest)] == [False, False, True]


def test_a_relaxed_version_comes_with_a_new_date(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR"))
    world.accepted("us-cert", malware("a", "red", 1), malware("b"))
    seen = world.rows("kr-cert")
    world.accepted("us-cert", malware("a", "green", 2))
    (new,) = world.rows("kr-cert", added_after=seen[-1].date_added)
    assert json.loads(new.body) == malware("a", "green", 2)


def test_revoking_without_a_level_keeps_the_predecessors(world: World) -> None:
    world.agree(["US", "KR", "JP"], clause("US", "KR", max_tlp="green"), clause("US", "JP", max_tlp="amber"))
    for level, readers in [("green", ["kr-cert", "jp-cert"]), ("amber", ["jp-cert"]), ("red", [])]:
        world.accepted("us-cert", malware(level, level))
        revoked = malware(level, None, 2, revoked=True)
        world.accepted("us-cert", revoked)
        assert world.readers(revoked, ["kr-cert", "jp-cert"]) == readers


def test_many_objects_and_their_references_cross_equal(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR"))
    nodes = [
        malware(f"n{n}", x_custom={"f": 1.5, "e": "é\u2028", "n": [None, True, 2**53 - 1]})
        for n in range(700)
    ]
    edges = [relation(a, b) for a, b in itertools.pairwise(nodes)]
    world.accepted("us-cert", *edges, report("all", *nodes, tlp="green"), *nodes)
    sent = {item["id"]: item for item in (*nodes, *edges)}
    got = {row.id: json.loads(row.body) for row in world.rows("kr-cert", "US", limit=400)}
    assert len(got) == 2 * 700
    assert all(got[id] == item for id, item in sent.items())


def test_items_keep_their_order_and_names_in_the_receipt(world: World) -> None:
    receipt = world.push("us-cert", malware("a"), {"id": identifier("malware", "b")}, malware("c"))
    assert [outcome.id for outcome in receipt.outcomes] == [
        identifier("malware", name) for name in ("a", "b", "c")
    ]
    assert receipt.outcomes[0].version == malware("a")["modified"]


def test_the_last_instant_of_the_calendar_is_refused_and_leaves_time_for_what_brings_no_version(
    database_url: str,
) -> None:
    world = build(database_url)
    last = {**sdo("x-last", 1), "modified": "9999-12-31T23:59:59.999999Z"}
    bare = {key: value for key, value in last.items() if key not in ("created", "modified")}
    assert [world.push("us-agency", one).outcomes[0].succeeded for one in (last, sdo("x-last", 1), bare)] == [
        False,
        True,
        True,
    ]
    world.close()


def test_objects_with_too_many_versions_for_one_post_are_refused_together_and_taken_apart(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submit, "_MAX_HELD", 3)
    names = ("a", "b")
    for number in (1, 2):
        world.accepted("us-cert", *(malware(name, "green", number) for name in names))
    third = [malware(name, "green", 3) for name in names]
    with pytest.raises(Unprocessable, match="have 4 earlier versions here, and 3 are looked at at once"):
        world.push("us-cert", *third)
    for one in third:
        world.accepted("us-cert", one)
    world.accepted("us-cert", malware("a", "green", 4))
    world.accepted("us-cert", malware("a", "green", 5))  # one alone is never too many
