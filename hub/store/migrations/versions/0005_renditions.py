"""Redacted and anonymised objects, and answers"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("object_version", sa.Column("base_tlp", sa.Integer(), nullable=True))
    op.add_column("object_version", sa.Column("cuts", sa.Text(), nullable=True))
    op.add_column("object_version", sa.Column("guise", sa.String(length=8), nullable=True))
    op.add_column("object_version", sa.Column("about", sa.String(length=3), nullable=True))
    op.add_column("release", sa.Column("rendition", sa.String(length=40), nullable=True))
    op.create_table(
        "made_id",
        sa.Column("origin", sa.String(length=3), nullable=False),
        sa.Column("stix_id", sa.String(length=300), nullable=False),
        sa.Column("rendition", sa.String(length=40), nullable=False),
        sa.Column("made", sa.String(length=300), nullable=False),
        sa.PrimaryKeyConstraint("origin", "stix_id", "rendition", name=op.f("pk_made_id")),
        sa.UniqueConstraint("made", name=op.f("uq_made_id_made")),
    )
    op.create_table(
        "rendition",
        sa.Column("version_id", _ID, nullable=False),
        sa.Column("rendition", sa.String(length=40), nullable=False),
        sa.Column("stix_id", sa.String(length=300), nullable=False),
        sa.Column("type", sa.String(length=250), nullable=False),
        sa.Column("content_id", _ID, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["object_version.id"], name=op.f("fk_rendition_version_id")),
        sa.ForeignKeyConstraint(["content_id"], ["content.id"], name=op.f("fk_rendition_content_id")),
        sa.PrimaryKeyConstraint("version_id", "rendition", name=op.f("pk_rendition")),
    )
    op.create_index(op.f("ix_rendition_content_id"), "rendition", ["content_id"])
    op.create_index(op.f("ix_rendition_stix_id"), "rendition", ["stix_id"])
