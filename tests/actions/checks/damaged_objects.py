"""Damages to objects, to their contents and references, and what `hub check` must say of each."""

from __future__ import annotations

from tests.actions.checks.places import M2, Damage, content, version
from tests.stix_objects import stix_id

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
