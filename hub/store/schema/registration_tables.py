"""Tables of registrations by the operator: further identities, and keys in place of lost keys."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table, Text

from hub.store.schema.tables import key, member, metadata

key_recovery = Table(  # never deleted: the evidence of both acts
    "key_recovery",
    metadata,
    Column(
        "thumbprint", String(64), primary_key=True
    ),  # of the new key; the key itself is in `key` once valid
    Column("member", ForeignKey(member.c.id), nullable=False, index=True),
    Column("previous", ForeignKey(key.c.thumbprint), nullable=False),  # the lost key
    Column("alg", String(32), nullable=False),
    Column("jwk", Text, nullable=False),
    Column("reason", String(500), nullable=False),
    Column("requested_at", BigInteger, nullable=False),
    Column("withdrawn_at", BigInteger),
    Column("confirmed_by", ForeignKey(member.c.id)),
    Column("confirmed_at", BigInteger),
    Column("statement", Text),  # JWS by the agreement key of the confirming cert
)

member_identity = Table(  # further registered identities of a member
    "member_identity",
    metadata,
    Column("member", ForeignKey(member.c.id), primary_key=True),
    Column("identity", String(64), primary_key=True),
    Column("registered_at", BigInteger, nullable=False),
)
