"""Epochs, the moment of a ledger's last decision, receipts of signed requests, and positions as text"""

import secrets
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_AT_ONCE = 1_000
_BITS = 7
_MORE = 1 << _BITS


def upgrade() -> None:
    op.add_column("hub_state", sa.Column("epoch", sa.String(32), nullable=False, server_default=""))
    op.add_column("hub_state", sa.Column("epoch_at", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("hub_state", sa.Column("timeline", sa.String(8), nullable=True))
    op.add_column("hub_state", sa.Column("standby_names", sa.Text(), nullable=True))
    op.add_column("hub_state", sa.Column("closed_at", sa.BigInteger(), nullable=True))
    op.add_column("hub_state", sa.Column("loss", sa.Text(), nullable=True))
    op.add_column("ledger", sa.Column("decided_at", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("nonce", sa.Column("receipt", sa.String(36), nullable=True))
    op.add_column("disclosure", sa.Column("epoch", sa.String(32), nullable=False, server_default=""))
    op.add_column("disclosure", sa.Column("runs", sa.Text(), nullable=False, server_default=""))
    connection = op.get_bind()
    epoch = secrets.token_hex(16)
    for table in ("hub_state", "disclosure"):
        connection.execute(sa.update(sa.table(table, sa.column("epoch"))).values(epoch=epoch))
    # Decisions were taken to be as late as the last date, until now.
    ledger = sa.table("ledger", sa.column("decided_at"), sa.column("last_date"))
    connection.execute(sa.update(ledger).values(decided_at=ledger.c.last_date))
    _rewrite_positions(connection)
    op.drop_column("disclosure", "positions")


def _rewrite_positions(connection: sa.Connection) -> None:
    table = sa.table("disclosure", sa.column("id"), sa.column("positions"), sa.column("runs"))
    last = 0
    while True:
        query = sa.select(table.c.id, table.c.positions).where(table.c.id > last)
        found = connection.execute(query.order_by(table.c.id).limit(_AT_ONCE)).all()
        if not found:
            return
        last = found[-1].id
        statement = sa.update(table).where(table.c.id == sa.bindparam("of"))
        rows = [{"of": id, "runs": _text(bytes(positions))} for id, positions in found]
        connection.execute(statement.values(runs=sa.bindparam("runs")), rows)


def _text(data: bytes) -> str:
    """Return the same runs as text; what was damaged is left as empty text, which `hub check` reports."""
    numbers: list[int] = []
    value = shift = 0
    for byte in data:
        value |= (byte % _MORE) << shift
        shift += _BITS
        if byte < _MORE:
            numbers.append(value)
            value = shift = 0
    if shift or len(numbers) % 2:
        return ""
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return ",".join(f"{gap}+{more}" if more else str(gap) for gap, more in pairs)
