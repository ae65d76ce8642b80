"""Recalls: what was pulled back, from whom, and who has been told"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "recall",
        sa.Column("id", _ID, nullable=False),
        sa.Column("origin", sa.String(length=3), nullable=False),
        sa.Column("member", sa.String(length=64), nullable=False),
        sa.Column("stix_id", sa.String(length=300), nullable=False),
        sa.Column("reason", sa.String(length=8), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("looked_at", sa.BigInteger(), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recall")),
    )
    op.create_index(op.f("ix_recall_done_at"), "recall", ["done_at"])
    op.create_table(
        "recalled",
        sa.Column("recall_id", _ID, nullable=False),
        sa.Column("recipient", sa.String(length=3), nullable=False),
        sa.Column("version_id", _ID, nullable=False),
        sa.Column("tlp", sa.Integer(), nullable=True),
        sa.Column("members", sa.Text(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["recall_id"], ["recall.id"], name=op.f("fk_recalled_recall_id")),
        sa.ForeignKeyConstraint(["version_id"], ["object_version.id"], name=op.f("fk_recalled_version_id")),
        sa.PrimaryKeyConstraint("recall_id", "recipient", "version_id", name=op.f("pk_recalled")),
    )
    op.create_index(op.f("ix_recalled_version_id"), "recalled", ["version_id"])
    op.create_table(
        "notice",
        sa.Column("recall_id", _ID, nullable=False),
        sa.Column("member", sa.String(length=64), nullable=False),
        sa.Column("version_id", _ID, nullable=False),
        sa.ForeignKeyConstraint(["recall_id"], ["recall.id"], name=op.f("fk_notice_recall_id")),
        sa.ForeignKeyConstraint(["member"], ["member.id"], name=op.f("fk_notice_member")),
        sa.ForeignKeyConstraint(["version_id"], ["object_version.id"], name=op.f("fk_notice_version_id")),
        sa.PrimaryKeyConstraint("recall_id", "member", name=op.f("pk_notice")),
    )
    op.create_index(op.f("ix_notice_version_id"), "notice", ["version_id"])
