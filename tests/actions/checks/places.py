"""SQL for the places in the database of a filled world that a test damages."""

from __future__ import annotations

from typing import NamedTuple

from hub.model import NationCode
from hub.store.ledger.justifications import digest_of
from tests.stix_objects import stix_id


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
    digest = digest_of(NationCode("IN"), classes).hex()
    values = f"'IN', 'IN', X'{digest}', '{classes}'"
    return f"INSERT INTO justification (recipient, origin, digest, classes) VALUES ({values})"


M2 = version("malware", 2)
HUBS = "recipient = 'IN' AND position = 3"  # one of the hub's own objects
DELETED = "(SELECT id FROM submission WHERE id NOT IN (SELECT submission_id FROM submission_body) LIMIT 1)"


class Damage(NamedTuple):
    """What is done to a sound hub, and what must be said of it: place and sentence, in part."""

    statement: str
    place: str
    sentence: str
