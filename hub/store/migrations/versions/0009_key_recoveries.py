"""Key recoveries"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "key_recovery",
        sa.Column("thumbprint", sa.String(length=64), nullable=False),
        sa.Column("member", sa.String(length=64), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("alg", sa.String(length=32), nullable=False),
        sa.Column("jwk", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_by", sa.String(length=64), nullable=True),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("statement", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["member"], ["member.id"], name=op.f("fk_key_recovery_member")),
        sa.ForeignKeyConstraint(["previous"], ["key.thumbprint"], name=op.f("fk_key_recovery_previous")),
        sa.ForeignKeyConstraint(["confirmed_by"], ["member.id"], name=op.f("fk_key_recovery_confirmed_by")),
        sa.PrimaryKeyConstraint("thumbprint", name=op.f("pk_key_recovery")),
    )
    op.create_index(op.f("ix_key_recovery_member"), "key_recovery", ["member"])
