"""Damages to signatures, agreements and the database, and what `hub check` must say of each."""

from __future__ import annotations

from tests.actions.checks.places import DELETED, Damage, agreement, submission

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
