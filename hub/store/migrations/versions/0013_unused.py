"""Indexes by which nothing is looked up, each of which cost every write, and histories that are done"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_UNUSED = {
    "agreement_event": "agreement_id",  # its unique (agreement_id, digest) is looked up by the first, too
    "deletion": "member",
    "disclosure": "member",
    "history": "done_at",
    "member": "nation",
    "token": "member",
}


def upgrade() -> None:
    for table, column in _UNUSED.items():
        op.drop_index(f"ix_{table}_{column}", table_name=table)
    history = sa.table("history", sa.column("done_at"))
    op.get_bind().execute(sa.delete(history).where(history.c.done_at.is_not(None)))
    op.drop_column("history", "done_at")
