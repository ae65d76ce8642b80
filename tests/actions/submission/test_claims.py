"""Nobody speaks for another, and nobody overwrites another (policy 8). Refusals first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.actions.alliance import MITRE, VENDOR, allied, by_content, technique
from tests.stix_objects import Json, identity, indicator, malware, stix_id
from tests.world import World

STRANGER = stix_id("identity", 302)


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world, _ = allied(database_url)
    yield world
    assert world.is_sound()
    world.close()


def green(n: int = 1, **more: object) -> Json:
    return indicator(n, tlp="green", **more)


def is_refused(answer: list[str | None], *words: str) -> bool:
    return all(sentence is not None and all(word in sentence for word in words) for sentence in answer)


# --- nobody speaks for another --------------------------------------------------------------------


@pytest.mark.parametrize("by", ["kr-partner", "kr-agency2", "us-agency", "us-cert"])
def test_a_registered_identity_is_named_by_those_who_may_use_it_alone(world: World, by: str) -> None:
    whose = world.identity_of("kr-agency")
    answer = world.refusals(by, green(created_by=whose), malware(1, tlp="green", created_by=whose))
    assert is_refused(answer, "created_by_ref names an identity of KR; only it submits in its name")
    assert "kr-agency" not in str(answer)


@pytest.mark.parametrize("by", ["kr-agency", "kr-partner", "jp-cert"])
def test_nobody_but_the_cert_submits_or_names_its_nations_identity(world: World, by: str) -> None:
    nation = world.nation_identity("KR")
    forged = identity(1, tlp="green") | {"id": nation}
    assert is_refused(world.refusals(by, forged), "this is an identity of KR")
    assert is_refused(world.refusals(by, green(created_by=nation)), "names an identity of KR")
    assert world.refusals("kr-cert", forged, green(created_by=nation)) == [None, None]


def test_a_cert_speaks_as_each_of_its_nations_members(world: World) -> None:
    assert world.refusals("kr-cert", green(created_by=world.identity_of("kr-partner"))) == [None]


def test_an_equal_copy_of_what_is_seen_now_may_name_its_source(world: World) -> None:
    original = green(created_by=world.identity_of("kr-agency"))
    assert is_refused(world.refusals("us-agency", original))  # it is not there yet
    assert world.refusals("kr-agency", original) == [None]
    assert world.refusals("us-agency", original) == [None]
    assert is_refused(world.refusals("us-agency", original | {"confidence": 7, "modified": _later(5)}))
    assert world.readers_of_any(original, "jp-cert", "au-partner") == ["jp-cert", "au-partner"]


def test_an_identity_may_be_shared_by_members_and_be_one_of_several(world: World) -> None:
    ministry, feed = stix_id("identity", 400), stix_id("identity", 401)
    world.share_identity(ministry, "kr-agency", "kr-agency2")
    world.share_identity(feed, "kr-agency")
    shared = identity(400, tlp="green")
    for by in ("kr-agency", "kr-agency2"):
        assert (
            world.refusals(by, shared | {"name": by}, green(by == "kr-agency", created_by=ministry))
            == [None] * 2
        )
    assert world.refusals("kr-agency", green(7, created_by=feed)) == [None]
    assert is_refused(world.refusals("kr-agency2", green(8, created_by=feed)))
    assert is_refused(world.refusals("kr-partner", shared, green(9, created_by=ministry)))


def test_the_hubs_own_is_neither_forged_nor_copied(world: World) -> None:
    hub = world.service.registry.hub_identity_id
    assert is_refused(world.refusals("kr-cert", green(created_by=hub)), "only the hub submits in its name")
    assert is_refused(world.refusals("kr-cert", identity(1, tlp="green") | {"id": hub}), "belongs to the hub")


# --- nobody overwrites another --------------------------------------------------------------------


def _later(n: int) -> str:
    return f"2026-02-{n:02}T00:00:00.000Z"


def _claimed(world: World, by: str, how: str) -> dict[str, str]:
    named = {"named": world.identity_of(by), "bare": "", "relayed": VENDOR, "otherwise relayed": STRANGER}
    return {"created_by": named[how]} if named[how] else {}


NAMED, BARE, RELAYED, OTHERWISE = "named", "bare", "relayed", "otherwise relayed"


@pytest.mark.parametrize("rival", ["us-agency", "kr-partner"])  # an ally, and a colleague
@pytest.mark.parametrize(
    ("theirs", "mine", "is_taken"),
    [
        (NAMED, NAMED, False),
        (NAMED, BARE, False),
        (NAMED, RELAYED, False),
        (BARE, BARE, False),
        (BARE, RELAYED, False),
        (RELAYED, OTHERWISE, False),
        (RELAYED, RELAYED, True),  # the same creator
        (RELAYED, BARE, True),
        (RELAYED, NAMED, True),
        (BARE, NAMED, True),
    ],
)
def test_a_first_version_needs_the_stronger_claim(
    world: World, rival: str, theirs: str, mine: str, *, is_taken: bool
) -> None:
    first = green(**_claimed(world, "kr-agency", theirs))
    second = green(version=9, x_by=rival, **_claimed(world, rival, mine))
    assert world.refusals("kr-agency", first) == [None]
    answer = world.refusals(rival, second)
    if is_taken:
        assert answer == [None]
    else:
        assert is_refused(answer, "KR's object; say it with an object of your own (opinion, note, relation")
    bodies = [seen.body for seen in world.see("au-partner") if seen.id == first["id"]]
    assert any('"x_by"' in body for body in bodies) is is_taken


@pytest.mark.parametrize(
    ("theirs", "mine", "version", "rival", "is_taken"),
    [
        (BARE, RELAYED, 2, "us-cert", True),  # a cert, where the other record is not named
        (NAMED, BARE, 2, "us-cert", False),
        (NAMED, NAMED, 2, "us-cert", False),
        (NAMED, RELAYED, 2, "kr-cert", True),  # its own nation's, by a later version
        (NAMED, BARE, 1, "kr-cert", False),
        (BARE, BARE, 1, "kr-cert", True),
    ],
)
def test_what_certs_may_say_under_anothers_id(
    world: World, theirs: str, mine: str, version: int, rival: str, *, is_taken: bool
) -> None:
    assert world.refusals("kr-agency", green(**_claimed(world, "kr-agency", theirs))) == [None]
    second = green(version=version, x_by=rival, **_claimed(world, rival, mine))
    assert (world.refusals(rival, second) == [None]) is is_taken


def test_what_is_not_seen_is_not_compared_and_two_stand_side_by_side(world: World) -> None:
    assert world.refusals(
        "kr-agency", indicator(1, tlp="red", created_by=world.identity_of("kr-agency"))
    ) == [None]
    assert world.refusals("us-agency", green(1)) == [None]
    # Whoever has a record is stopped by what is named and seen, unless it names its own.
    reopened = indicator(1, tlp="green", version=2, created_by=world.identity_of("kr-agency"))
    assert world.refusals("kr-agency", reopened) == [None]
    assert is_refused(world.refusals("us-agency", green(1, version=3)), "KR's object")


def test_what_was_once_shown_goes_on_counting(world: World) -> None:
    mine = world.identity_of("kr-agency")
    assert world.refusals("kr-agency", green(created_by=mine)) == [None]
    assert world.refusals("kr-agency", indicator(1, tlp="red", version=2, created_by=mine)) == [None]
    assert is_refused(world.refusals("us-agency", green(version=3)), "KR's object")
    world.delete("kr-agency", green()["id"])
    assert is_refused(world.refusals("us-agency", green(version=4)), "KR's object")


def test_a_copy_is_a_record_of_its_own_that_takes_equal_copies_alone(world: World) -> None:
    first, second = green(), green(version=2, confidence=50)
    assert world.refusals("kr-agency", first) == [None]
    assert world.refusals("us-agency", first) == [None]
    assert is_refused(world.refusals("us-agency", second), "KR's object")
    assert world.refusals("kr-agency", second) == [None]
    assert world.refusals("us-agency", second) == [None]
    world.delete("us-agency", first["id"])  # its own alone
    assert world.readers_of_any(first, "jp-agency", "us-cert") == ["jp-agency", "us-cert"]


def test_nobody_revokes_anothers(world: World) -> None:
    assert world.refusals("kr-agency", green()) == [None]
    for by in ("us-agency", "kr-agency2", "kr-partner"):
        assert is_refused(world.refusals(by, green(version=9, revoked=True)), "KR's object")


def test_both_name_their_own_under_an_id_that_follows_from_content(world: World) -> None:
    """OpenCTI gives one indicator one id, whoever makes it."""
    pattern = "[domain-name:value = 'bad.example']"
    for by, answer in (("kr-agency", None), ("us-agency", None), ("kr-partner", None)):
        mine = by_content("indicator", pattern, tlp="green", created_by=world.identity_of(by), x_by=by)
        assert world.refusals(by, mine) == [answer]
    bare = by_content("indicator", pattern, tlp="green", version=9)
    assert is_refused(world.refusals("jp-agency", bare))
    assert len([seen for seen in world.see("au-cert") if seen.id == bare["id"]]) == 3


def test_what_a_public_source_made_is_pushed_by_every_member(world: World) -> None:
    for n, by in enumerate(("kr-agency", "kr-partner", "us-agency", "us-cert", "au-partner")):
        assert world.refusals(by, technique(x_by=n)) == [None]
    other = technique() | {"created_by_ref": VENDOR}
    assert is_refused(world.refusals("jp-agency", other))
    assert MITRE not in {world.identity_of(by) for by in world.callers}


def test_names_are_everybodys_unless_their_submitter_names_them_its_own(world: World) -> None:
    bare, relayed = malware(1, tlp="green"), malware(2, tlp="green", created_by=VENDOR)
    assert world.refusals("kr-agency", bare, relayed) == [None, None]
    assert world.refusals("us-agency", bare | {"x_by": 1}, relayed | {"x_by": 1}) == [None, None]
    assert world.refusals(
        "kr-agency", malware(3, tlp="green", created_by=world.identity_of("kr-agency"))
    ) == [None]
    assert is_refused(world.refusals("us-agency", malware(3, tlp="green", version=9)), "KR's object")
    own = by_content("malware", "heron", tlp="green", created_by=world.identity_of("kr-agency"))
    assert world.refusals("kr-agency", own) == [None]
    assert world.refusals("us-agency", own | {"x_by": 1, "created_by_ref": VENDOR}) == [None]


def test_a_false_claim_is_deleted_by_the_claimants_cert(world: World) -> None:
    squatted = green(created_by=STRANGER)
    assert world.refusals("us-partner", squatted) == [None]
    world.delete("us-cert", squatted["id"])
    assert world.readers_of_any(squatted, "us-partner", "jp-cert") == []


def test_the_status_of_a_bare_object_says_what_protects_it(world: World) -> None:
    bare, relayed, named, found = world.remarks(
        "kr-agency",
        green(1),
        green(2, created_by=VENDOR),
        green(3, created_by=world.identity_of("kr-agency")),
        technique(),
    )
    assert "created_by_ref with an identity of yours protects it" in bare
    assert (relayed, named, found) == ("", "", "")
