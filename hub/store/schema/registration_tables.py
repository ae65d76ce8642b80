"""Tables of what the operator registers for members: further identities, and keys in place of lost ones."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table, Text

from hub.store.schema.tables import key, member, metadata

key_recovery = Table(  # never deleted: it is the evidence of both acts
    "key_recovery",
    metadata,
    Column("thumbprint", String(64), primary_key=True),  # of the new key, which is in `key` once it is valid
    Column("member", ForeignKey(member.c.id), nullable=False, index=True),
    Column("previous", ForeignKey(key.c.thumbprint), nullable=False),  # the key that is lost
    Column("alg", String(32), nullable=False),
    Column("jwk", Text, nullable=False),
    Column("reason", String(500), nullable=False),
    Column("requested_at", BigInteger, nullable=False),
    Column("withdrawn_at", BigInteger),
    Column("confirmed_by", ForeignKey(member.c.id)),
    Column("confirmed_at", BigInteger),
    Column("statement", Text),  # JWS by the agreement key of who confirmed
)

member_identity = Table(  # the further identities that a member speaks as
    "member_identity",
    metadata,
    Column("member", ForeignKey(member.c.id), primary_key=True),
    Column("identity", String(64), primary_key=True),
    Column("registered_at", BigInteger, nullable=False),
)
