"""A hub's answer on an agreement, verified by its reader: the document and the signatures over it.

Pure: the hub's answer, keys and the time come in, a `Review` comes out. Nothing in the hub's own view is
believed. The view is compared with the document and the valid signatures; each difference is a finding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, Final, NamedTuple

from hub.client.agreement import terms
from hub.client.agreement.signers import Signers, Trust
from hub.client.agreement.steps import (
    AppliedSteps,
    Signature,
    apply,
    instant,
)
from hub.client.errors import ClientError
from hub.errors import HubError
from hub.model import JsonObject
from hub.proofs import documents
from hub.proofs.canonical import canonical

STEPS: Final = ("sign", "suspend", "resume", "terminate")
ENDINGS: Final = ("suspend", "terminate")  # these steps only take away: see `StoppedSteps`
_PAYLOAD: Final = {"typ", "agreement", "previous"}
_REPEATED: Final = ("title", "valid_from", "valid_until", "supersedes", "clauses")  # in the view, too
_CLOCKS_DIFFER: Final = timedelta(minutes=5)  # clocks of hub and reader
_MAX_EVENTS: Final = 10_000  # events beyond are not verified: each costs CPU time
_DIGEST_NAME: Final = "sha-256:"
_DIGEST_LENGTH: Final = 64
_SHOWN: Final = 100  # characters of a value in a finding


class StoppedSteps(IntEnum):  # (hub/README: findings-stop)
    """The steps that a finding stops: none, the giving steps (propose, sign, resume), or every step."""

    NOTHING = 0
    GIVING = 1
    EVERY_STEP = 2


class Finding(NamedTuple):
    """A sentence on something wrong, and the steps that it stops."""

    sentence: str
    stops: StoppedSteps = StoppedSteps.GIVING


@dataclass(frozen=True, slots=True)
class Review:
    """An agreement as its reader has verified it. `view` is the hub's own statement.

    `needed` are the nations that must sign, according to the documents. `former` is the review of the
    superseded agreement; where the hub does not show that agreement, `former_problem` says why.
    """

    document: JsonObject
    digest: str
    signatures: tuple[Signature, ...]
    needed: frozenset[str]
    findings: tuple[Finding, ...]
    view: JsonObject
    signers: Signers
    former: Review | None = None
    former_problem: Finding | None = None

    @property
    def id(self) -> str:
        return str(self.document["id"])

    @property
    def signed_by(self) -> frozenset[str]:
        """The nations with a valid signature under the document."""
        return frozenset(one.nation for one in self.signatures if one.typ == "sign" and one.fault is None)

    @property
    def last_event(self) -> str | None:
        """The digest that the next step must name (policy 5)."""
        return self.signatures[-1].digest if self.signatures else None

    def has(self, jws: str) -> bool:
        """Return whether this very step is among the valid steps."""
        digest = hashlib.sha256(jws.encode()).hexdigest()
        return any(one.digest == digest and one.fault is None for one in self.signatures)

    @property
    def is_sound(self) -> bool:
        """Return whether nothing speaks against signing."""
        return not any(self.objections("sign"))

    def to_json(self) -> JsonObject:
        """Return the hub's view, corrected by the document and by the verified signatures."""
        said: JsonObject = {name: self.document[name] for name in _REPEATED if name in self.document}
        return {
            **self.view,
            **said,
            "id": self.id,
            "parties": sorted(_texts(self.document.get("parties"))),
            "digest": self.digest,
            "to_sign": sorted(self.needed),
            "signed_by": sorted(self.signed_by),
            "signatures": [one.to_json() for one in self.signatures],
            "findings": [
                {"sentence": one.sentence, "stops": one.stops.name.lower()} for one in self.findings
            ],
        }

    def objections(self, step: str) -> Iterator[str]:
        """Yield a sentence for each reason not to take a step."""
        # A lie about other nations must not prevent an ending.
        least = StoppedSteps.EVERY_STEP if step in ENDINGS else StoppedSteps.GIVING
        yield from (one.sentence for one in self.findings if one.stops >= least)
        own = self.signers.own_nation
        if step in ("suspend", "resume") and own is not None and own not in self.signed_by:
            yield f"{own} has not signed this document: there is nothing of it to {step}."


def digest_of(document: JsonObject) -> str:
    """Return the digest of a document, SHA-256 of its RFC 8785 form. ClientError if there is no such form."""
    return f"{_DIGEST_NAME}{hashlib.sha256(_canonical(document)).hexdigest()}"


def check_digest(document: JsonObject, digest: str, *, least: int = _DIGEST_LENGTH) -> None:
    """Return if `digest`, or its first `least` or more digits, is the document's digest.

    Letter case and the algorithm's name in front do not matter. Raises ClientError.
    """
    given = digest.strip().lower().removeprefix(_DIGEST_NAME)
    if not least <= len(given) <= _DIGEST_LENGTH or not set(given) <= set("0123456789abcdef"):
        raise ClientError(
            f"{digest!r} is no digest: it has {_DIGEST_LENGTH} hexadecimal digits"
            + ("" if least == _DIGEST_LENGTH else f", of which the first {least} are enough")
            + ". Nothing was signed."
        )
    actual = digest_of(document)
    if not actual.removeprefix(_DIGEST_NAME).startswith(given):
        raise ClientError(
            f"The hub gives another document than the one you mean: its digest is {actual}. "
            "Read it (`hub agreement show`) and ask who told you the digest. Nothing was signed."
        )


def other_members(given: JsonObject, document: JsonObject) -> list[str]:
    """Return the members in which the hub's document differs; `id` and `hub` are the hub's additions."""
    added = {name for name in ("id", "hub") if name not in given}
    names = (given.keys() | document.keys()) - added
    return sorted(n for n in names if n not in given or n not in document or not _same(given[n], document[n]))


def check_document(given: JsonObject, document: JsonObject, place: str) -> None:
    """Return if the documents are equal but for the hub's additions. Raises ClientError otherwise."""
    if differing := other_members(given, document):
        raise ClientError(
            f"The hub gives another document than {place}: it differs in {', '.join(differing)}. "
            "Nothing was signed."
        )


def review(
    view: JsonObject,
    signers: Signers,
    now: datetime,
    former: Review | None = None,
    former_problem: Finding | None = None,
) -> Review:
    """Return the verified part of a hub's answer.

    1. Each signature: over this document, by a key of the named nation, after the step before.
    2. The state that follows from the valid steps, in order.
    3. The hub's view, compared with both, and the keys of the nations that must sign.

    `view` has a `document` with an `id`. Raises ClientError for a document without canonical form.
    """
    document: JsonObject = view["document"]
    body, events = _canonical(document), view.get("events")
    signatures: list[Signature] = []
    for event in events[:_MAX_EVENTS] if isinstance(events, list) else []:
        before = signatures[-1].digest if signatures else None
        signatures.append(_verified(event, before, body, signers))  # 1
    needed = _texts(document.get("parties")) | _needed_before(view, document, former, former_problem)
    applied = apply(signatures, needed)  # 2
    findings = [  # 3
        *_form_findings(document),
        *_signature_findings(signatures, signers),
        *(Finding(f"The steps are not in an order that can be: {one}") for one in applied.faults),
        *_view_findings(view, document, signatures, needed),
        *_signer_findings(view, signatures, signers.own_nation),
        *_state_findings(view, applied, now),
        *_key_findings(signers, sorted(needed)),
    ]
    findings += _former_findings(former, former_problem, findings)
    return Review(
        *(document, digest_of(document), tuple(signatures), needed, tuple(dict.fromkeys(findings)), view),
        *(signers, former, former_problem),
    )


def _former_findings(
    former: Review | None, problem: Finding | None, known: Sequence[Finding]
) -> Iterator[Finding]:
    """Yield the findings on the superseded agreement. A hub may invent a document that not all signed."""
    if problem is not None and problem.stops is not StoppedSteps.NOTHING:
        yield Finding(f"What it supersedes cannot be shown: {problem.sentence}", problem.stops)
    if former is None:
        return
    for one in former.findings:
        if one not in known:  # findings on keys are the same in both reviews
            yield Finding(f"What it supersedes: {one.sentence}", min(one.stops, StoppedSteps.GIVING))
    if lacking := former.needed - former.signed_by:
        yield Finding(
            f"What it supersedes has no signature that holds of {', '.join(sorted(lacking))}: an amendment "
            "is of what all have signed, and this may be another document."
        )


def _needed_before(
    view: JsonObject, document: JsonObject, former: Review | None, problem: Finding | None
) -> frozenset[str]:
    """Return the parties of the superseded agreement, which must sign too (policy 5)."""
    # Where that document cannot be read, the hub's word is taken: it can only add signers.
    if former is not None:
        return _texts(former.document.get("parties"))
    return _texts(view.get("to_sign")) if problem is not None and "supersedes" in document else frozenset()


def _form_findings(document: JsonObject) -> Iterator[Finding]:
    for place, term in terms.every(document):
        if term.fault is not None:
            yield Finding(f"In {place}, {term.name} {term.fault}: {_short(term.words)}.")
        elif not term.is_known:
            yield Finding(
                f"In {place}, {term.name} is not known to this version: read what it says.",
                StoppedSteps.NOTHING,
            )
    yield from map(Finding, terms.contradictions(document))


# --- signatures -------------------------------------------------------------------------------


def _verified(event: Any, before: str | None, body: bytes, signers: Signers) -> Signature:
    given = event if isinstance(event, dict) else {}
    typ, nation, at, thumbprint = (str(given.get(name)) for name in ("typ", "nation", "at", "thumbprint"))
    jws = given.get("jws")
    text = jws if isinstance(jws, str) else ""
    digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()
    found = signers.keys.get(thumbprint)
    try:
        payload, _ = documents.verify_document(
            text, lambda kid: found.registered() if found is not None and kid == thumbprint else None
        )
    except HubError as error:
        why = str(error) if found is not None else "the hub gives no such key"
        return Signature(typ, nation, at, thumbprint, digest, fault=why)
    # INVARIANT: a step counts only under this document and after the step before it (policy 5).
    expected = None if typ == "sign" else before
    fault: str | None = None
    if found is None or found.nation != nation:
        fault = f"the key is not one of {nation}"
    elif typ not in STEPS or payload.keys() != _PAYLOAD or payload["typ"] != typ:
        fault = f"what was signed is {payload.get('typ')!r}"
    elif canonical(payload["agreement"]) != body:
        fault = "it is over another document"
    elif payload["previous"] != expected:
        fault = "it does not follow the step before it"
    trust, revoked = (None, None) if found is None else (signers.trust(found), found.revoked_at)
    return Signature(typ, nation, at, thumbprint, digest, trust, revoked, fault)


def _signature_findings(signatures: Sequence[Signature], signers: Signers) -> Iterator[Finding]:
    # A fault in the own signature or in the last step stops every step: the next step would build on it.
    for one in signatures:
        is_own = one.nation == signers.own_nation and one.typ == "sign"
        stops = StoppedSteps.EVERY_STEP if is_own or one is signatures[-1] else StoppedSteps.GIVING
        if one.fault is not None:
            yield Finding(
                f"The hub gives {one.nation}'s {one.typ!r}, which does not hold: {one.fault.rstrip('.')}.",
                stops,
            )
        elif one.trust is Trust.OTHER:
            yield Finding(signers.sentence(signers.keys[one.thumbprint]), StoppedSteps.EVERY_STEP)
        elif one.revoked_at is not None and _is_after(one.at, one.revoked_at):
            yield Finding(
                f"{one.nation}'s {one.typ!r} of {one.at} is by the key {one.thumbprint}, which was revoked "
                f"on {one.revoked_at}.",
                StoppedSteps.NOTHING,
            )


def _key_findings(signers: Signers, needed: Sequence[str]) -> Iterator[Finding]:
    yield from (Finding(sentence, StoppedSteps.EVERY_STEP) for sentence in signers.objections(needed))
    own = signers.own_nation
    if own is not None and own not in needed:
        yield Finding(
            f"Your key is that of {own}, which has not to sign this agreement.", StoppedSteps.EVERY_STEP
        )


# --- the hub's view ---------------------------------------------------------------------------


def _view_findings(
    view: JsonObject, document: JsonObject, signatures: Sequence[Signature], needed: frozenset[str]
) -> Iterator[Finding]:
    differing: list[str] = [n for n in _REPEATED if n in view and not _same(view[n], document.get(n))]
    if "parties" in view and _texts(view["parties"]) != _texts(document.get("parties")):
        differing.append("parties")
    for name in differing:
        yield Finding(f"The hub's own view says another {name} than the document: {_short(view[name])}.")
    if "to_sign" in view and _texts(view["to_sign"]) != needed:
        claimed = _texts(view["to_sign"])
        yield Finding(
            f"The hub says that {', '.join(sorted(claimed)) or 'nobody'} must sign, and by the documents it "
            f"is {', '.join(sorted(needed))}."
        )
    last = signatures[-1].digest if signatures else None
    if view.get("last_event") != last:
        yield Finding(
            "The hub names another last step than the last that it gives: some may be missing.",
            StoppedSteps.EVERY_STEP,
        )


def _signer_findings(view: JsonObject, signatures: Sequence[Signature], own: str | None) -> Iterator[Finding]:
    held = {one.nation for one in signatures if one.typ == "sign" and one.fault is None}
    claimed = _texts(view.get("signed_by"))
    for nation in sorted(claimed - held):
        sentence = f"The hub says that {nation} has signed, and gives no signature of it that holds."
        yield Finding(sentence, StoppedSteps.EVERY_STEP if nation == own else StoppedSteps.GIVING)
    for nation in sorted(held - claimed if "signed_by" in view else ()):
        yield Finding(f"The hub does not say that {nation} has signed, and its signature holds.")


# (hub/README: hub-word-on-state)
def _state_findings(view: JsonObject, applied: AppliedSteps, now: datetime) -> Iterator[Finding]:
    document = view["document"]
    applied.valid_from, applied.valid_until = (
        instant(document.get(n)) for n in ("valid_from", "valid_until")
    )
    said, ended = view.get("state"), str(view.get("ended"))
    if "suspended_by" in view and _texts(view["suspended_by"]) != applied.suspended:
        yield Finding("The hub says that others have suspended it than whose signed step says so.")
    states = applied.states(now - _CLOCKS_DIFFER) | applied.states(now + _CLOCKS_DIFFER)
    # Not in these steps: an amendment in force, and the day of the proposal. The hub's word is taken.
    is_possible = {"superseded": applied.is_complete, "lapsed": not applied.is_complete}
    is_told = isinstance(said, str) and said in states  # JSON of any type
    if is_told or (said == "ended" and is_possible.get(ended, False)):
        return
    given = f"{_short(said)} ({ended})" if said == "ended" else _short(said)
    yield Finding(
        f"The hub says that the agreement is {given}, and by the signed steps and the dates it is "
        f"{' or '.join(sorted(states))}."
    )


def _is_after(at: str, revoked_at: str) -> bool:
    then, end = instant(at), instant(revoked_at)
    return then is not None and end is not None and then > end


# --- values -----------------------------------------------------------------------------------


def _texts(value: object) -> frozenset[str]:
    return frozenset(one for one in value if isinstance(one, str)) if isinstance(value, list) else frozenset()


def _canonical(document: Mapping[str, Any]) -> bytes:
    try:
        return canonical(document)
    except ValueError as error:
        raise ClientError(f"The document has no canonical form and cannot be signed: {error}.") from error


def _same(one: object, other: object) -> bool:
    try:
        return canonical(one) == canonical(other)
    except ValueError:
        return False


def _short(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
