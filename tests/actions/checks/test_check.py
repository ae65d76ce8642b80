"""`hub check`: a sound hub has no fault, and every way to damage one is seen for what it is."""

from __future__ import annotations

import copy
import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings

from hub.actions.checks import check
from hub.actions.operation import work
from hub.actions.service.service import Service
from hub.model import NationCode, Tlp
from tests import postgres
from tests.actions.damage import copied, damage, fill
from tests.properties.playing import Play
from tests.properties.world_strategies import event_lists
from tests.properties.worlds import DEFAULTS, NATIONS, Event
from tests.stix_objects import stix_id
from tests.world import Copies, World, build

EXAMPLES = int(os.environ.get("HUB_TEST_EXAMPLES", "20"))
Sound = tuple[World, str]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def sound(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sound]:
    """A filled world, closed, and where its database is."""
    if request.param == "sqlite":
        yield _filled(f"sqlite:///{tmp_path_factory.mktemp('sound') / 'hub.db'}")
        return
    with postgres.database(request.getfixturevalue("postgres_server")) as url:
        yield _filled(url)


@pytest.fixture(scope="module")
def copies() -> Copies:
    return Copies(codes=NATIONS, defaults={code: Tlp.of(level) for code, level in DEFAULTS.items()})


def _filled(url: str) -> Sound:
    world = build(url, require_signature=True)
    fill(world)
    world.close()
    return world, url


# --- where is what ---


def version(stix_type: str, n: int, member: str = "us-agency", number: int = 1) -> str:
    """SQL for the key of a member's version, the first or the second of its record."""
    direction = "ASC" if number == 1 else "DESC"
    return (
        f"(SELECT id FROM object_version WHERE stix_id = '{stix_id(stix_type, n)}' AND member = '{member}' "
        f"ORDER BY version_key {direction} LIMIT 1)"
    )


def content(stix_type: str, n: int) -> str:
    return f"(SELECT content_id FROM object_version WHERE id = {version(stix_type, n)})"


def submission(stix_type: str, n: int, member: str = "us-agency") -> str:
    return f"(SELECT submission_id FROM object_version WHERE id = {version(stix_type, n, member)})"


def row(recipient: str, stix_type: str, n: int, number: int = 1) -> str:
    key = version(stix_type, n, number=number)
    return f"recipient = '{recipient}' AND version_id = {key} AND withdrawn_at IS NULL"


def agreement(nation: str, other: str = "US") -> str:
    """SQL for the id of the agreement between two nations."""
    one = f"SELECT agreement_id FROM agreement_party WHERE nation = '{nation}'"
    return f"(SELECT agreement_id FROM agreement_party WHERE nation = '{other}' AND agreement_id IN ({one}))"


def justification(classes: str) -> str:
    digest = hashlib.sha256(classes.encode()).hexdigest()
    return f"INSERT INTO justification (recipient, digest, classes) VALUES ('IN', X'{digest}', '{classes}')"


M2 = version("malware", 2)
HUBS = "recipient = 'IN' AND position = 3"  # one of the hub's own objects
DELETED = "(SELECT id FROM submission WHERE id NOT IN (SELECT submission_id FROM submission_body) LIMIT 1)"


class Damage(NamedTuple):
    """What is done to a sound hub, and what must be said of it: place and sentence, in part."""

    statement: str
    place: str
    sentence: str


LEDGERS = [
    Damage(
        "UPDATE ledger SET position = position + 1 WHERE recipient = 'IN'", "ledger IN", "last position is"
    ),
    Damage(
        "UPDATE ledger SET last_date = last_date - 1 WHERE recipient = 'IN'",
        "ledger IN",
        "dated after the last",
    ),
    Damage(
        "DELETE FROM release WHERE recipient = 'JP' AND position = (SELECT min(position) FROM release "
        "WHERE recipient = 'JP' AND withdrawn_at IS NOT NULL)",
        "release JP/",
        "does not have the position after",
    ),
    Damage(
        f"UPDATE release SET date_added = date_added - 10000000000 WHERE {HUBS}",
        "release IN/3",
        "is not dated after",
    ),
    Damage(
        "UPDATE justification SET classes = 'x' WHERE id = (SELECT min(id) FROM justification)",
        "justification",
        "cannot be read",
    ),
    Damage("UPDATE justification SET digest = X'00' WHERE recipient = 'AU'", "of AU", "another digest"),
    Damage(justification("[[[99,2,null]]]"), "of IN", "names the period 99"),
    Damage(justification('[[[null,2,"xx-agency"]]]'), "of IN", "names the member xx-agency"),
    Damage(
        f"UPDATE release SET justification_id = (SELECT justification_id FROM release WHERE recipient = 'AU' "
        f"AND position = 3) WHERE {HUBS}",
        "release IN/3",
        "another ledger's justification",
    ),
]
ROWS = [
    Damage(
        f"UPDATE release SET {column} = {value} WHERE {row('KR', 'malware', 2)}",
        "release KR/",
        f"another {column} ",
    )
    for column, value in [
        ("stix_id", "'malware--0'"),
        ("type", "'tool'"),
        ("version", "'2026'"),
        ("version_key", "'2026'"),
        ("member", "'us-cert'"),
        ("origin", "'JP'"),
        ("content_id", content("malware", 1)),
        ("size", "size + 1"),
    ]
] + [
    Damage(
        f"UPDATE release SET is_newest = FALSE WHERE {row('KR', 'malware', 2)}",
        "release KR/",
        "wrongly not marked as the newest",
    ),
    Damage(
        f"UPDATE release SET is_newest = TRUE WHERE {row('US', 'malware', 1)}",
        "release US/",
        "wrongly marked as the newest",
    ),
    Damage(
        "UPDATE release SET withdrawn_at = NULL, is_newest = TRUE "
        f"WHERE recipient = 'KR' AND version_id = {version('malware', 5)} AND withdrawn_at IS NOT NULL",
        "release KR/",
        "a second row of the same version",
    ),
    *(
        Damage(
            f"UPDATE release SET {change} WHERE {row('KR', 'malware', 2)}",
            "release KR/",
            "shows it at another level than it is handled at",
        )
        for change in ("shown_tlp = 0", "is_bound = TRUE")
    ),
]
DISCLOSURES = [
    Damage(f"UPDATE disclosure SET {change} WHERE id = 1", "disclosure 1 to kr-agency", sentence)
    for change, sentence in [
        ("runs = '1+0'", "cannot be read"),
        ("runs = ''", "cannot be read"),
        ("kind = 'x'", "cannot be read"),
        ("first_position = first_position + 1", "other positions than it is found by"),
        ("last_position = 999, runs = '1+998', first_position = 1", "the ledger KR does not have"),
        ("recipient = 'US'", "not that of its nation"),
    ]
]
POLICY = [
    Damage(
        "UPDATE release SET justification_id = (SELECT justification_id FROM release WHERE recipient = 'KR' "
        f"AND position = 1) WHERE {row('KR', 'malware', 1, 2)}",
        "release KR/",
        "shown without ground to KR (its partners)",
    ),
    Damage(
        f"UPDATE release SET withdrawn_at = 1 WHERE {row('KR', 'malware', 2)}",
        stix_id("malware", 2),
        "withheld without ground from KR (its agencies, its cert)",
    ),
    Damage(
        f"UPDATE release SET withdrawn_at = 1 WHERE {HUBS}",
        "of hub",
        "withheld without ground from IN (its partners, its agencies, its cert)",
    ),
    Damage(
        "UPDATE release SET withdrawn_at = NULL WHERE recipient = 'KR' "
        f"AND version_id = {version('malware', 4)} AND deleted_at IS NOT NULL",
        "release KR/",
        "shown without ground: its version is deleted",
    ),
    Damage(
        "UPDATE release SET deleted_at = NULL WHERE recipient = 'KR' "
        f"AND version_id = {version('malware', 4)} AND deleted_at IS NOT NULL",
        stix_id("malware", 4),
        "remembered as withheld without ground from KR",
    ),
]
OBJECTS = [
    Damage(
        f"UPDATE content SET body = (SELECT body FROM content WHERE id = {content('malware', 1)}) "
        f"WHERE id = {content('malware', 2)}",
        "content ",
        "not what its digest and size say",
    ),
    Damage(f"UPDATE content SET erased_at = 1 WHERE id = {content('malware', 2)}", "content ", "still there"),
    Damage(
        f"UPDATE content SET erased_at = 1, body = X'' WHERE id = {content('malware', 2)}",
        "content ",
        "is not deleted",
    ),
    Damage(
        f"UPDATE content SET erased_at = NULL WHERE id = {content('malware', 4)}",
        "content ",
        "every version of it is deleted",
    ),
    Damage(
        f"UPDATE content SET origin = 'KR' WHERE id = {content('malware', 2)}",
        "content ",
        "used by a version of US",
    ),
    Damage(
        "INSERT INTO content (origin, digest, size, body) VALUES ('US', X'00', 0, X'')",
        "content ",
        "belongs to no version",
    ),
    Damage(
        f"UPDATE object_version SET is_newest = FALSE WHERE id = {M2}", stix_id("malware", 2), "is the newest"
    ),
    Damage(
        f"UPDATE object_version SET is_newest = TRUE WHERE id = {version('malware', 1)}",
        stix_id("malware", 1),
        "not it alone is marked",
    ),
    Damage(
        f"UPDATE object_version SET own_tlp = NULL WHERE id = {M2}", stix_id("malware", 2), "another TLP "
    ),
    *(
        Damage(f"UPDATE object_version SET {change} WHERE id = {M2}", stix_id("malware", 2), sentence)
        for change, sentence in (
            ("created = '2020'", "another created "),
            ("revoked = TRUE", "another revoked "),
            ("same = X'00'", "another text of a name "),
            ("taken_tlp = 4", "handled more laxly than what it took over"),
            ("base_tlp = 4", "and a part as more"),
        )
    ),
    *(
        Damage(
            f"UPDATE object_version SET {change} WHERE id = {version('report', 1, 'in-agency')}",
            stix_id("report", 1),
            sentence,
        )
        for change, sentence in (
            ("given_tlp = 0", "hands down less than its own markings say"),
            ("given_tlp = NULL", "hands nothing down"),
        )
    ),
    Damage(
        f"UPDATE object_version SET raised_tlp = 0 WHERE id = {M2}", stix_id("malware", 2), "another labels "
    ),
    Damage(
        f"UPDATE object_version SET has_spec_version = FALSE WHERE id = {M2}",
        stix_id("malware", 2),
        "another spec_version ",
    ),
    Damage(
        f"UPDATE object_version SET is_accepted_definition = TRUE WHERE id = {M2}",
        stix_id("malware", 2),
        "another acceptance ",
    ),
    Damage(
        f"UPDATE object_version SET fault = 'x' WHERE id = {version('indicator', 6, 'in-agency')}",
        stix_id("indicator", 6),
        "another fault ",
    ),
    Damage(
        f"DELETE FROM reference WHERE version_id = {version('relationship', 1)} "
        f"AND target = '{stix_id('malware', 2)}'",
        stix_id("relationship", 1),
        "another references ",
    ),
    Damage(
        f"DELETE FROM reference WHERE version_id = {version('report', 1, 'in-agency')} AND kind = 'contains'",
        stix_id("report", 1),
        "another contents ",
    ),
    Damage(
        f"DELETE FROM reference WHERE version_id = {version('indicator', 3, 'us-partner')}",
        stix_id("indicator", 3),
        "another markings ",
    ),
    Damage(
        f"UPDATE reference SET member = 'us-cert' WHERE version_id = {version('relationship', 1)} "
        "AND kind = 'refers'",
        "version ",
        "another member's",
    ),
    Damage(
        "UPDATE creator_level SET count = count + 1 WHERE count = 1", stix_id("identity", 1), "named 2 times"
    ),
    Damage(
        f"UPDATE object_version SET effective_tlp = 9 WHERE id = {version('domain-name', 1, 'kr-cert')}",
        "objects of KR",
        "cannot be read",
    ),
]
EVIDENCE = [
    Damage(
        f"UPDATE submission SET nonce = NULL WHERE id = {submission('malware', 2)}",
        "submission ",
        "lacks a part of its evidence",
    ),
    Damage(
        "UPDATE submission SET nonce = NULL, thumbprint = NULL, signed_at = NULL, expires_at = NULL, "
        f"signature_base = NULL, signature = NULL WHERE id = {submission('malware', 2)}",
        "submission ",
        "is not signed",
    ),
    Damage(
        f"UPDATE submission SET signature = X'00' WHERE id = {submission('malware', 2)}",
        "submission ",
        "come from us-agency",
    ),
    Damage(
        f"UPDATE submission SET expires_at = expires_at + 1 WHERE id = {submission('malware', 2)}",
        "submission ",
        "not proved",
    ),
    Damage(
        f"DELETE FROM submission_body WHERE submission_id = {submission('malware', 2)}",
        "submission ",
        "lost the body",
    ),
    Damage(
        f"UPDATE submission_body SET deflated = (SELECT deflated FROM submission_body WHERE submission_id = "
        f"{submission('malware', 5)}) WHERE submission_id = {submission('malware', 2)}",
        "submission ",
        "another body than the one that was signed",
    ),
    Damage(
        f"UPDATE submission_body SET deflated = X'00' WHERE submission_id = {submission('malware', 2)}",
        "submission ",
        "another body than the one that was signed",
    ),
    Damage(
        f"INSERT INTO submission_body SELECT {DELETED}, deflated FROM submission_body "
        f"WHERE submission_id = {submission('malware', 2)}",
        "submission ",
        "every object is deleted",
    ),
    Damage(
        "UPDATE deletion SET signature = X'00' WHERE member = 'us-cert'", "deletion ", "come from us-cert"
    ),
    Damage(
        "UPDATE key SET jwk = (SELECT jwk FROM key WHERE member = 'in-cert' LIMIT 1) "
        "WHERE member = 'jp-partner'",
        "of jp-partner",
        "another name than its own",
    ),
    Damage("UPDATE key SET jwk = '{}' WHERE member = 'jp-partner'", "of jp-partner", "another kty or crv"),
    Damage(
        "UPDATE key SET endorsement = NULL WHERE endorsement IS NOT NULL",
        "of kr-cert",
        "is not a compact JWS",
    ),
]
AGREEMENTS = [
    Damage(
        f"UPDATE agreement_event SET digest = 'x' WHERE agreement_id = {agreement('KR')} AND nation = 'US'",
        "agreement--",
        "a digest that is not that of what US signed",
    ),
    Damage(
        "UPDATE agreement SET document = replace(document, 'Sharing', 'Shaking') "
        f"WHERE id = {agreement('IN')}",
        "agreement--",
        "was not signed by US as it stands (sign)",
    ),
    Damage(
        f"UPDATE agreement_event SET member = 'us-agency' WHERE agreement_id = {agreement('IN')}",
        "agreement--",
        "was not signed by US as it stands (sign)",
    ),
    Damage(
        f"UPDATE agreement_event SET at = at + 1 WHERE agreement_id = {agreement('IN', 'KR')} "
        "AND typ = 'terminate'",
        "agreement--",
        "binds otherwise than its signatures say",
    ),
    Damage(
        f"UPDATE period SET ended_at = NULL WHERE agreement_id = {agreement('IN', 'KR')}",
        "agreement--",
        "binds otherwise than its signatures say",
    ),
    Damage(
        f"UPDATE period SET until = until + 1 WHERE agreement_id = {agreement('AU')}",
        "agreement--",
        "binds otherwise than its signatures say",
    ),
    Damage(
        "UPDATE period SET clause = replace(clause, '\"max_tlp\":1', '\"max_tlp\":4') "
        f"WHERE agreement_id = {agreement('AU')}",
        "agreement--",
        "binds otherwise than its signatures say",
    ),
    Damage(
        f"DELETE FROM agreement_party WHERE agreement_id = {agreement('AU')} AND nation = 'AU'",
        "agreement--",
        "listed for other parties",
    ),
]
DATABASE = [
    Damage("UPDATE alembic_version SET version_num = '0011'", "database schema", "run `hub init`"),
    Damage("UPDATE alembic_version SET version_num = '9999'", "database schema", "update the hub"),
    Damage("UPDATE token SET member = 'xx' WHERE member = 'jp-partner'", "token.member", "xx of member"),
]
# These leave more traces than one.
ENTANGLED = [
    Damage(
        f"UPDATE object_version SET is_closed = FALSE WHERE id = {version('indicator', 6, 'in-agency')}",
        stix_id("indicator", 6),
        "must be closed for its marking",
    ),
    Damage(
        f"UPDATE object_version SET effective_tlp = 0 WHERE id = {M2}",
        stix_id("malware", 2),
        "handled as clear, and says green",
    ),
    Damage(
        f"UPDATE object_version SET effective_tlp = 3 WHERE id = {version('indicator', 1, 'in-agency')}",
        "version ",
        "more laxly than version",
    ),
    Damage(
        f"UPDATE object_version SET is_home = TRUE WHERE id = {M2}",
        stix_id("malware", 2),
        "kept at home as unmarked, and is marked",
    ),
    Damage(
        f'DELETE FROM submission_item WHERE submission_id = {submission("malware", 2)} AND "index" = 1',
        "submission ",
        "what became of it",
    ),
    Damage(
        f"UPDATE submission SET member = 'us-cert' WHERE id = {submission('malware', 2)}",
        "submission ",
        "come from us-cert",
    ),
    Damage(
        f"UPDATE object_version SET submission_id = {submission('malware', 5)} WHERE id = {M2}",
        "submission ",
        f"does not hold what is stored as its {stix_id('malware', 2)}",
    ),
    Damage(
        f"UPDATE object_version SET submitted_at = submitted_at - 1 WHERE id = {M2}",
        stix_id("malware", 2),
        "not of the member, origin and time of its submission",
    ),
    Damage(
        f"UPDATE object_version SET submission_id = NULL WHERE id = {M2}",
        stix_id("malware", 2),
        "not of the member, origin and time of its submission",
    ),
    Damage("UPDATE submission SET origin = 'AU'", "submission ", "is of AU, where us-agency does not write"),
    Damage("UPDATE submission SET origin = 'AU'", "submission ", "which is another place"),
    *(
        Damage(
            f"UPDATE submission SET requested_at = requested_at {by} WHERE id = {submission('malware', 2)}",
            "submission ",
            "outside the time of its signature",
        )
        for by in ("- 31536000000000", "+ 31536000000000")
    ),
    Damage(
        "UPDATE object_version SET submitted_at = submitted_at + 60000000 WHERE submission_id IS NOT NULL",
        stix_id("malware", 2),
        "was shown before it was submitted",
    ),
    *(
        Damage(f"UPDATE {change}", stix_id("malware", 4), "deleted otherwise than a request to delete says")
        for change in (
            "object_version SET deletion_id = NULL WHERE deletion_id IS NOT NULL",
            "object_version SET deleted_at = NULL WHERE deleted_at IS NOT NULL",
            "object_version SET deleted_at = deleted_at + 1 WHERE deleted_at IS NOT NULL",
            "deletion SET stix_id = 'malware--0'",
            "deletion SET origin = 'AU'",
        )
    ),
    Damage("UPDATE deletion SET stix_id = 'malware--0'", "deletion ", "which is another place"),
    *(
        Damage(f"UPDATE submission_item SET {change}", stix_id("malware", 2), "succeeded with")
        for change in ("succeeded = FALSE, message = 'no'", "id = 'x'", "version = '2020-01-01T00:00:00Z'")
    ),
    Damage(
        "UPDATE submission_item SET version = '2020-01-01T00:00:00Z'", "submission ", "which is not stored"
    ),
]
DAMAGES = [*LEDGERS, *DISCLOSURES, *ROWS, *POLICY, *OBJECTS, *EVIDENCE, *AGREEMENTS, *DATABASE]


# --- damaged ---


@pytest.mark.parametrize("damaged", DAMAGES, ids=[damaged.sentence for damaged in DAMAGES])
def test_every_damage_is_seen_and_nothing_else(sound: Sound, damaged: Damage) -> None:
    with copied(*sound) as (service, url):
        damage(url, damaged.statement)
        faults = check.check(service).faults
    assert len(faults) == 1, faults
    assert damaged.place in faults[0].place
    assert damaged.sentence in faults[0].what


@pytest.mark.parametrize("damaged", ENTANGLED, ids=[damaged.sentence for damaged in ENTANGLED])
def test_every_damage_to_what_belongs_together_is_seen(sound: Sound, damaged: Damage) -> None:
    with copied(*sound) as (service, url):
        damage(url, damaged.statement)
        faults = check.check(service).faults
    assert any(damaged.place in one.place and damaged.sentence in one.what for one in faults), faults


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ("UPDATE member SET kind = 'king' WHERE id = 'us-agency'", "members"),
        ("UPDATE key SET jwk = '{' WHERE member = 'us-agency'", "keys"),
        ("UPDATE key SET purpose = 'x' WHERE member = 'us-agency'", "keys"),
        ("UPDATE period SET clause = '{'", "agreements"),
        ("UPDATE period SET start = 9000000000000000000", "agreements"),
        ("DELETE FROM hub_state", "hub state"),
        ("UPDATE hub_state SET changed_at = 9000000000000000000", "hub state"),
    ],
)
def test_what_everything_goes_by_and_cannot_be_read_is_one_fault(
    sound: Sound, statement: str, place: str
) -> None:
    with copied(*sound) as (service, url):
        damage(url, statement)
        faults = check.check(service).faults
    assert [fault.place for fault in faults] == [place]
    assert "restore a backup" in faults[0].what


@pytest.mark.parametrize("begin", [0, 4_096])
def test_a_file_that_is_written_over_is_a_fault_and_nothing_else(sound: Sound, begin: int) -> None:
    if not sound[1].startswith("sqlite"):
        pytest.skip("PostgreSQL looks after its own pages")
    with copied(*sound) as (service, url):
        file = Path(url.removeprefix("sqlite:///"))
        content = bytearray(file.read_bytes())
        content[begin : begin + 40_960] = b"x" * 40_960
        file.write_bytes(content)
        faults = check.check(service).faults
    assert {fault.place for fault in faults} == {"database file"}
    assert all("restore a backup" in fault.what for fault in faults)


def test_what_was_never_submitted_is_seen_though_its_digest_is_right(sound: Sound) -> None:
    body = b'{"type":"malware"}'
    digest = hashlib.sha256(body).hexdigest()
    with copied(*sound) as (service, url):
        damage(
            url,
            f"UPDATE content SET body = X'{body.hex()}', digest = X'{digest}', size = {len(body)} "
            f"WHERE id = {content('malware', 2)}",
        )
        faults = check.check(service).faults
    assert any("does not hold what is stored" in fault.what for fault in faults)


def test_objects_of_nobody_are_seen(sound: Sound) -> None:
    with copied(*sound) as (service, url):
        damage(url, f"UPDATE object_version SET member = 'kr-cert' WHERE id = {M2}")
        faults = check.check(service).faults
    assert any("of nobody who submits in US" in fault.what for fault in faults)


def test_a_nation_without_ledger_or_without_configuration_is_seen(sound: Sound) -> None:
    with copied(*sound) as (service, _):
        nations = dict(service.registry.nations)
        nations[NationCode("NZ")] = replace(nations.pop(NationCode("JP")), code=NationCode("NZ"))
        other = replace(service, registry=replace(service.registry, nations=nations))
        found = {fault.place: fault.what for fault in check.check(other).faults}
    assert "put it back" in found["ledger JP"]
    assert "run `hub init`" in found["ledger NZ"]


def test_a_damaged_file_is_seen_before_anything_is_believed(sound: Sound) -> None:
    if not sound[1].startswith("sqlite"):
        pytest.skip("PostgreSQL looks after its own pages")
    with copied(*sound) as (service, url):
        _exchange_pages(url)
        faults = check.check(service).faults
    assert {fault.place for fault in faults} == {"database file"}


def _exchange_pages(url: str) -> None:
    """Let an index be read from another's page, as after a write to the wrong place."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema "
            "WHERE name = 'ix_token_member') WHERE name = 'ix_key_member'"
        )


# --- sound ---


def test_a_sound_hub_has_no_fault(sound: Sound) -> None:
    with copied(*sound) as (service, _):
        report = check.check(service)
        assert report.faults == []
        assert report.checked == {
            "objects": 16 + 20,
            "releases": report.checked["releases"],
            "submissions": 11,
            "deletions": 2,
            "agreements": 5,
            "disclosures": 2,
        }


def test_checking_changes_nothing(sound: Sound) -> None:
    with copied(*sound) as (service, _):
        with service.store.read() as connection:
            before = connection.exec_driver_sql("SELECT count(*), max(date_added) FROM release").all()
        assert check.check(service).faults == check.check(service).faults == []
        with service.store.read() as connection:
            assert connection.exec_driver_sql("SELECT count(*), max(date_added) FROM release").all() == before


def test_a_hub_stays_sound_when_time_brings_agreements_and_takes_them(sound: Sound) -> None:
    with copied(*sound) as (service, _):
        for days in (-1, 2, 1_000):
            assert check.check(_later(service, days)).faults == [], days
        assert work.work(_later(service, 1_000)).withdrawn > 0
        assert check.check(_later(service, 1_000)).faults == []


@settings(derandomize=True, deadline=None, max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(events=event_lists)
def test_whatever_happens_leaves_a_sound_hub(copies: Copies, events: list[Event]) -> None:
    world = copies.copy()
    try:
        Play(world).play(events)
        assert check.check(world.service).faults == []
    finally:
        copies.discard(world)


def _later(service: Service, days: int) -> Service:
    store, clock = copy.copy(service.store), service.store.clock
    assert clock is not None
    store.clock = lambda: clock() + timedelta(days=days)
    return replace(service, store=store)
