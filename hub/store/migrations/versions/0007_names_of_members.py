"""Short names and domains of members, and histories by clearance"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("member", sa.Column("short_names", sa.Text(), nullable=True))
    op.add_column("member", sa.Column("domains", sa.Text(), nullable=True))
    op.add_column("history", sa.Column("clearance", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("history", sa.Column("leaves_out", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("history", sa.Column("settled", sa.Integer(), nullable=False, server_default="0"))
