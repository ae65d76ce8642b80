"""Who has fetched what: what may not be known first, then exactly who, when and under which clause."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from hub.actions.operation import work
from hub.actions.oversight import disclosures
from hub.errors import Forbidden, NotFound
from hub.model import (
    Caller,
    Disclosed,
    Disclosure,
    Kind,
    Member,
    MemberId,
    NationCode,
    Scope,
    StixId,
    VersionFilter,
    format_instant,
)
from hub.stix.marking.tlp import TLP_IDS
from hub.store.agreement import agreements
from hub.store.ledger import ends
from tests.recorded import add as record
from tests.stix_objects import Json, indicator, malware, relationship, report, stix_id
from tests.world import EVERY_VERSION, World, build, clause, paged

MALWARE, INDICATOR = stix_id("malware"), stix_id("indicator")
ABSENT = stix_id("malware", 77)
LAST = frozenset({VersionFilter.LAST})


def stranger(kind: Kind) -> Caller:
    return Caller(
        Member(MemberId(f"an-{kind}"), None, kind, "of no nation", StixId("identity--x")), frozenset(Scope)
    )


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = build(database_url)
    yield made
    made.close()


@pytest.fixture
def agreed(world: World) -> Json:
    """US shares with KR up to AMBER, with its agencies, and has pushed one object."""
    view = world.agree(["US", "KR"], clause("US", "KR", "amber"))
    world.clock.wait()
    world.push("us-agency", malware(tlp="green"))
    return view


def ask(world: World, who: str | Caller, id: str = MALWARE) -> list[dict[str, Any]]:
    caller = who if isinstance(who, Caller) else world.callers[who]
    return disclosures.of_object(world.service, caller, StixId(id))


def fetch(world: World, member: str, origin: str | None = None, **filters: Any) -> str:
    """Poll once, one second later than whatever was before; return when."""
    world.clock.wait()
    paged.objects(world.service, world.query(member, origin, **{"selections": EVERY_VERSION, **filters}))
    return format_instant(world.clock.now)


def refusal(world: World, who: str, id: str = MALWARE) -> str:
    with pytest.raises(NotFound) as refused:
        ask(world, who, id)
    return str(refused.value)


def under(world: World, who: str | Caller, id: str = MALWARE) -> list[tuple[str, str | None]]:
    return [(one["member"], one["agreement"]) for one in ask(world, who, id)]


# --- who may not ask ------------------------------------------------------------------------------


def test_operators_and_tokens_that_do_not_read_are_refused(world: World, agreed: Json) -> None:
    cert = world.callers["us-cert"]
    for caller in (stranger(Kind.OPERATOR), Caller(cert.member, frozenset({Scope.GOVERN}))):
        for id in (MALWARE, ABSENT):
            with pytest.raises(Forbidden):
                ask(world, caller, id)


@pytest.mark.parametrize("who", ["us-agency2", "us-partner", "kr-agency", "kr-partner", "jp-cert"])
def test_all_others_are_answered_as_if_there_were_nothing(world: World, agreed: Json, who: str) -> None:
    for member in ("us-agency2", "kr-agency", "kr-cert"):
        fetch(world, member)
    assert refusal(world, who) == refusal(world, who, ABSENT)


def test_a_cert_that_was_never_served_it_learns_nothing(world: World, agreed: Json) -> None:
    fetch(world, "us-cert")
    fetch(world, "kr-cert")  # before it is there
    world.push("us-agency", malware(1, tlp="red"))
    assert refusal(world, "kr-cert", stix_id("malware", 1)) == refusal(world, "kr-cert", ABSENT)
    assert ask(world, "us-cert", stix_id("malware", 1)) == []


def test_a_recipients_cert_is_told_of_its_own_nation_alone(world: World, agreed: Json) -> None:
    world.agree(["US", "JP"], clause("US", "JP", "green"))
    world.clock.wait()
    world.push("us-agency", malware(version=2, tlp="green"))
    for member in ("jp-cert", "kr-agency", "us-cert", "kr-cert"):
        fetch(world, member)
    assert [one["member"] for one in ask(world, "kr-cert")] == [
        "kr-agency",
        "kr-agency",
        "kr-cert",
        "kr-cert",
    ]
    assert [one["member"] for one in ask(world, "jp-cert")] == ["jp-cert"]


def test_a_recipients_cert_is_told_of_what_nobody_fetched_only_while_it_sees_it(
    world: World, agreed: Json
) -> None:
    assert ask(world, "kr-cert") == []
    world.suspend(agreed, "US")
    refusal(world, "kr-cert")


def test_a_submitter_is_told_of_its_own_record_alone(world: World, agreed: Json) -> None:
    world.push("us-agency2", malware(version=2, tlp="green"))
    fetch(world, "kr-cert")
    versions = [malware()["modified"], malware(version=2)["modified"]]
    assert [one["version"] for one in ask(world, "us-agency")] == versions[:1]
    assert [one["version"] for one in ask(world, "us-agency2")] == versions[1:]
    assert [one["members"] for who in ("us-agency", "us-agency2") for one in ask(world, who)] == [1, 1]
    assert [one["version"] for one in ask(world, "us-cert")] == versions


def test_agreements_are_named_to_certs_and_auditors_alone(world: World, agreed: Json) -> None:
    fetch(world, "kr-agency")
    for who in ("us-cert", "kr-cert", stranger(Kind.AUDITOR)):
        assert under(world, who) == [("kr-agency", agreed["id"])]


def counts(world: World, who: str | Caller = "us-agency") -> list[tuple[str, int, int, int]]:
    told = ask(world, who)
    assert all(one.keys() == {"version", "kind", "members", "notified", "note_fetched"} for one in told)
    return [(one["kind"], one["members"], one["notified"], one["note_fetched"]) for one in told]


def test_a_submitter_is_told_how_many_and_never_who(world: World, agreed: Json) -> None:
    """Of whatever nation they are, and however often each of them fetched it (policy 5)."""
    assert counts(world) == []
    fetch(world, "us-agency")
    assert counts(world) == []  # its own are not among them
    for member in ("kr-agency", "kr-cert", "kr-agency", "us-partner"):
        fetch(world, member)
    paged.manifest(world.service, world.query("kr-cert", "US", selections=EVERY_VERSION), Disclosed.MANIFEST)
    assert counts(world) == [("manifest", 1, 0, 0), ("objects", 3, 0, 0)]
    world.delete("us-agency", MALWARE)
    work.work(world.service)
    assert counts(world)[1] == ("objects", 3, 3, 0)
    fetch(world, "kr-cert")
    assert counts(world)[1] == ("objects", 3, 3, 1)
    assert "KR" not in str(ask(world, "us-agency"))


def test_a_cert_that_does_not_govern_is_told_as_any_member(world: World, agreed: Json) -> None:
    fetch(world, "kr-agency")
    for cert in ("us-cert", "kr-cert"):
        reads = Caller(world.callers[cert].member, frozenset({Scope.READ}))
        with pytest.raises(NotFound):
            ask(world, reads)
    world.push("us-cert", malware(tlp="green"))
    fetch(world, "kr-cert")
    assert counts(world, Caller(world.callers["us-cert"].member, frozenset({Scope.READ}))) == [
        ("objects", 1, 0, 0)
    ]


# --- what is told ---------------------------------------------------------------------------------


def test_it_has_the_shape_that_scripts_rely_on(world: World, agreed: Json) -> None:
    at, later = fetch(world, "kr-agency"), fetch(world, "us-cert")
    recall = {"notified": None, "note_fetched": None}
    common = {"version": malware()["modified"], "kind": "objects", **recall}
    assert ask(world, "us-cert") == [
        {"member": "kr-agency", "nation": "KR", "at": at, "agreement": agreed["id"], "clause": 1, **common},
        {"member": "us-cert", "nation": "US", "at": later, "agreement": None, "clause": None, **common},
    ]


def test_objects_and_what_is_told_of_them_are_apart(world: World, agreed: Json) -> None:
    query = world.query("kr-cert", "US", selections=EVERY_VERSION)
    for kind in (Disclosed.MANIFEST, Disclosed.VERSIONS):
        world.clock.wait()
        paged.manifest(world.service, query, kind)
    fetch(world, "kr-cert")
    assert [one["kind"] for one in ask(world, "us-cert")] == ["manifest", "versions", "objects"]


def test_only_who_was_really_given_it_is_listed(world: World, agreed: Json) -> None:
    """Filters, earlier pages and later ones: what lies around a row is not the row."""
    for n in range(1, 9):
        world.push("us-agency", malware(n, tlp="green"), indicator(n, tlp="green"))
    fetch(world, "kr-cert", types=frozenset({"indicator"}))
    fetch(world, "kr-agency", types=frozenset({"malware"}))
    fetch(world, "kr-partner")
    fetch(world, "kr-cert", "US", limit=3, types=frozenset({"malware"}))
    fetch(world, "kr-agency", ids=frozenset({stix_id("malware", 4), stix_id("malware", 7)}))

    def fetched(n: int) -> list[str]:
        return [member for member, _ in under(world, "us-cert", stix_id("malware", n))]

    assert [fetched(n) for n in range(4)] == [["kr-agency", "kr-cert"]] * 3 + [["kr-agency"]]
    assert [fetched(n) for n in range(4, 9)] == [
        *(["kr-agency"] * 2, ["kr-agency"], ["kr-agency"], ["kr-agency"] * 2, ["kr-agency"])
    ]
    assert under(world, "us-cert", stix_id("indicator", 4)) == [("kr-cert", agreed["id"])]


def test_what_was_delivered_stays_told_when_it_ended_or_was_deleted(world: World, agreed: Json) -> None:
    fetch(world, "kr-agency")
    world.terminate(agreed, "KR")
    work.work(world.service)
    fetch(world, "kr-agency")
    world.delete("us-agency", MALWARE)
    told = [("kr-agency", agreed["id"])]
    assert under(world, "us-cert") == under(world, "kr-cert") == told
    assert under(world, stranger(Kind.AUDITOR)) == told


def test_the_hubs_own_objects_need_no_agreement(world: World, agreed: Json) -> None:
    fetch(world, "kr-cert", selections=LAST)
    assert under(world, "kr-cert", min(TLP_IDS)) == [("kr-cert", None)]


# --- under which clause, then ---------------------------------------------------------------------


def test_each_fetch_is_told_with_what_was_in_force_in_its_moment(world: World, agreed: Json) -> None:
    second = world.agree(["US", "KR"], clause("US", "KR", "green", audience="partner", history=True))
    work.work(world.service)
    fetch(world, "kr-cert")  # both: the wider is named
    world.terminate(second, "US")
    fetch(world, "kr-cert")
    assert under(world, "us-cert") == [("kr-cert", second["id"]), ("kr-cert", agreed["id"])]


def test_a_clause_that_did_not_reach_the_member_is_not_named(world: World) -> None:
    narrow = world.agree(["US", "KR"], clause("US", "KR", "green", audience="cert"))
    wide = world.agree(["US", "KR"], clause("US", "KR", "green", audience="partner"))
    world.clock.wait()
    world.push("us-agency", malware(tlp="green"))
    fetch(world, "kr-partner")
    world.terminate(wide, "US")
    fetch(world, "kr-partner")
    fetch(world, "kr-cert")
    assert under(world, "us-cert") == [("kr-partner", wide["id"]), ("kr-cert", narrow["id"])]


def test_a_row_that_was_narrowed_tells_what_it_stood_by_before(world: World) -> None:
    """A container that comes later makes GREEN into AMBER: one of the clauses does not cover that."""
    low = world.agree(["US", "KR"], clause("US", "KR", "green", audience="partner"))
    high = world.agree(["US", "KR"], clause("US", "KR", "amber", audience="partner"))
    world.clock.wait()
    world.push("us-agency", indicator(), report(tlp="green", refs=[INDICATOR]))
    fetch(world, "kr-cert")
    world.clock.wait()
    world.push("us-agency", report(2, tlp="amber", refs=[INDICATOR]))
    fetch(world, "kr-cert")
    with world.service.store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM rejustification")).scalar_one() > 0
    assert under(world, "us-cert", INDICATOR) == [("kr-cert", low["id"]), ("kr-cert", high["id"])]


def test_the_clause_is_the_objects_own_and_not_of_what_it_refers_to(world: World) -> None:
    ends = world.agree(["US", "KR"], clause("US", "KR", "green", types=["malware"], audience="partner"))
    links = world.agree(["US", "KR"], clause("US", "KR", "green", types=["relationship"]))
    world.clock.wait()
    world.push("us-agency", malware(tlp="green"), relationship(tlp="green", refs=[MALWARE]))
    fetch(world, "kr-cert")
    assert under(world, "us-cert") == [("kr-cert", ends["id"])]
    assert under(world, "us-cert", stix_id("relationship")) == [("kr-cert", links["id"])]


def test_a_page_whose_snapshot_was_older_than_its_clock_is_told_with_what_that_had(
    world: World, agreed: Json
) -> None:
    """The clock of a page may be read when an ending has its instant and not yet its commit."""
    (row,) = paged.objects(world.service, world.query("kr-agency", "US")).rows
    with world.service.store.read() as connection:
        revision = ends.revision(connection, NationCode("KR"))
        generation = agreements.generation(connection).number
    world.terminate(agreed, "US")
    world.clock.wait()
    late = Disclosure(
        MemberId("kr-cert"),
        NationCode("KR"),
        world.clock.now,
        Disclosed.OBJECTS,
        (row.position,),
        revision,
        generation,
    )
    with world.service.store.record() as connection:
        record(connection, late)
    assert under(world, "us-cert") == [("kr-agency", agreed["id"]), ("kr-cert", agreed["id"])]
