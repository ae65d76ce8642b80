"""Items that cannot be read are counted beyond the first of them"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("submission_item", sa.Column("count", sa.Integer(), nullable=False, server_default="1"))
