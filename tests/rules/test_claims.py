"""Policy 1 and 8: who may use an identity, what a record claims, which ids are common. Refusals first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hub.model import Member, StixId, Tlp
from hub.rules.claims import Claim, Registered, are_both_named, is_common, is_derived, is_marked_name
from tests.rules.around import (
    HUB_IDENTITY,
    JP_CERT,
    JP_NATION,
    KR,
    KR_AGENCY,
    KR_AGENCY_ID,
    KR_CERT,
    KR_FIRM,
    KR_FIRM_ID,
    KR_NATION,
    MITRE,
    REGISTERED,
    STRANGER,
    VENDOR,
    item,
    others_version,
    sid,
)
from tests.world import registry

ONE, V5, V3 = sid("indicator"), sid("indicator", 1, 5), sid("indicator", 1, 3)
NAME, V5_NAME = sid("malware"), sid("malware", 1, 5)


@pytest.mark.parametrize(
    ("member", "id", "expected"),
    [
        (KR_AGENCY, KR_NATION, False),  # its cert's
        (KR_AGENCY, KR_FIRM_ID, False),
        (KR_CERT, JP_NATION, False),
        (KR_AGENCY, STRANGER, False),
        (KR_AGENCY, None, False),
        (KR_AGENCY, KR_AGENCY_ID, True),
        (KR_CERT, KR_AGENCY_ID, True),  # its nation's cert
    ],
)
def test_who_may_use_an_identity(member: Member, id: StixId | None, *, expected: bool) -> None:
    assert REGISTERED.may_use(member.id, id) is expected


def test_what_is_registered_is_read_from_members_and_nations() -> None:
    shared = sid("identity", 77)
    members = [
        KR_CERT,
        replace(KR_AGENCY, identities=(shared, MITRE)),
        replace(KR_FIRM, identities=(shared,)),
        JP_CERT,
    ]
    known = replace(registry(), public_sources=frozenset({MITRE}))
    found = Registered.of(known, members)
    assert found.users[shared] == {KR_CERT.id, KR_AGENCY.id, KR_FIRM.id}
    assert found.nations[shared] == KR
    assert found.users[known.nations[KR].identity_id] == {KR_CERT.id}
    assert MITRE not in found.nations  # a public source is never registered
    assert HUB_IDENTITY not in found.nations


@pytest.mark.parametrize(
    ("id", "creator", "member", "expected"),
    [
        (ONE, STRANGER, KR_AGENCY, Claim.RELAYED),
        (ONE, MITRE, KR_AGENCY, Claim.RELAYED),
        (ONE, KR_NATION, KR_AGENCY, Claim.RELAYED),  # a false claim is none
        (ONE, None, KR_AGENCY, Claim.BARE),
        (ONE, KR_AGENCY_ID, KR_AGENCY, Claim.NAMED),
        (ONE, KR_AGENCY_ID, KR_CERT, Claim.NAMED),
        (KR_AGENCY_ID, None, KR_AGENCY, Claim.NAMED),  # a registered identity itself
        (KR_AGENCY_ID, None, KR_FIRM, Claim.BARE),
    ],
)
def test_what_a_record_claims(id: StixId, creator: StixId | None, member: Member, expected: Claim) -> None:
    assert REGISTERED.claim(id, creator, member.id) is expected


def test_claims_are_ordered_from_weak_to_strong() -> None:
    assert Claim.RELAYED < Claim.BARE < Claim.NAMED


NAMED: dict[str, Any] = {"of": JP_CERT, "creator": JP_NATION}


@pytest.mark.parametrize(
    ("id", "mine", "theirs", "expected"),
    [
        (ONE, None, {}, False),
        (V5, None, {}, False),  # a derived id alone makes nothing common
        (ONE, VENDOR, {"creator": VENDOR}, False),  # not listed
        (ONE, None, {"creator": MITRE}, False),
        (ONE, MITRE, {"creator": None}, False),
        (NAME, None, NAMED, False),  # in the record compared, its submitter names it its own
        (KR_AGENCY_ID, None, {"of": KR_AGENCY}, False),  # a registered identity
        (JP_NATION, None, {}, False),
        (sid("x-own-observable"), None, {}, False),
        (sid("note"), None, {}, False),
        (ONE, MITRE, {"creator": MITRE}, True),
        (NAME, None, {}, True),
        (NAME, KR_AGENCY_ID, {}, True),
        (NAME, None, {"creator": JP_NATION}, True),  # an agency that names its cert: not its own
        (V5_NAME, None, NAMED, True),  # derived from content
        (STRANGER, None, {}, True),  # an identity that nobody registered
        (sid("ipv4-addr"), None, {}, True),
        (sid("ipv4-addr", 1, 5), None, NAMED, True),
        (sid("marking-definition"), None, NAMED, True),
        (sid("extension-definition"), None, {}, True),
    ],
)
def test_which_ids_are_common(
    id: StixId, mine: StixId | None, theirs: dict[str, Any], *, expected: bool
) -> None:
    kind = id.partition("--")[0]
    assert is_common(id, kind, mine, others_version(id, **theirs), REGISTERED) is expected


@pytest.mark.parametrize(
    ("id", "carried", "rel_to", "expected"),
    [
        (NAME, Tlp.AMBER, False, True),
        (NAME, Tlp.GREEN, True, True),
        (NAME, None, True, True),
        (NAME, Tlp.GREEN, False, False),
        (NAME, None, False, False),
        (ONE, Tlp.RED, True, False),
    ],
)
def test_which_names_are_guarded(id: StixId, carried: Tlp | None, rel_to: bool, expected: bool) -> None:
    assert is_marked_name(others_version(id, carried=carried, carries_rel_to=rel_to)) is expected


@pytest.mark.parametrize(
    ("id", "mine", "theirs", "expected"),
    [
        (ONE, KR_AGENCY_ID, NAMED, False),
        (V5, None, NAMED, False),
        (V5, KR_AGENCY_ID, {}, False),
        (V5, KR_AGENCY_ID, NAMED, True),
        (V3, KR_AGENCY_ID, NAMED, True),
    ],
)
def test_both_name_their_own_under_a_derived_id(
    id: StixId, mine: StixId | None, theirs: dict[str, Any], *, expected: bool
) -> None:
    submitted = item(id, creator=mine)
    assert are_both_named(submitted, KR_AGENCY.id, others_version(id, **theirs), REGISTERED) is expected


def test_ids_are_derived_by_uuid_version_3_or_5() -> None:
    assert [n for n in range(1, 9) if is_derived(sid("file", 1, n))] == [3, 5]
