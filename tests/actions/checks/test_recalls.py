"""`hub check` on recalls: who is told is who fetched, and the note is the hub's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from hub.actions.checks import check
from hub.actions.operation import work
from tests import postgres
from tests.actions.damage import copied, damage
from tests.stix_objects import indicator, malware, stix_id
from tests.world import EVERY_VERSION, World, build, clause, paged

Sound = tuple[World, str]

NOTES = "SELECT version_id FROM notice"
NOTE = f"recipient = 'KR' AND version_id IN ({NOTES})"
EVERYBODY = "(SELECT justification_id FROM release WHERE recipient = 'KR' AND position = 1)"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def sound(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sound]:
    """A closed world in which one object was deleted and one tightened, after members of KR fetched them."""
    if request.param == "sqlite":
        yield _filled(f"sqlite:///{tmp_path_factory.mktemp('sound') / 'hub.db'}")
        return
    with postgres.database(request.getfixturevalue("postgres_server")) as url:
        yield _filled(url)


def _filled(url: str) -> Sound:
    world = build(url, codes=("KR", "US"), require_signature=True)
    world.agree(["US", "KR"], clause("US", "KR", "amber"))
    world.clock.wait()
    world.push("us-agency", malware(1, tlp="green"), indicator(1, tlp="green"))
    for member in ("kr-agency", "kr-cert"):
        paged.objects(world.service, world.query(member, selections=EVERY_VERSION))
    world.delete("us-agency", stix_id("malware", 1))
    world.push("us-agency", indicator(1, version=2, tlp="red"))
    world.clock.wait()
    assert work.work(world.service).told == 4
    world.close()
    return world, url


class NoticeDamage(NamedTuple):
    statement: str
    place: str
    sentence: str


DAMAGES = [
    NoticeDamage(
        f"UPDATE release SET justification_id = {EVERYBODY} WHERE {NOTE}",
        "release KR/",
        "shown without ground to KR (its partners, its agencies, its cert)",
    ),
    NoticeDamage(
        f"UPDATE release SET withdrawn_at = 1 WHERE {NOTE}",
        "note--",
        "withheld without ground from KR (kr-agency, kr-cert)",
    ),
    NoticeDamage(f"UPDATE release SET origin = 'KR' WHERE {NOTE}", "release KR/", "another origin"),
    NoticeDamage("DELETE FROM notice", "release KR/", "shown without ground to KR (kr-agency, kr-cert)"),
    NoticeDamage(
        "DELETE FROM notice WHERE member = 'kr-agency'",
        "release KR/",
        "shown without ground to KR (kr-agency)",
    ),
    NoticeDamage(
        "UPDATE notice SET member = 'kr-partner' WHERE member = 'kr-cert'",
        "recall ",
        "is told to kr-partner, who has not fetched it",
    ),
    NoticeDamage(
        "DELETE FROM disclosure WHERE member = 'kr-cert'",
        "recall ",
        "is told to kr-cert, who has not fetched it",
    ),
    NoticeDamage(
        "UPDATE disclosure SET kind = 'manifest' WHERE member = 'kr-cert'", "recall ", "has not fetched it"
    ),
    NoticeDamage("UPDATE recall SET stix_id = 'malware--0'", "recall ", "another record's version"),
    NoticeDamage(
        "UPDATE recall SET reason = 'deleted'", "recall ", "tells of a deletion, and there still is"
    ),
    NoticeDamage("DELETE FROM recalled", "recall ", "pulls nothing back"),
    NoticeDamage("UPDATE recall SET reason = 'x'", "objects of hub", "cannot be read"),
    NoticeDamage("UPDATE recalled SET members = '['", "recalls", "cannot be read"),
    NoticeDamage(
        f"UPDATE object_version SET effective_tlp = 0 WHERE id IN ({NOTES})",
        "recall ",
        "otherwise than by a note of the hub's",
    ),
]


def test_a_hub_that_recalls_is_sound(sound: Sound) -> None:
    with copied(*sound) as (service, _):
        assert check.check(service).faults == []


@pytest.mark.parametrize("damaged", DAMAGES, ids=[damaged.statement[:60] for damaged in DAMAGES])
def test_every_damage_to_a_recall_is_seen(sound: Sound, damaged: NoticeDamage) -> None:
    with copied(*sound) as (service, url):
        damage(url, damaged.statement)
        faults = check.check(service).faults
    assert any(damaged.place in one.place and damaged.sentence in one.what for one in faults), faults
