"""Damages to what belongs together, which leave more traces than one."""

from __future__ import annotations

from tests.actions.checks.places import M2, Damage, submission, version
from tests.stix_objects import stix_id

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
