"""Indexes by which a poll reads visible rows alone; each justification of one origin; own justifications"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_SERVED = "withdrawn_at IS NULL"
_J = sa.table("justification", *map(sa.column, ("id", "recipient", "origin", "digest", "classes")))
_C = sa.table("release", *map(sa.column, ("recipient", "position", "origin", "member", "justification_id")))
_R = sa.table("rejustification", *map(sa.column, ("recipient", "position", "justification_id")))


def upgrade() -> None:
    op.add_column("justification", sa.Column("origin", sa.String(3), nullable=False, server_default=""))
    op.create_index("ix_justification_recipient_id", "justification", ["recipient", "id"])
    for name in ("recipient_origin_position", "recipient_type_position", "recipient_stix_id"):
        op.drop_index(f"ix_release_{name}", table_name="release")
    _divide_by_origin(op.get_bind())
    _make_own_justifications(op.get_bind())
    justification, date = "justification_id", "date_added"
    _index("justified", ["recipient", justification, date, "is_newest", "position"], _SERVED)
    _index("typed", ["recipient", "type", justification, date], _SERVED)
    _index("identified", ["recipient", "stix_id", justification, date], None)
    _index("own", ["recipient", "member", justification, date], f"{_SERVED} AND origin = recipient")


def _index(name: str, columns: list[str], where: str | None) -> None:
    condition = None if where is None else sa.text(where)
    op.create_index(
        f"ix_release_{name}", "release", columns, sqlite_where=condition, postgresql_where=condition
    )


def _divide_by_origin(connection: sa.Connection) -> None:
    """Give each justification one origin: the first keeps the row, each further origin gets a new one."""
    at = sa.and_(_R.c.recipient == _C.c.recipient, _R.c.position == _C.c.position)
    former = sa.select(_R.c.justification_id, _C.c.origin).join(_C, at)
    used = sa.union(sa.select(_C.c.justification_id, _C.c.origin), former)
    origins: dict[int, list[str]] = defaultdict(list)
    for id, origin in sorted(map(tuple, connection.execute(used))):
        origins[id].append(origin)
    known = {row.id: row for row in connection.execute(sa.select(_J)).all()}
    for id, row in sorted(known.items()):
        first, *others = origins.get(id, [""])  # without rows: no origin, and nobody asks for it
        for origin in others:
            values = {"recipient": row.recipient, "origin": origin, "classes": row.classes}
            values["digest"] = _digest(origin, row.classes)
            new = connection.execute(sa.insert(_J).values(**values).returning(_J.c.id)).scalar_one()
            _move(connection, (id, new), origin)
        values = {"origin": first, "digest": _digest(first, row.classes)}
        connection.execute(sa.update(_J).where(_J.c.id == id).values(**values))


def _move(connection: sa.Connection, ids: tuple[int, int], origin: str) -> None:
    old, new = ids
    of_origin = (_C.c.recipient == _R.c.recipient, _C.c.position == _R.c.position, _C.c.origin == origin)
    former = (_R.c.justification_id == old, sa.exists().where(*of_origin))
    connection.execute(sa.update(_R).where(*former).values(justification_id=new))
    rows = (_C.c.justification_id == old, _C.c.origin == origin)
    connection.execute(sa.update(_C).where(*rows).values(justification_id=new))


def _digest(origin: str, classes: str) -> bytes:
    return hashlib.sha256(f"{origin}\n{classes}".encode()).digest()


def _make_own_justifications(connection: sa.Connection) -> None:
    table = op.create_table(
        "own_justification",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("recipient", sa.String(3), nullable=False),
        sa.Column("member", sa.String(64), nullable=False),
        sa.Column("justification_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["justification_id"],
            ["justification.id"],
            name=op.f("fk_own_justification_justification_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_own_justification")),
        sa.UniqueConstraint(
            "recipient",
            "member",
            "justification_id",
            name=op.f("uq_own_justification_recipient_member_justification_id"),
        ),
    )
    names = ["recipient", "member", "justification_id"]
    op.create_index(
        "ix_own_justification_recipient_member_id", "own_justification", ["recipient", "member", "id"]
    )
    at_home = _C.c.origin == _C.c.recipient
    own = sa.select(_C.c.recipient, _C.c.member, _C.c.justification_id).where(at_home).distinct()
    connection.execute(sa.insert(table).from_select(names, own))
