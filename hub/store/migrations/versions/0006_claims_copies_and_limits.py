"""Claims, copies, limits, and the level at which rows are shown"""

from collections.abc import Sequence

import orjson
import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_CONTAINERS = ("report", "grouping")
_NAMES = (
    *("attack-pattern", "course-of-action", "identity", "intrusion-set", "location", "malware"),
    *("threat-actor", "tool", "vulnerability"),
)
_ROWS = 1_000


def upgrade() -> None:
    for column in (
        sa.Column("created", sa.String(length=64), nullable=True),
        sa.Column("same", sa.LargeBinary(), nullable=True),
        sa.Column("revoked", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("is_home", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("is_copy", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("taken_tlp", sa.Integer(), nullable=True),
        sa.Column("taken_rel_to", sa.Text(), nullable=True),
        sa.Column("taken_closed", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("limits", sa.Text(), nullable=True),
        sa.Column("base_rel_to", sa.Text(), nullable=True),
        sa.Column("given_tlp", sa.Integer(), nullable=True),
        sa.Column("given_rel_to", sa.Text(), nullable=True),
        sa.Column("given_closed", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("closed_by", sa.Text(), nullable=True),
    ):
        op.add_column("object_version", column)
    op.add_column("release", sa.Column("shown_tlp", sa.Integer(), nullable=True))
    op.add_column("release", sa.Column("is_bound", sa.Boolean(), nullable=True))
    op.create_table(
        "member_identity",
        sa.Column("member", sa.String(length=64), nullable=False),
        sa.Column("identity", sa.String(length=64), nullable=False),
        sa.Column("registered_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["member"], ["member.id"], name=op.f("fk_member_identity_member")),
        sa.PrimaryKeyConstraint("member", "identity", name=op.f("pk_member_identity")),
    )
    _fill()


def _fill() -> None:
    """Note of what is stored what later submissions are compared with, as the bodies have it."""
    v = sa.table(
        "object_version",
        *(sa.column(name) for name in ("id", "type", "content_id", "effective_tlp", "rel_to", "is_closed")),
        *(sa.column(name) for name in ("created", "revoked", "base_rel_to", "closed_by", "own_tlp")),
        *(sa.column(name) for name in ("is_contained", "member", "guise")),
        *(sa.column(name) for name in ("given_tlp", "given_rel_to", "given_closed")),
    )
    content = sa.table("content", sa.column("id"), sa.column("body"))
    connection = op.get_bind()
    connection.execute(sa.update(v).values(base_rel_to=v.c.rel_to))
    given = {"given_tlp": v.c.effective_tlp, "given_rel_to": v.c.rel_to, "given_closed": v.c.is_closed}
    connection.execute(sa.update(v).where(v.c.type.in_(_CONTAINERS)).values(**given))
    # A container that is none: what was closed by one stays so until its member submits a new version.
    was_closed = (v.c.type.in_(_NAMES), v.c.own_tlp.is_(None), v.c.is_closed, v.c.is_contained)
    connection.execute(sa.update(v).where(*was_closed).values(closed_by='[["",""]]'))
    # Of a cert's version it tells from now on whether it names what only its colleagues submitted.
    member = sa.table("member", sa.column("id"), sa.column("kind"))
    certs = sa.select(member.c.id).where(member.c.kind == "cert")
    connection.execute(sa.update(v).where(v.c.member.in_(certs)).values(guise="renamed"))
    last = 0
    while True:
        query = (
            sa.select(v.c.id, content.c.body)
            .select_from(v.join(content, content.c.id == v.c.content_id))
            .where(v.c.id > last)
            .order_by(v.c.id)
            .limit(_ROWS)
        )
        rows = connection.execute(query).all()
        if not rows:
            return
        last = rows[-1].id
        for id, body in rows:
            document = orjson.loads(body) if body else {}
            created, revoked = document.get("created"), document.get("revoked") is True
            values = {"created": _key(created), "revoked": revoked}
            if created is not None or revoked:
                connection.execute(sa.update(v).where(v.c.id == id).values(**values))


def _key(created: object) -> str | None:
    """Return the instant as versions are compared: without Z and trailing zeros of its fraction."""
    if not isinstance(created, str):
        return None
    seconds, _, fraction = created.removesuffix("Z").partition(".")
    fraction = fraction.rstrip("0")
    return f"{seconds}.{fraction}" if fraction else seconds
