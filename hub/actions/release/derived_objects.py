"""Makes derived objects (policy 7): redactions, links, anonymised objects and answers.

The hub makes a derived object with its first row, and never changes the object afterwards. Made ids are
random, one for each nation, id and form: references between derived objects stay whole, and no reader can
compute the original id.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import orjson

from hub.actions.service.service import Service
from hub.model import (
    ANONYMISED,
    Form,
    JsonObject,
    Justification,
    Kind,
    KnownSubmitters,
    Member,
    MemberId,
    NationCode,
    ObjectVersion,
    Registry,
    ServedObject,
    StixId,
    Tlp,
)
from hub.proofs import canonical
from hub.rules.release.forms import answered, audience, hidden_ids
from hub.stix.derived.redaction import redact
from hub.stix.derived.renaming import ids_in, is_value_based, rename
from hub.stix.marking.tlp import TLP_2_EXTENSION, TLP_IDS, definition_of
from hub.store.database.connection import Connection
from hub.store.ledger import derived_objects
from hub.store.ledger.derived_objects import Key
from hub.store.ledger.releases import NewRow
from hub.store.members import members
from hub.store.records import objects

_DERIVED_FROM: Final = "derived-from"


def audience_of(
    connection: Connection, origin: NationCode, about: NationCode, refers: Collection[StixId], answer: int
) -> Justification:
    """Return the readers of an answer in the nation `about` (policy 7).

    `answer` is the key of the answer's version, `refers` the ids in the answer.
    """
    # By position, not by date: only rows before the answer's first row count (hub/README: answer-to-made-id).
    behind = answered(derived_objects.originals(connection, origin, refers), about)
    told = derived_objects.first_positions(connection, origin, about, behind)
    came_at = derived_objects.first_position(connection, origin, answer) if answer > 0 else None
    return audience(
        behind, told, came_at, derived_objects.home_justifications(connection, about, set(behind.values()))
    )


def provide(
    service: Service, connection: Connection, origin: NationCode, rows: Sequence[NewRow]
) -> Sequence[NewRow]:
    """Return the rows with their derived objects, made now if missing; the caller holds the origin."""
    # INVARIANT: the lock on the origin keeps two transactions from making two ids for one object.
    asked = {(row.version.key, row.form): row for row in rows if row.form.label}
    made = derived_objects.stored(connection, {key for key, _ in asked})
    missing = [row for key, row in asked.items() if key not in made]
    if missing:
        made |= _Maker.of(service, connection, origin).make(missing)
    return [replace(row, made=made[row.version.key, row.form]) if row.form.label else row for row in rows]


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes the derived objects of one nation."""

    connection: Connection
    origin: NationCode
    members: Mapping[MemberId, Member]
    registry: Registry
    kept: frozenset[StixId]  # ids that name no source: of the hub, nations, certs and TLP
    ids: _Ids

    @classmethod
    def of(cls, service: Service, connection: Connection, origin: NationCode) -> _Maker:
        registry = service.registry
        known = {m.id: m for m in members.members(connection)}
        certs = {m.identity for m in known.values() if m.kind is Kind.CERT}
        cert = next(m.id for m in known.values() if m.nation == origin and m.kind is Kind.CERT)
        nations = {nation.identity_id for nation in registry.nations.values()}
        kept = {registry.hub_identity_id, *certs, *nations, *registry.rel_to, *TLP_IDS, TLP_2_EXTENSION}
        return cls(connection, origin, known, registry, frozenset(kept), _Ids(connection, origin, cert))

    @property
    def hub_identity(self) -> StixId:
        return self.registry.hub_identity_id

    def make(self, rows: Sequence[NewRow]) -> dict[Key, ServedObject]:
        """Make, store and return the derived objects of these rows, by version key and form.

        A deleted version gets a made id and no body: its row is not served, and must not have the original
        id.
        """
        gone = [row for row in rows if row.version.deleted_at is not None]
        rows = [row for row in rows if row.version.deleted_at is None]
        bodies = derived_objects.bodies(self.connection, {row.version.content_id for row in rows})
        originals = {id: orjson.loads(body) for id, body in bodies.items()}
        # One look-up for all rows: the statements would cost more than the rest of a submission.
        self.ids.look_up(rows, originals.values())
        made = {
            (row.version.key, row.form): self._object(
                row.version, row.form, originals[row.version.content_id]
            )
            for row in rows
        }
        gone_to = {(row.version.key, row.form): self._unserved(row) for row in gone}
        self.ids.keep()
        texts = {key: bytes(memoryview(orjson.dumps(obj))) for key, obj in made.items()}  # as in `reading`
        digests = {key: canonical.digest(obj) for key, obj in made.items()}
        by_digest = {digests[key]: text for key, text in texts.items()}
        contents = objects.insert_contents(self.connection, self.origin, by_digest)
        served = {
            key: ServedObject(StixId(obj["id"]), obj["type"], contents[digests[key]], len(texts[key]))
            for key, obj in made.items()
        }
        derived_objects.add(self.connection, served)
        return served | gone_to

    def _unserved(self, row: NewRow) -> ServedObject:
        id = self._made_id(row.version.id, row.form)
        return ServedObject(id, row.version.type, row.version.content_id, row.version.size)

    def _object(self, version: ObjectVersion, form: Form, obj: JsonObject) -> JsonObject:
        if form.is_link:
            return self._link(version, form, obj)
        if form.ceiling is not None:
            return self._redacted(version, form, form.ceiling, obj)
        if form.is_answer:
            return self._answer(version, form, obj)
        return self._anonymised(version, obj)

    # --- redaction ---

    def _redacted(self, version: ObjectVersion, form: Form, ceiling: Tlp, obj: JsonObject) -> JsonObject:
        left = redact(obj, ceiling)
        if left is None:
            raise RuntimeError("a version that has a cut leaves something")
        if form.is_anonymised:
            left = self._anonymised(version, left)
        # A reference to the object itself follows the new id.
        left = rename(left, {StixId(left["id"]): self._made_id(version.id, form)})
        if "created" in left:
            left["created_by_ref"] = self.hub_identity
        if version.markings.tlp is None:
            # A later container may raise the level up to the ceiling, and must not change the text.
            left["object_marking_refs"] = [*left.get("object_marking_refs", ()), definition_of(ceiling)]
        return left

    def _link(self, version: ObjectVersion, form: Form, obj: JsonObject) -> JsonObject:
        """Return the relationship from a redaction to its original, for readers of both (policy 7)."""
        redaction = form._replace(is_link=False)
        return {
            "type": "relationship",
            "spec_version": "2.1",
            "id": self._made_id(version.id, form, "relationship"),
            "created_by_ref": self.hub_identity,
            "created": obj.get("created", version.version),
            "modified": version.version,
            "relationship_type": _DERIVED_FROM,
            "source_ref": self._made_id(version.id, redaction),
            "target_ref": version.id,
            "object_marking_refs": [definition_of(version.tlp)],
        }

    # --- anonymising, and answering ---

    def _answer(self, version: ObjectVersion, form: Form, obj: JsonObject) -> JsonObject:
        """Return the object with the original ids of the nation `version.about` in place of made ids."""
        if version.about is None:
            raise RuntimeError("what answers nobody has no such form")
        behind = derived_objects.originals(self.connection, self.origin, version.refers)
        originals = answered(behind, version.about)
        if form.is_anonymised:
            obj = self._anonymised(version, obj, kept=frozenset(originals))
        return rename(obj, originals | {StixId(obj["id"]): self._made_id(version.id, form)})

    def _anonymised(
        self, version: ObjectVersion, obj: JsonObject, kept: frozenset[StixId] = frozenset()
    ) -> JsonObject:
        """Return the object as its nation's cert's own, with made ids for all ids of the source."""
        cert = self._cert_identity()
        kept |= self.kept | self.registry.at(version.submitted_at).informative_markings
        # INVARIANT: every id is replaced unless it names no source: an id left by oversight would disclose.
        names = self._names(ids_in(obj) - kept - {version.id})
        if not is_value_based(version.id, version.type):
            names |= self.ids.made([version.id], ANONYMISED)
        own = {self.members[version.member].identity, StixId(obj.get("created_by_ref", cert))} - {version.id}
        renamed = rename(obj, names | dict.fromkeys(own, cert))
        return renamed | {"created_by_ref": cert} if "created" in renamed else renamed

    def _names(self, ids: Collection[StixId]) -> dict[StixId, StixId]:  # (hub/README: anonymised-ids)
        """Return made ids for all ids of a member's other objects, submitted or not."""
        free = _free(ids)
        return self.ids.made(hidden_ids(free, self.ids.known(free)), ANONYMISED)

    def _cert_identity(self) -> StixId:
        return self.members[self.ids.cert].identity

    def _made_id(self, id: StixId, form: Form, object_type: str | None = None) -> StixId:
        return self.ids.made([id], form, object_type)[id]


@dataclass(frozen=True, slots=True)
class _Ids:
    """The submitters of ids, and the made ids, each loaded once for all objects of a transaction.

    Loading by object would cost four statements for each, more than the rest of a submission.
    """

    connection: Connection
    origin: NationCode
    cert: MemberId
    _asked: set[StixId] = field(default_factory=set)
    _by_cert: set[StixId] = field(default_factory=set)
    _by_others: set[StixId] = field(default_factory=set)
    _from_abroad: set[StixId] = field(default_factory=set)
    _looked_up: dict[Form, set[StixId]] = field(default_factory=lambda: defaultdict(set))
    _made: dict[Form, dict[StixId, StixId]] = field(default_factory=lambda: defaultdict(dict))
    _new: dict[Form, dict[StixId, StixId]] = field(default_factory=lambda: defaultdict(dict))

    def look_up(self, rows: Sequence[NewRow], originals: Iterable[JsonObject]) -> None:
        """Load the submitters and made ids of these rows and their objects."""
        by_form: dict[Form, set[StixId]] = defaultdict(set)
        for row in rows:
            by_form[row.form].add(row.version.id)
        if any(form.is_anonymised for form in by_form):
            free = _free({id for obj in originals for id in ids_in(obj)})
            self.known(free)
            by_form[ANONYMISED] |= free
        for form, ids in by_form.items():
            self._look_up(form, ids)

    def known(self, ids: Collection[StixId]) -> KnownSubmitters:
        """Return the submitters of `ids`, as far as the nation has records of these."""
        if asked := set(ids) - self._asked:
            found = derived_objects.known_submitters(self.connection, self.origin, self.cert, asked)
            self._asked.update(asked)
            self._by_cert.update(found.by_cert)
            self._by_others.update(found.by_others)
            self._from_abroad.update(found.from_abroad)
        sets = (self._by_cert, self._by_others, self._from_abroad)
        return KnownSubmitters(*(frozenset(one.intersection(ids)) for one in sets))

    def made(
        self, ids: Collection[StixId], form: Form, object_type: str | None = None
    ) -> dict[StixId, StixId]:
        """Return the made id of each id; `keep` stores new made ids."""
        self._look_up(form, ids)
        found = self._made[form]
        # Random ids: an id computed from the original could be tried out (policy 7).
        for id in sorted(id for id in ids if id not in found):
            self._new[form][id] = found[id] = StixId(f"{object_type or _type(id)}--{uuid.uuid4()}")
        return {id: found[id] for id in ids}

    def keep(self) -> None:
        """Store the new ids; the caller holds the origin."""
        for form, new in self._new.items():
            derived_objects.add_made_ids(self.connection, self.origin, form, new)
        self._new.clear()

    def _look_up(self, form: Form, ids: Collection[StixId]) -> None:
        if asked := set(ids) - self._looked_up[form]:
            self._made[form] |= derived_objects.made_ids(self.connection, self.origin, asked, form)
            self._looked_up[form] |= asked


def _free(ids: Collection[StixId]) -> set[StixId]:
    """Return the ids that are not derived from a value (UUID version 5)."""
    return {id for id in ids if not is_value_based(id, _type(id))}


def _type(id: StixId) -> str:
    return id.partition("--")[0]
