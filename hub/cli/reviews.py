"""An agreement printed for people: its whole document, and the verified signatures over this document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hub.cli.output import echo_whole, plain, print_json, warn
from hub.client.agreement import terms
from hub.client.agreement.reviewing import Review
from hub.client.agreement.steps import Signature
from hub.client.agreement.terms import TermInWords

_WIDTH = 12  # cells of the column of names


def show(review: Review, *, as_json: bool) -> None:
    """Print a whole review, and every finding on stderr."""
    if as_json:
        print_json(review.to_json())
    else:
        for line in lines(review):
            echo_whole(line)  # others wrote the document
    warn_of_findings(review)


def warn_of_findings(review: Review) -> None:
    """Print every finding on stderr."""
    for finding in review.findings:
        warn(finding.sentence)


def brief(review: Review) -> Iterator[str]:
    """Yield lines with id, title, parties and digest of an agreement."""
    yield review.id
    yield f"  title       {_value(review, 'title')}"
    yield f"  parties     {_value(review, 'parties')}"
    yield f"  digest      {review.digest}"


def _value(review: Review, name: str) -> str:
    return next(term.words for term in terms.head(review.document) if term.name == name)


def lines(review: Review) -> Iterator[str]:
    """Yield lines for the whole document, the superseded agreement, the signatures and the state."""
    # INVARIANT: every member of the document is in a line, known or not (policy 5: "shown whole in words").
    yield review.id
    yield _line(TermInWords("digest", review.digest))
    yield from map(_line, terms.head(review.document))
    for number, clause in enumerate(terms.clauses(review.document), 1):
        yield from _clause(number, clause)
    yield from _part("iep (carried and shown, not interpreted)", terms.terms_of_iep(review.document))
    yield from _part("other members of the document", terms.others(review.document))
    yield from _supersedes(review)
    yield "signatures"
    yield from _signatures(review)
    yield from _state(review)


def _line(term: TermInWords) -> str:
    return (
        f"  {plain(term.name).ljust(_WIDTH - 1)} {term.words}"  # `plain` before `ljust`: an escape is wider
    )


def _clause(number: int, clause: Sequence[TermInWords]) -> Iterator[str]:
    direction = {term.name: term.words for term in clause if term.name in ("from", "to")}
    yield f"clause {number}: {direction.get('from', '?')} → {direction.get('to', '?')}"
    yield from (_line(term) for term in clause if term.name not in ("from", "to"))


def _part(title: str, found: Sequence[TermInWords]) -> Iterator[str]:
    if found:
        yield title
        yield from map(_line, found)


def _supersedes(review: Review) -> Iterator[str]:
    if "supersedes" not in review.document:
        return
    former = review.former
    # A signer that cannot see the earlier document is told so, for an amendment ends that document.
    if former is None:
        yield "what it supersedes cannot be shown, nor how this differs from it"
        yield f"  {review.former_problem.sentence if review.former_problem else ''}"
        return
    yield f"it takes the place of {former.id}, {former.digest}"
    changes = terms.differences(former.document, review.document)
    yield from (f"  {change}" for change in changes or ["nothing is different"])


def _signatures(review: Review) -> Iterator[str]:
    for nation in sorted(review.needed - review.signed_by):
        yield f"  {nation}  has to sign"
    for one in review.signatures:
        yield f"  {one.nation}  {_signature(one)}"


def _signature(one: Signature) -> str:
    done = {"sign": "signed", "suspend": "suspended", "resume": "resumed", "terminate": "terminated"}
    if one.fault is not None:
        return f"{one.typ}: DOES NOT HOLD ({one.fault.rstrip('.')})"
    known = "" if one.trust is None else f" ({one.trust.value})"
    revoked = "" if one.revoked_at is None else f", revoked on {one.revoked_at}"
    return f"{done[one.typ]} on {one.at} with {one.thumbprint}{known}{revoked}; verified"


def _state(review: Review) -> Iterator[str]:
    state, ended = review.view.get("state"), review.view.get("ended")
    # The state is the hub's word alone: signatures prove steps, and not that no later step is kept back.
    yield f"state, as the hub says: {state}" + (f" ({ended})" if ended else "")
    if state == "proposed" and review.view.get("lapses_at"):
        yield f"  lapses on {review.view['lapses_at']} unless all have signed"
    # A person with keys of several nations sees which key will sign.
    own = review.signers.own_nation
    if own is not None:
        yield f"you sign for {own} with {review.signers.own}"
