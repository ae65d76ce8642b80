"""The facts that decide on each version, interned: `hub work` determines the facts of all versions"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "fact_set",
        sa.Column("id", number, nullable=False),
        sa.Column("origin", sa.String(3), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fact_set")),
        sa.UniqueConstraint("origin", "digest", name=op.f("uq_fact_set_origin_digest")),
    )
    op.create_table(
        "version_fact_set",
        sa.Column("origin", sa.String(3), nullable=False),
        sa.Column("version_id", number, autoincrement=False, nullable=False),
        sa.Column("fact_set_id", number, nullable=True),
        sa.Column("submitted_at", sa.BigInteger(), nullable=False),
        sa.Column("oldest_at", sa.BigInteger(), nullable=False),
        sa.Column("is_deleted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["fact_set_id"], ["fact_set.id"], name=op.f("fk_version_fact_set_fact_set_id")
        ),
        sa.PrimaryKeyConstraint("origin", "version_id", name=op.f("pk_version_fact_set")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_version_fact_set_counted",
        "version_fact_set",
        ["origin", "is_deleted", "fact_set_id", "submitted_at", "oldest_at", "version_id"],
    )
