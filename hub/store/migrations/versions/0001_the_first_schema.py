"""The first schema"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "content",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("origin", sa.String(length=3), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_content")),
        sa.UniqueConstraint("origin", "digest", name=op.f("uq_content_origin_digest")),
    )
    op.create_table(
        "creator_level",
        sa.Column("member", sa.String(length=64), nullable=False),
        sa.Column("identity", sa.String(length=300), nullable=False),
        sa.Column("tlp", sa.Integer(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("member", "identity", "tlp", name=op.f("pk_creator_level")),
    )
    op.create_table(
        "hub_state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hub_state")),
    )
    op.create_table(
        "justification",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recipient", sa.String(length=3), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("classes", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_justification")),
        sa.UniqueConstraint("recipient", "digest", name=op.f("uq_justification_recipient_digest")),
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    op.create_table(
        "ledger",
        sa.Column("recipient", sa.String(length=3), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("last_date", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("recipient", name=op.f("pk_ledger")),
    )
    op.create_table(
        "member",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("nation", sa.String(length=3), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("identity", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("suspended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member")),
    )
    op.create_index(op.f("ix_member_nation"), "member", ["nation"], unique=False)
    op.create_table(
        "nonce",
        sa.Column("thumbprint", sa.String(length=64), nullable=False),
        sa.Column("nonce", sa.String(length=128), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("thumbprint", "nonce", name=op.f("pk_nonce")),
    )
    op.create_index(op.f("ix_nonce_expires_at"), "nonce", ["expires_at"], unique=False)
    op.create_table(
        "origin",
        sa.Column("code", sa.String(length=3), nullable=False),
        sa.Column("submissions", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_origin")),
    )
    op.create_table(
        "agreement",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.String(length=64), nullable=False),
        sa.Column("proposed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["proposed_by"], ["member.id"], name=op.f("fk_agreement_proposed_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement")),
    )
    op.create_table(
        "key",
        sa.Column("thumbprint", sa.String(length=64), nullable=False),
        sa.Column("member", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("alg", sa.String(length=32), nullable=False),
        sa.Column("jwk", sa.Text(), nullable=False),
        sa.Column("registered_at", sa.BigInteger(), nullable=False),
        sa.Column("endorsement", sa.Text(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("revoke_reason", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(["member"], ["member.id"], name=op.f("fk_key_member")),
        sa.PrimaryKeyConstraint("thumbprint", name=op.f("pk_key")),
    )
    op.create_index(op.f("ix_key_member"), "key", ["member"], unique=False)
    op.create_table(
        "token",
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("member", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["member"], ["member.id"], name=op.f("fk_token_member")),
        sa.PrimaryKeyConstraint("public_id", name=op.f("pk_token")),
    )
    op.create_index(op.f("ix_token_member"), "token", ["member"], unique=False)
    op.create_table(
        "agreement_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("agreement_id", sa.String(length=64), nullable=False),
        sa.Column("typ", sa.String(length=16), nullable=False),
        sa.Column("nation", sa.String(length=3), nullable=False),
        sa.Column("member", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("thumbprint", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("jws", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agreement_id"], ["agreement.id"], name=op.f("fk_agreement_event_agreement_id")
        ),
        sa.ForeignKeyConstraint(["member"], ["member.id"], name=op.f("fk_agreement_event_member")),
        sa.ForeignKeyConstraint(
            ["thumbprint"], ["key.thumbprint"], name=op.f("fk_agreement_event_thumbprint")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement_event")),
        sa.UniqueConstraint(
            "agreement_id", "typ", "nation", name=op.f("uq_agreement_event_agreement_id_typ_nation")
        ),
    )
    op.create_index(
        op.f("ix_agreement_event_agreement_id"), "agreement_event", ["agreement_id"], unique=False
    )
    op.create_table(
        "agreement_party",
        sa.Column("agreement_id", sa.String(length=64), nullable=False),
        sa.Column("nation", sa.String(length=3), nullable=False),
        sa.ForeignKeyConstraint(
            ["agreement_id"], ["agreement.id"], name=op.f("fk_agreement_party_agreement_id")
        ),
        sa.PrimaryKeyConstraint("agreement_id", "nation", name=op.f("pk_agreement_party")),
    )
    op.create_index(op.f("ix_agreement_party_nation"), "agreement_party", ["nation"], unique=False)
    op.create_table(
        "period",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("agreement_id", sa.String(length=64), nullable=False),
        sa.Column("clause_index", sa.Integer(), nullable=False),
        sa.Column("clause", sa.Text(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["agreement_id"], ["agreement.id"], name=op.f("fk_period_agreement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_period")),
    )
    op.create_index(op.f("ix_period_agreement_id"), "period", ["agreement_id"], unique=False)
    op.create_table(
        "submission",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("member", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.String(length=3), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("thumbprint", sa.String(length=64), nullable=True),
        sa.Column("nonce", sa.String(length=128), nullable=True),
        sa.Column("signed_at", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("signature_base", sa.Text(), nullable=True),
        sa.Column("signature", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["member"], ["member.id"], name=op.f("fk_submission_member")),
        sa.ForeignKeyConstraint(["thumbprint"], ["key.thumbprint"], name=op.f("fk_submission_thumbprint")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission")),
    )
    op.create_index(op.f("ix_submission_member"), "submission", ["member"], unique=False)
    op.create_index(op.f("ix_submission_requested_at"), "submission", ["requested_at"], unique=False)
    op.create_table(
        "object_version",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("origin", sa.String(length=3), nullable=False),
        sa.Column("member", sa.String(length=64), nullable=False),
        sa.Column("stix_id", sa.String(length=300), nullable=False),
        sa.Column("type", sa.String(length=250), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("version_key", sa.String(length=64), nullable=False),
        sa.Column("is_newest", sa.Boolean(), nullable=False),
        sa.Column("has_spec_version", sa.Boolean(), nullable=False),
        sa.Column("submitted_at", sa.BigInteger(), nullable=False),
        sa.Column("submission_id", sa.String(length=36), nullable=True),
        sa.Column("content_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("own_tlp", sa.Integer(), nullable=True),
        sa.Column("raised_tlp", sa.Integer(), nullable=True),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.Column("is_contained", sa.Boolean(), nullable=False),
        sa.Column("is_accepted_definition", sa.Boolean(), nullable=False),
        sa.Column("effective_tlp", sa.Integer(), nullable=False),
        sa.Column("is_closed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["content_id"], ["content.id"], name=op.f("fk_object_version_content_id")),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submission.id"], name=op.f("fk_object_version_submission_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_object_version")),
        sa.UniqueConstraint(
            "member", "stix_id", "version_key", name=op.f("uq_object_version_member_stix_id_version_key")
        ),
    )
    op.create_index("ix_object_version_origin_stix_id", "object_version", ["origin", "stix_id"], unique=False)
    op.create_table(
        "submission_body",
        sa.Column("submission_id", sa.String(length=36), nullable=False),
        sa.Column("deflated", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submission.id"], name=op.f("fk_submission_body_submission_id")
        ),
        sa.PrimaryKeyConstraint("submission_id", name=op.f("pk_submission_body")),
    )
    op.create_table(
        "submission_item",
        sa.Column("submission_id", sa.String(length=36), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("succeeded", sa.Boolean(), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submission.id"], name=op.f("fk_submission_item_submission_id")
        ),
        sa.PrimaryKeyConstraint("submission_id", "index", name=op.f("pk_submission_item")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "reference",
        sa.Column("version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("target", sa.String(length=300), nullable=False),
        sa.Column("origin", sa.String(length=3), nullable=False),
        sa.Column("member", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["object_version.id"], name=op.f("fk_reference_version_id")),
        sa.PrimaryKeyConstraint("version_id", "kind", "target", name=op.f("pk_reference")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_reference_target_kind_origin", "reference", ["target", "kind", "origin"], unique=False
    )
    op.create_table(
        "release",
        sa.Column("recipient", sa.String(length=3), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("date_added", sa.BigInteger(), nullable=False),
        sa.Column("origin", sa.String(length=3), nullable=False),
        sa.Column("member", sa.String(length=64), nullable=False),
        sa.Column("version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("stix_id", sa.String(length=300), nullable=False),
        sa.Column("type", sa.String(length=250), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("version_key", sa.String(length=64), nullable=False),
        sa.Column("is_newest", sa.Boolean(), nullable=False),
        sa.Column("justification_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("content_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["content_id"], ["content.id"], name=op.f("fk_release_content_id")),
        sa.ForeignKeyConstraint(
            ["justification_id"], ["justification.id"], name=op.f("fk_release_justification_id")
        ),
        sa.ForeignKeyConstraint(["recipient"], ["ledger.recipient"], name=op.f("fk_release_recipient")),
        sa.ForeignKeyConstraint(["version_id"], ["object_version.id"], name=op.f("fk_release_version_id")),
        sa.PrimaryKeyConstraint("recipient", "position", name=op.f("pk_release")),
        sa.UniqueConstraint("recipient", "date_added", name=op.f("uq_release_recipient_date_added")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_release_recipient_origin_position", "release", ["recipient", "origin", "position"], unique=False
    )
    op.create_index("ix_release_recipient_stix_id", "release", ["recipient", "stix_id"], unique=False)
    op.create_index(
        "ix_release_recipient_type_position", "release", ["recipient", "type", "position"], unique=False
    )
    op.create_index("ix_release_version_id", "release", ["version_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_release_version_id", table_name="release")
    op.drop_index("ix_release_recipient_type_position", table_name="release")
    op.drop_index("ix_release_recipient_stix_id", table_name="release")
    op.drop_index("ix_release_recipient_origin_position", table_name="release")
    op.drop_table("release")
    op.drop_index("ix_reference_target_kind_origin", table_name="reference")
    op.drop_table("reference")
    op.drop_table("submission_item")
    op.drop_table("submission_body")
    op.drop_index("ix_object_version_origin_stix_id", table_name="object_version")
    op.drop_table("object_version")
    op.drop_index(op.f("ix_submission_requested_at"), table_name="submission")
    op.drop_index(op.f("ix_submission_member"), table_name="submission")
    op.drop_table("submission")
    op.drop_index(op.f("ix_period_agreement_id"), table_name="period")
    op.drop_table("period")
    op.drop_index(op.f("ix_agreement_party_nation"), table_name="agreement_party")
    op.drop_table("agreement_party")
    op.drop_index(op.f("ix_agreement_event_agreement_id"), table_name="agreement_event")
    op.drop_table("agreement_event")
    op.drop_index(op.f("ix_token_member"), table_name="token")
    op.drop_table("token")
    op.drop_index(op.f("ix_key_member"), table_name="key")
    op.drop_table("key")
    op.drop_table("agreement")
    op.drop_table("origin")
    op.drop_index(op.f("ix_nonce_expires_at"), table_name="nonce")
    op.drop_table("nonce")
    op.drop_index(op.f("ix_member_nation"), table_name="member")
    op.drop_table("member")
    op.drop_table("ledger")
    op.drop_table("lease")
    op.drop_table("justification")
    op.drop_table("hub_state")
    op.drop_table("creator_level")
    op.drop_table("content")
