"""How rows showed their versions, until they were narrowed where they are"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_ADDED = (("shown_rel_to", sa.Text()), ("shown_closed", sa.Boolean()))
_NOTED = (("shown_tlp", sa.Integer()), ("is_bound", sa.Boolean()), *_ADDED)


def upgrade() -> None:
    for table, columns in (("release", _ADDED), ("rejustification", _NOTED)):
        for name, kind in columns:
            op.add_column(table, sa.Column(name, kind, nullable=True))
    v = sa.table(
        "object_version",
        *(sa.column(name) for name in ("id", "rel_to", "is_closed", "is_home", "deleted_at")),
    )
    r = sa.table(
        "release",
        *(sa.column(name) for name in ("version_id", "withdrawn_at", "shown_rel_to", "shown_closed")),
    )
    # What is served, or was until it was deleted, is shown as it is; of what was hidden before, nobody knows.
    is_its = v.c.id == r.c.version_id
    values = {
        "shown_rel_to": sa.select(v.c.rel_to).where(is_its).scalar_subquery(),
        "shown_closed": sa.select(sa.or_(v.c.is_closed, v.c.is_home)).where(is_its).scalar_subquery(),
    }
    is_known = sa.exists().where(is_its, v.c.deleted_at == r.c.withdrawn_at)
    op.get_bind().execute(sa.update(r).where(sa.or_(r.c.withdrawn_at.is_(None), is_known)).values(**values))
