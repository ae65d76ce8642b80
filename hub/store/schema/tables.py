"""Every table of the hub, on one page.

Instants are whole microseconds since 1970 in a BIGINT: both databases then order and compare the exact value.
Levels, clearances and counts are integers. JSON documents are text.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from hub.store.schema.epoch_columns import epoch_columns
from hub.store.schema.release_indexes import release_indexes
from hub.store.schema.shown_columns import shown_columns

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only for INTEGER
Instant = BigInteger

# --- ordering -----------------------------------------------------------------------------------

hub_state = Table(
    "hub_state",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("generation", BigInteger, nullable=False),  # grows when an agreement comes into force or ends
    Column("changed_at", Instant, nullable=False),
    Column("configuration", BigInteger, nullable=False, server_default="0"),  # the row in force; 0: none yet
    *epoch_columns(),
)

origin = Table(
    "origin",
    metadata,
    Column("code", String(3), primary_key=True),
    Column("submissions", BigInteger, nullable=False),  # grows with every submission of the nation
)

ledger = Table(
    "ledger",
    metadata,
    Column("recipient", String(3), primary_key=True),
    Column("position", BigInteger, nullable=False),  # of the last row. INVARIANT: gapless (I4)
    Column("last_date", Instant, nullable=False),  # INVARIANT: strictly increasing with position (I4)
    Column(
        "decided_at", Instant, nullable=False, server_default="0"
    ),  # the instant of the last decision; never decreases
    # Grows, under the lock, when rows are withdrawn, deleted, justified anew, or shown at another level.
    Column("revision", BigInteger, nullable=False),
)

lease = Table(  # background work that one worker at a time may do
    "lease",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("until", Instant, nullable=False),
)

# --- identity -----------------------------------------------------------------------------------

member = Table(
    "member",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("nation", String(3)),
    Column("kind", String(16), nullable=False),
    Column("name", String(256), nullable=False),
    Column("identity", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("suspended_at", Instant),
    Column("short_names", Text),  # JSON lists; NULL: none
    Column("domains", Text),
)

token = Table(
    "token",
    metadata,
    Column("public_id", String(16), primary_key=True),
    Column("member", ForeignKey(member.c.id), nullable=False),
    Column("digest", LargeBinary, nullable=False),  # HMAC-SHA-256 under the pepper
    Column("scopes", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("revoked_at", Instant),
    Column("last_used_at", Instant),  # as far as recorded; null: never
)

key = Table(  # never deleted: evidence refers to it
    "key",
    metadata,
    Column("thumbprint", String(64), primary_key=True),
    Column("member", ForeignKey(member.c.id), nullable=False, index=True),
    Column("purpose", String(16), nullable=False),
    Column("alg", String(32), nullable=False),
    Column("jwk", Text, nullable=False),
    Column("registered_at", Instant, nullable=False),
    Column("endorsement", Text),  # JWS by the agreement key before this one
    Column("revoked_at", Instant),
    Column("revoke_reason", String(500)),
)

nonce = Table(
    "nonce",
    metadata,
    Column("thumbprint", String(64), primary_key=True),
    Column("nonce", String(128), primary_key=True),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("receipt", String(36)),  # of the accepted request, such as the id of a status
)

# --- agreements: documents and events, never edited ---------------------------------------------

agreement = Table(
    "agreement",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("document", Text, nullable=False),
    Column("proposed_by", ForeignKey(member.c.id), nullable=False),
    Column("proposed_at", Instant, nullable=False),
    Column("supersedes", String(64), index=True),  # no foreign key: adding one would copy the table
)

agreement_party = Table(  # the nations that must sign it, and may read it
    "agreement_party",
    metadata,
    Column("agreement_id", ForeignKey(agreement.c.id), primary_key=True),
    Column("nation", String(3), primary_key=True, index=True),
)

agreement_event = Table(
    "agreement_event",
    metadata,
    Column("id", Id, primary_key=True),
    Column("agreement_id", ForeignKey(agreement.c.id), nullable=False),
    Column("typ", String(16), nullable=False),
    Column("nation", String(3), nullable=False),
    Column("member", ForeignKey(member.c.id), nullable=False),
    Column("at", Instant, nullable=False),
    Column("thumbprint", ForeignKey(key.c.thumbprint), nullable=False),
    Column("digest", String(64), nullable=False),  # SHA-256 of the JWS, hexadecimal
    Column("jws", Text, nullable=False),
    UniqueConstraint("agreement_id", "digest"),
)

period = Table(
    "period",
    metadata,
    Column("id", Id, primary_key=True),
    Column("agreement_id", ForeignKey(agreement.c.id), nullable=False, index=True),
    Column("clause_index", Integer, nullable=False),
    Column("clause", Text, nullable=False),  # as the rules read it from the signed document
    Column("start", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Column("since", Text),  # instants by recipient; null: the start for all
    Column("continues", String(64)),  # the agreement before, without a gap
    Column("ended_at", Instant),
    Column("ended_generation", BigInteger),  # the generation after its ending
)

history = Table(  # the work of an agreement on rows of earlier versions
    "history",
    metadata,
    Column("id", Id, primary_key=True),
    Column("agreement_id", ForeignKey(agreement.c.id), nullable=False, index=True),
    Column("kind", String(8), nullable=False),  # prepare | append
    Column("origin", String(3), nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("last_version", BigInteger, nullable=False),  # the last version reached
    # One walk for each clearance, the widest first (policy 9): this walk gives rows up to `clearance`. It may
    # have left out narrower rows. Levels visible to `settled` need no other walk.
    Column("clearance", Integer, nullable=False, server_default="1"),
    Column("leaves_out", Boolean, nullable=False, server_default=false()),
    Column("settled", Integer, nullable=False, server_default="0"),
)

# --- submissions and evidence -------------------------------------------------------------------

submission = Table(
    "submission",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("member", ForeignKey(member.c.id), nullable=False, index=True),
    Column("origin", String(3), nullable=False),
    Column("requested_at", Instant, nullable=False, index=True),
    Column("thumbprint", ForeignKey(key.c.thumbprint)),
    Column("nonce", String(128)),
    Column("signed_at", Instant),
    Column("expires_at", Instant),
    Column("signature_base", Text),
    Column("signature", LargeBinary),
    Index("ix_submission_origin_requested_at", "origin", "requested_at"),
)

submission_body = Table(  # apart: erased with the last of its objects
    "submission_body",
    metadata,
    Column("submission_id", ForeignKey(submission.c.id), primary_key=True),
    Column("deflated", LargeBinary, nullable=False),  # the raw body, zlib (RFC 1950)
)

submission_item = Table(
    "submission_item",
    metadata,
    Column("submission_id", ForeignKey(submission.c.id), primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("succeeded", Boolean, nullable=False),
    Column("message", Text),
    Column("count", Integer, nullable=False, server_default="1"),  # of items with this outcome
    Index("ix_submission_item_id", "id"),
    sqlite_with_rowid=False,
)

deletion = Table(  # evidence like that of a submission. INVARIANT: never erased
    "deletion",
    metadata,
    Column("id", Id, primary_key=True),
    Column("member", ForeignKey(member.c.id), nullable=False),
    Column("origin", String(3), nullable=False),
    Column("stix_id", String(300), nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("thumbprint", ForeignKey(key.c.thumbprint)),
    Column("nonce", String(128)),
    Column("signed_at", Instant),
    Column("expires_at", Instant),
    Column("signature_base", Text),
    Column("signature", LargeBinary),
)

# --- objects ------------------------------------------------------------------------------------

content = Table(  # INVARIANT: immutable, but for erasure; shared only within one origin
    "content",
    metadata,
    Column("id", Id, primary_key=True),
    Column("origin", String(3), nullable=False),
    Column("digest", LargeBinary, nullable=False),  # SHA-256 of the RFC 8785 form
    Column("size", Integer, nullable=False),
    # Compact JSON text, the submitted value unchanged; empty once erased.
    Column("body", LargeBinary, nullable=False),
    Column("erased_at", Instant),
    UniqueConstraint("origin", "digest"),
)

object_version = Table(
    "object_version",
    metadata,
    Column("id", Id, primary_key=True),
    Column("origin", String(3), nullable=False),
    Column("member", String(64), nullable=False),
    Column("stix_id", String(300), nullable=False),
    Column("type", String(250), nullable=False),
    Column("version", String(64), nullable=False),  # as submitted
    Column("version_key", String(64), nullable=False),  # ordered as text
    # In its record: the last undeleted version, else the last.
    Column("is_newest", Boolean, nullable=False),
    Column("has_spec_version", Boolean, nullable=False),
    Column("submitted_at", Instant, nullable=False),
    Column("submission_id", ForeignKey(submission.c.id)),  # null: the hub's own
    Column("content_id", ForeignKey(content.c.id), nullable=False),
    # Its own marking (policy 2.1 and 2.5), then the effective marking.
    Column("own_tlp", Integer),
    Column("raised_tlp", Integer),
    Column("fault", Text),
    Column("is_contained", Boolean, nullable=False),  # level from a container or predecessor
    Column("is_accepted_definition", Boolean, nullable=False),
    Column("effective_tlp", Integer, nullable=False),
    Column("is_closed", Boolean, nullable=False),
    Column("rel_to", Text),  # nations, with commas; empty: nobody; null: no such marking
    Column("base_tlp", Integer),  # without granular markings and labels; null: the effective one
    Column("cuts", Text),  # the rest after each redaction, as JSON; null: no redaction possible
    Column("guise", String(8)),  # plain | renamed | none, with a hidden source; null: none
    Column("about", String(3)),  # the nation of its made ids; empty: several nations
    Column("created", String(64)),  # as a version key; null: none
    Column("same", LargeBinary),  # of a name: digest without created, modified and created_by_ref
    Column("revoked", Boolean, nullable=False, server_default=false()),
    # INVARIANT: decided once, when submitted, and never judged again (policy 2.4, 2.7 and 8).
    Column("is_home", Boolean, nullable=False, server_default=false()),
    Column("is_copy", Boolean, nullable=False, server_default=false()),
    Column("taken_tlp", Integer),  # from colleagues' objects; null: nothing
    Column("taken_rel_to", Text),
    Column("taken_closed", Boolean, nullable=False, server_default=false()),
    Column("limits", Text),  # nations with clearances (policy 8); null: everywhere
    Column("base_rel_to", Text),  # without the part taken over
    Column("given_tlp", Integer),  # handed down by a container; null: no container
    Column("given_rel_to", Text),
    Column("given_closed", Boolean, nullable=False, server_default=false()),
    Column("closed_by", Text),  # containers that gave a name its closure, as JSON
    Column("deletion_id", ForeignKey(deletion.c.id)),
    Column("deleted_at", Instant),
    UniqueConstraint("member", "stix_id", "version_key"),
    Index("ix_object_version_origin_stix_id", "origin", "stix_id"),
    Index("ix_object_version_content_id", "content_id"),
    Index("ix_object_version_submission_id", "submission_id"),
    Index("ix_object_version_origin_id", "origin", "id"),
)

reference = Table(
    "reference",
    metadata,
    Column("version_id", ForeignKey(object_version.c.id), primary_key=True),
    Column("kind", String(8), primary_key=True),  # refers | contains | creator | marking
    Column("target", String(300), primary_key=True),
    Column("origin", String(3), nullable=False),
    Column("member", String(64), nullable=False),
    Index("ix_reference_target_kind_origin", "target", "kind", "origin"),
    sqlite_with_rowid=False,
)

creator_level = Table(  # how many newest versions of a member name an identity, by level (policy 2.4)
    "creator_level",
    metadata,
    Column("member", String(64), primary_key=True),
    Column("identity", String(300), primary_key=True),
    Column("tlp", Integer, primary_key=True),
    Column("count", BigInteger, nullable=False),
)

# --- releases -----------------------------------------------------------------------------------

justification = Table(  # interned: few, however many objects
    "justification",
    metadata,
    Column("id", Id, primary_key=True),
    Column("recipient", String(3), nullable=False),
    # The origin of every row with this justification. So a poll of one origin asks for fewer justifications.
    Column("origin", String(3), nullable=False, server_default=""),
    Column("digest", LargeBinary, nullable=False),  # SHA-256 of origin and classes
    Column("classes", Text, nullable=False),  # [[[period, clearance, member], …], …]
    UniqueConstraint("recipient", "digest"),
    Index("ix_justification_recipient_id", "recipient", "id"),
)

release = Table(  # INVARIANT: rows are marked, never removed; a position never changes its version
    "release",
    metadata,
    Column("recipient", String(3), primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("date_added", Instant, nullable=False),
    Column("origin", String(3), nullable=False),
    Column("member", String(64), nullable=False),
    Column("version_id", ForeignKey(object_version.c.id), nullable=False),
    Column("stix_id", String(300), nullable=False),
    Column("type", String(250), nullable=False),
    Column("version", String(64), nullable=False),
    Column("version_key", String(64), nullable=False),
    Column("is_newest", Boolean, nullable=False),
    Column("justification_id", ForeignKey(justification.c.id), nullable=False),
    Column("content_id", ForeignKey(content.c.id), nullable=False),
    Column("size", Integer, nullable=False),  # bytes of the content
    Column("rendition", String(40)),  # the form; null: as submitted
    *shown_columns(),
    Column("withdrawn_at", Instant),
    # Withdrawn by a deletion: not served, but its justification goes on counting (policy 2.7).
    Column("deleted_at", Instant),
    ForeignKeyConstraint(["recipient"], ["ledger.recipient"]),
    UniqueConstraint("recipient", "date_added"),
    *release_indexes(),
    Index("ix_release_version_id", "version_id"),
    sqlite_with_rowid=False,
)

rejustification = Table(  # INVARIANT: append-only. A justification of a row before a change in place
    "rejustification",
    metadata,
    Column("id", Id, primary_key=True),
    Column("recipient", String(3), nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("until", Instant, nullable=False),
    Column("revision", BigInteger, nullable=False),  # of the ledger after the change
    Column("justification_id", ForeignKey(justification.c.id), nullable=False),
    *shown_columns(),  # as in the row before
    ForeignKeyConstraint(["recipient", "position"], ["release.recipient", "release.position"]),
    Index("ix_rejustification_recipient_position", "recipient", "position"),
)
