"""Lines 11-13 of what clients ask: what markings amount to, and that nobody's object is touched."""

from __future__ import annotations

import json

import pytest

from tests.clients.exchange import (
    envelope,
    in_full,
    made,
    objects_path,
    observable,
    post,
    push,
)
from tests.journeys.live import Live
from tests.stix_objects import TLP, Json

TLP_1 = {
    "white": "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9",
    "green": "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da",
    "amber": "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82",
    "red": "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed",
}
OPENCTI_AMBER_STRICT = "marking-definition--826578e1-40ad-459f-bc73-ede076f81f37"

# Who sees what: a partner at home up to green, abroad an agency up to amber, the cert up to amber+strict, and
# under an agreement up to clear nobody anything else.
SEEN_BY = {
    "clear": {"us-partner", "jp-agency", "jp-cert", "in-cert"},
    "green": {"us-partner", "jp-agency", "jp-cert"},
    "amber": {"jp-agency", "jp-cert"},
    "amber+strict": {"jp-cert"},
    "red": set(),
}


READERS = ("us-partner", "jp-agency", "jp-cert", "in-cert")


@pytest.fixture(scope="module")
def clear(live: Live) -> Live:
    """The hub where the United States and India share what is clear, and nothing above."""
    live.agree("US", "IN", max_tlp="clear")
    return live


def readers(live: Live, id: str) -> set[str]:
    paths = {one: f"{objects_path(live)}{id}/" for one in READERS}
    return {one for one, path in paths.items() if live.get(one, path).status_code == 200}


# --- 11: what is not marked -----------------------------------------------------------------------


def test_line_11_unmarked_is_not_public(live: Live) -> None:
    obj = made("malware")
    push(live, [obj])
    assert readers(live, obj["id"]) == SEEN_BY["amber"]
    assert obj["id"] not in in_full(live, member="au-cert")


@pytest.mark.parametrize("container", ["report", "grouping"])
@pytest.mark.parametrize("order", ["container first", "members first", "together"])
def test_line_11_a_container_covers_its_unmarked_members(either: Live, container: str, order: str) -> None:
    members = [made("indicator"), made("malware"), observable()]
    refs = [one["id"] for one in members]
    around = made(container, object_refs=refs, object_marking_refs=[TLP["red"]])
    posts = {
        "container first": [[around], members],
        "members first": [members, [around]],
        "together": [[*members, around]],
    }
    for one in posts[order]:
        push(either, one)
    assert [readers(either, id) for id in refs] == [SEEN_BY["red"]] * len(refs)
    assert set(refs) <= in_full(either, member="us-agency").keys()


def test_line_11_but_not_those_that_have_a_marking(live: Live) -> None:
    marked = made("indicator", object_marking_refs=[TLP["green"]])
    push(live, [marked, made("report", object_refs=[marked["id"]], object_marking_refs=[TLP["red"]])])
    assert readers(live, marked["id"]) == SEEN_BY["green"]


# --- 12: the spellings ----------------------------------------------------------------------------

SPELLINGS: list[tuple[list[str], list[str], str]] = [
    ([TLP_1["white"]], [], "clear"),
    ([TLP["white"]], [], "clear"),
    ([TLP_1["green"]], [], "green"),
    ([TLP_1["amber"]], [], "amber"),
    ([TLP_1["red"]], [], "red"),
    ([TLP["clear"]], [], "clear"),
    ([TLP["green"]], [], "green"),
    ([TLP["amber"]], [], "amber"),
    ([TLP["amber+strict"]], [], "amber+strict"),
    ([TLP["red"]], [], "red"),
    ([OPENCTI_AMBER_STRICT], [], "amber+strict"),
    # a label raises, never lowers, and says nothing where there is no marking
    ([TLP["green"]], ["tlp:amber+strict"], "amber+strict"),
    ([TLP["green"]], ["TLP:RED"], "red"),
    ([TLP["amber+strict"]], ["tlp:clear"], "amber+strict"),
    ([], ["tlp:clear"], "amber"),
    ([], ["tlp:green"], "amber"),
    ([], ["tlp:amber+strict"], "amber+strict"),
    ([], ["TLP:RED"], "red"),
    ([TLP["clear"]], ["tlp:green"], "green"),
    ([TLP["green"]], ["phishing"], "green"),
    # two that disagree: the stricter
    ([TLP["green"], TLP["red"]], [], "red"),
    ([TLP_1["white"], OPENCTI_AMBER_STRICT], [], "amber+strict"),
    ([TLP_1["amber"], TLP["amber"]], [], "amber"),
]


@pytest.mark.parametrize(("refs", "labels", "level"), SPELLINGS)
def test_line_12_every_spelling_of_a_level_counts(
    clear: Live, refs: list[str], labels: list[str], level: str
) -> None:
    given: Json = {"object_marking_refs": refs, "labels": labels}
    obj = made("malware", **{name: value for name, value in given.items() if value})
    push(clear, [obj])
    assert readers(clear, obj["id"]) == SEEN_BY[level]


@pytest.mark.parametrize(
    ("properties", "says"),
    [
        ({"object_marking_refs": [TLP["green"], TLP["red"]]}, "the stricter, TLP:RED"),
        ({"object_marking_refs": [TLP["amber"]], "labels": ["tlp:amber+strict"]}, "AMBER+STRICT"),
    ],
)
def test_line_12_the_status_says_where_two_disagree(live: Live, properties: Json, says: str) -> None:
    (entry,) = post(live, json.dumps({"objects": [made("malware", **properties)]}).encode()).json()[
        "successes"
    ]
    assert says in entry["message"]


def test_line_12_a_definition_under_a_known_id_agrees_or_fails(live: Live) -> None:
    definition = {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": TLP_1["white"],
        "created": "2017-01-20T00:00:00.000Z",
        "definition_type": "tlp",
    }
    named = [
        {**definition, "name": f"TLP:{name.upper()}", "definition": {"tlp": name}}
        for name in ("clear", "red")
    ]
    status = live.push("us-agency", named)
    assert (status.success_count, status.failure_count) == (1, 1)
    assert status.failures[0]["message"]


# --- 13: serving changes nothing ------------------------------------------------------------------


def test_line_13_no_marking_is_added_or_changed(either: Live) -> None:
    pushed = [
        made("malware"),
        made("indicator", object_marking_refs=[TLP_1["green"]]),
        made("campaign", object_marking_refs=[OPENCTI_AMBER_STRICT, TLP["green"]], labels=["tlp:amber"]),
        observable(),
    ]
    push(either, pushed)
    for alias in ("us", "released"):
        served = in_full(either, alias)
        assert [served[one["id"]] for one in pushed] == pushed
    for one in pushed:
        assert envelope(either, f"{objects_path(either)}{one['id']}/")["objects"] == [one]


@pytest.mark.parametrize("member", ["jp-cert", "us-partner", "au-partner", "kr-agency"])
def test_line_13_the_definitions_are_in_reach_of_every_reader(live: Live, member: str) -> None:
    served = in_full(live, "released", member)
    for id in {*TLP_1.values(), *TLP.values(), OPENCTI_AMBER_STRICT}:
        assert served[id]["type"] == "marking-definition"
        assert envelope(live, f"{objects_path(live, 'released')}{id}/", member)["objects"] == [served[id]]
