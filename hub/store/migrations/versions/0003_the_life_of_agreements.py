"""Amendments, suspensions, history and addressing"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("agreement", sa.Column("supersedes", sa.String(length=64), nullable=True))
    op.create_index(op.f("ix_agreement_supersedes"), "agreement", ["supersedes"])
    # A nation may suspend more than once; what no agreement has twice is a signed event.
    with op.batch_alter_table("agreement_event") as batch:
        batch.drop_constraint(op.f("uq_agreement_event_agreement_id_typ_nation"), type_="unique")
        batch.create_unique_constraint(
            op.f("uq_agreement_event_agreement_id_digest"), ["agreement_id", "digest"]
        )
    op.add_column("period", sa.Column("since", sa.Text(), nullable=True))
    op.add_column("period", sa.Column("continues", sa.String(length=64), nullable=True))
    op.create_table(
        "history",
        sa.Column("id", _ID, nullable=False),
        sa.Column("agreement_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("origin", sa.String(length=3), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("last_version", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["agreement_id"], ["agreement.id"], name=op.f("fk_history_agreement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history")),
    )
    op.create_index(op.f("ix_history_agreement_id"), "history", ["agreement_id"])
    op.create_index(op.f("ix_history_done_at"), "history", ["done_at"])
    op.add_column("object_version", sa.Column("rel_to", sa.Text(), nullable=True))
    op.create_index("ix_object_version_origin_id", "object_version", ["origin", "id"])
