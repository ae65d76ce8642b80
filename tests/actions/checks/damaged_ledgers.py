"""Damages to ledgers, to their rows and to disclosures, and what `hub check` must say of each."""

from __future__ import annotations

from tests.actions.checks.places import HUBS, M2, Damage, content, justification, row, version
from tests.stix_objects import stix_id

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
    Damage("DELETE FROM own_justification WHERE recipient = 'KR'", "of KR", "not noted as one of the rows"),
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
        "UPDATE release SET justification_id = (SELECT justification_id FROM release WHERE recipient = 'US' "
        f"AND version_id = {M2}) WHERE {row('US', 'malware', 1, 2)}",
        "release US/",
        "shown without ground to US (its partners)",
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
