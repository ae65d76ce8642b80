"""The configuration that decides, the last use of a token, and submissions by nation"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "configuration",
        sa.Column("id", number, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_configuration")),
    )
    op.add_column(
        "hub_state", sa.Column("configuration", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.add_column("token", sa.Column("last_used_at", sa.BigInteger(), nullable=True))
    op.create_index("ix_submission_origin_requested_at", "submission", ["origin", "requested_at"])
