"""`hub agreement`: steps of an agreement, signed on the admin's own machine over the document shown there."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from hub.cli import reviews, simulated
from hub.cli.keys import pinned
from hub.cli.output import echo_whole, json_option, print_json, print_table
from hub.cli.remote import remote
from hub.client import Hub
from hub.client.agreement.drafts import read_agreement
from hub.client.agreement.reviewing import Review, check_digest, check_document
from hub.errors import HubError
from hub.model import JsonObject

# Hexadecimal digits of a digest, 48 bits: enough against a second document that an attacker computes.
_LEAST_TYPED: Final = 12

_digest = click.option("--digest", metavar="SHA-256", help="Refuse every document with another digest.")
_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def agreement() -> None:
    """Simulate, propose, sign, list, show, suspend, resume and terminate sharing agreements."""


@agreement.command()
@click.argument("file", type=_file)
@remote
@pinned
@json_option
def propose(hub: Hub, file: Path, as_json: bool) -> None:
    """Propose the agreement in FILE (TOML), and show the hub's document with id and digest.

    The agreement is in force after all parties have signed. Send the digest to the other parties by another
    way than the hub.
    """
    _end(hub.propose_for_review(_read(file)), as_json=as_json)


@agreement.command()
@click.argument("file", type=_file)
@remote
@json_option
def simulate(hub: Hub, file: Path, as_json: bool) -> None:
    """Show what the agreement in FILE (TOML) would release and withdraw if in force now.

    Nothing is written. The counts cover your nation's own objects, and objects that your nation would no
    longer see.
    """
    # No pins are read: a simulation signs nothing.
    document = _read(file)
    answer = hub.simulate(document)
    if as_json:
        print_json(answer)
    else:
        simulated.show(document, answer)


@agreement.command()
@click.argument("id")
@_digest
@click.option("--document", type=_file, help="Refuse every document but the one in this file (TOML or JSON).")
@remote
@pinned
@json_option
def sign(hub: Hub, id: str, digest: str | None, document: Path | None, as_json: bool) -> None:
    """Sign the whole document of agreement ID with the nation's agreement key.

    A terminal shows the document and asks for its digest. Elsewhere give --digest or --document.
    """
    # Policy 5, "What is signed is what was read": without a terminal the caller names the document.
    is_named = digest is not None or document is not None
    if not is_named and (as_json or not _is_asked()):
        raise HubError(
            "Say which document is signed: --digest, as the others have told you or as "
            f"`hub agreement show {id}` has shown, or --document FILE. Nothing was signed."
        )
    review = _review(hub, id, digest, document)
    if not is_named:
        reviews.show(review, as_json=False)
        # Refused before the question: no digest makes a document with a fault good.
        if not review.is_sound:
            raise HubError("Nothing was signed, for what is said above.")
        _ask(review)
    signed = hub.take(review, "sign")
    with _printing(signed, "sign"):
        _end(signed, as_json=as_json)


@agreement.command("list")
@remote
@json_option
def list_agreements(hub: Hub, as_json: bool) -> None:
    """List the agreements of your nation, as the hub reports them. `show` verifies one agreement."""
    # The list is the hub's word, neither verified nor compared with pins. `show` and `sign` do both.
    found = hub.agreements()
    if as_json:
        print_json(found)
        return
    rows = [
        [_cell(view.get(name)) for name in ("id", "state", "parties", "signed_by", "title")] for view in found
    ]
    headings = ("id", "state", "parties", "signed by", "title")
    print_table(headings, rows, "There is none that this account may see.")


@agreement.command()
@click.argument("id")
@remote
@pinned
@json_option
def show(hub: Hub, id: str, as_json: bool) -> None:
    """Show the whole document of agreement ID, its digest, and each signature, verified on this machine.

    Exit code 1 if the hub's answers contradict each other, or if a key is not the pinned key.
    """
    _end(hub.review(id), as_json=as_json)


@agreement.command()
@click.argument("id")
@_digest
@remote
@pinned
@json_option
def suspend(hub: Hub, id: str, digest: str | None, as_json: bool) -> None:
    """Suspend agreement ID for all parties, from the next request until your nation resumes it."""
    _take(hub, _review(hub, id, digest), "suspend", as_json=as_json)


@agreement.command()
@click.argument("id")
@_digest
@remote
@pinned
@json_option
def resume(hub: Hub, id: str, digest: str | None, as_json: bool) -> None:
    """End your nation's suspension of agreement ID."""
    _take(hub, _review(hub, id, digest), "resume", as_json=as_json)


@agreement.command()
@click.argument("id")
@_digest
@remote
@pinned
@json_option
def terminate(hub: Hub, id: str, digest: str | None, as_json: bool) -> None:
    """End agreement ID for all parties, from the next request that the hub receives.

    A terminal asks for a confirmation, unless --digest is given.
    """
    review = _review(hub, id, digest)
    # A termination is final: a later agreement begins a new period, without the history (policy 4).
    if digest is None and not as_json and _is_asked():
        _say(reviews.brief(review))
        click.confirm("Terminate it, for ever and for all?", abort=True, err=True)
    _take(hub, review, "terminate", as_json=as_json)


# --- what is signed ---------------------------------------------------------------------------


def _read(file: Path) -> JsonObject:
    return read_agreement(str(file), file.read_bytes())


def _review(hub: Hub, id: str, digest: str | None, file: Path | None = None) -> Review:
    """Return the agreement, compared with digest and file. Raises HubError for another document."""
    # INVARIANT: the hub is asked once, and the same review is shown, compared and signed (policy 5).
    expected = None if file is None else _read(file)  # a fault of the file shows before any request
    review = hub.review(id)
    if digest is not None:
        check_digest(review.document, digest)
    if expected is not None:
        check_document(expected, review.document, str(file))
    return review


def _is_asked() -> bool:
    """Return whether a person at a terminal can answer a question."""
    # stdout too: a person has not read a document that went into a file.
    return sys.stdin.isatty() and sys.stdout.isatty()


def _ask(review: Review) -> None:
    """Return after the digest was typed. Raises HubError for another digest."""
    typed: str = click.prompt(
        f"To sign it, type its digest as the others know it (the first {_LEAST_TYPED} digits or more)",
        err=True,
    )
    check_digest(review.document, typed, least=_LEAST_TYPED)


def _take(hub: Hub, review: Review, step: str, *, as_json: bool) -> None:
    taken = hub.take(review, step)
    with _printing(taken, step):
        if as_json:
            print_json(taken.to_json())
        else:
            _say(reviews.brief(taken))
            state, ended = taken.view.get("state"), taken.view.get("ended")
            _say([f"  state       {state}" + (f" ({ended})" if ended else "")])
    reviews.warn_of_findings(taken)


@contextmanager
def _printing(taken: Review, step: str) -> Iterator[None]:
    """Raise HubError, saying that the step was taken, if the result cannot be printed."""
    # Without this sentence the user would repeat a step that binds the nation already.
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        raise HubError(
            f"Your {step!r} of {taken.id} was taken, and what the hub then has of it cannot be printed: "
            f"{error.strerror or error}"
        ) from error


def _end(review: Review, *, as_json: bool) -> None:
    """Print a review. Ends with exit code 1 unless the review is sound."""
    reviews.show(review, as_json=as_json)
    if not review.is_sound:
        click.get_current_context().exit(1)


def _cell(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        echo_whole(line)
