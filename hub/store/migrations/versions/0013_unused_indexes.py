"""Indexes by which nothing is looked up, each of which cost every write"""

from collections.abc import Sequence

from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_UNUSED = {
    "agreement_event": "agreement_id",  # its unique (agreement_id, digest) is looked up by the first, too
    "deletion": "member",
    "disclosure": "member",
    "member": "nation",
    "token": "member",
}


def upgrade() -> None:
    for table, column in _UNUSED.items():
        op.drop_index(f"ix_{table}_{column}", table_name=table)
