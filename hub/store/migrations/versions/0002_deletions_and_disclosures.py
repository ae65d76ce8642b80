"""Deletions, disclosures and rate limits"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "allowance",
        sa.Column("member", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("used_until", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["member"], ["member.id"], name=op.f("fk_allowance_member")),
        sa.PrimaryKeyConstraint("member", "kind", name=op.f("pk_allowance")),
    )
    op.create_table(
        "deletion",
        sa.Column("id", _ID, nullable=False),
        sa.Column("member", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.String(length=3), nullable=False),
        sa.Column("stix_id", sa.String(length=300), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("thumbprint", sa.String(length=64), nullable=True),
        sa.Column("nonce", sa.String(length=128), nullable=True),
        sa.Column("signed_at", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("signature_base", sa.Text(), nullable=True),
        sa.Column("signature", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["member"], ["member.id"], name=op.f("fk_deletion_member")),
        sa.ForeignKeyConstraint(["thumbprint"], ["key.thumbprint"], name=op.f("fk_deletion_thumbprint")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deletion")),
    )
    op.create_index(op.f("ix_deletion_member"), "deletion", ["member"])
    op.add_column("content", sa.Column("erased_at", sa.BigInteger(), nullable=True))
    # In words: SQLite takes a foreign key with a new column, but Alembic does not know that.
    integer = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    op.execute(
        f"ALTER TABLE object_version ADD COLUMN deletion_id {integer} "
        "CONSTRAINT fk_object_version_deletion_id REFERENCES deletion (id)"
    )
    op.add_column("object_version", sa.Column("deleted_at", sa.BigInteger(), nullable=True))
    op.create_index("ix_object_version_content_id", "object_version", ["content_id"])
    op.create_index("ix_object_version_submission_id", "object_version", ["submission_id"])
    op.create_index("ix_submission_item_id", "submission_item", ["id"])
    op.add_column("release", sa.Column("deleted_at", sa.BigInteger(), nullable=True))
    op.add_column("ledger", sa.Column("revision", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("period", sa.Column("ended_generation", sa.BigInteger(), nullable=True))
    op.create_table(
        "rejustification",
        sa.Column("id", _ID, nullable=False),
        sa.Column("recipient", sa.String(length=3), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("justification_id", _ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["justification_id"], ["justification.id"], name=op.f("fk_rejustification_justification_id")
        ),
        sa.ForeignKeyConstraint(
            ["recipient", "position"],
            ["release.recipient", "release.position"],
            name=op.f("fk_rejustification_recipient_position"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rejustification")),
    )
    op.create_index("ix_rejustification_recipient_position", "rejustification", ["recipient", "position"])
    op.create_table(
        "disclosure",
        sa.Column("id", _ID, nullable=False),
        sa.Column("member", sa.String(length=64), nullable=False),
        sa.Column("recipient", sa.String(length=3), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("first_position", sa.BigInteger(), nullable=False),
        sa.Column("last_position", sa.BigInteger(), nullable=False),
        sa.Column("positions", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["member"], ["member.id"], name=op.f("fk_disclosure_member")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disclosure")),
    )
    op.create_index(op.f("ix_disclosure_member"), "disclosure", ["member"])
    op.create_index("ix_disclosure_recipient_last_position", "disclosure", ["recipient", "last_position"])
