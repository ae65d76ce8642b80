"""The hub for a member: push, poll and govern, with one address, one token and one key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

from taxii2client.exceptions import TAXIIServiceException
from taxii2client.v21 import ApiRoot

from hub.client.agreement.governance import Governance
from hub.client.agreement.pins import NO_PINS, Pins
from hub.client.agreement.reviewing import Review, check_digest
from hub.client.agreement.signers import Signers
from hub.client.errors import ClientError
from hub.client.http import answers, explaining
from hub.client.http.auth import (
    HubAuth,
    Key,
    Passphrase,
    load_key,
)
from hub.client.http.connection import TAXII, Connection, origin
from hub.client.input.reading import (
    Item,
    SetAside,
    opened,
    read_items,
)
from hub.client.polling import pages
from hub.client.polling.incremental import Incremental, Output
from hub.client.polling.levels import with_levels
from hub.client.polling.pages import PolledPage
from hub.client.polling.state import PollState
from hub.client.pushing import push, submitted
from hub.client.pushing.push import Progress, PushReport
from hub.model import JsonObject, Tlp

_OBJECTS_BETWEEN_REPORTS: Final = 1_000  # between two calls of `on_read`


class Hub:
    """One hub, used by one member. The first request is sent by the first method that needs it.

    `url` is scheme and host, as the hub's own discovery resource names them. `key` is as for `HubAuth`: the
    `submit` key to push, the `agreement` key to govern; `passphrase` opens the key. `pins` are thumbprints of
    agreement keys by nation (`hub.client.agreement.pins`): any other key of a pinned nation stops every
    signature. `collection` is an id or an alias (`us`, `released`) in every method. `ca` and `tell` are as
    for `Connection`. Every method raises ClientError, in one sentence, for a failure.
    """

    def __init__(  # noqa: PLR0913 - keywords, each with a default
        self,
        url: str,
        token: str,
        key: Key | None = None,
        *,
        passphrase: Passphrase | None = None,
        pins: Pins = NO_PINS,
        connection: Connection | None = None,
        ca: str | Path | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        private = None if key is None else load_key(key, passphrase)
        self.url = origin(url)
        self._connection = connection or Connection(HubAuth(token, private), ca=ca, tell=tell)
        self._signs = private is not None or connection is not None  # a given connection may hold a key
        self._governance = Governance(self._connection, self.url, private, pins)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    # --- collections ---

    @cached_property
    def api_root(self) -> Any:
        """The default API root in the form of taxii2-client (TAXII 2.1 section 4.1), fetched once."""
        default = self._connection.get(f"{self.url}/taxii2/").get("default")
        if not isinstance(default, str):
            raise ClientError(
                f"{self.url} names no default API root: what answers there is no hub, or another TAXII server"
            )
        if origin(default) != self.url:
            # INVARIANT: token and signatures go to one host alone, the host that the user named.
            raise ClientError(f"the hub at {self.url} calls itself {origin(default)}: use that address")
        return ApiRoot(default, conn=self._connection)

    def collections(self) -> list[JsonObject]:
        """Return the member's collections with the properties of TAXII 2.1 section 5.2.1."""
        with _as_client_errors():
            return [
                {
                    "id": c.id,
                    "title": c.title,
                    "alias": c.alias,
                    "can_read": c.can_read,
                    "can_write": c.can_write,
                }
                for c in self.api_root.collections
            ]

    def push(
        self, collection: str, objects: Iterable[JsonObject], on_progress: Progress | None = None, **how: Any
    ) -> PushReport:
        """Push the given objects. Same keywords, result and errors as `push_files`."""
        return self._push(collection, map(Item.of, objects), on_progress, **how)

    def push_files(
        self,
        collection: str,
        paths: Iterable[str | Path],
        on_progress: Progress | None = None,
        on_read: Callable[[int], None] | None = None,
        **how: Any,
    ) -> PushReport:
        """Push every object of the files (`-` is the standard input): see `reading.read_items`.

        All files are read before the first request. `on_read` gets the number of objects read, after each
        1,000. With `mark=Tlp.GREEN` (any level), each object without a level of its own gets this marking
        before signing. With `explain=True`, the report has the hub's handling of the first 10,000 objects as
        `handlings`. Raises PushStopped, with the report until then, when the hub refuses a whole POST.
        Pushing again is harmless.
        """
        return self._push(collection, _counted(_items(paths), on_read), on_progress, **how)

    def explanations(self, asked: Sequence[str | JsonObject]) -> list[Any]:
        """Return the result of `explain` for each of up to 1,000 objects, in order.

        `asked` holds ids, or dicts of `object` and `version`. An object that this member may not ask about
        gets an `error`, exactly like an absent object (policy 9).
        """
        return explaining.explanations(self._connection, self.url, asked)

    def _push(
        self,
        name: str,
        items: Iterable[Item | SetAside],
        on_progress: Progress | None,
        *,
        mark: Tlp | None = None,
        explain: bool = False,
    ) -> PushReport:
        collection = self._collection(name)
        if not collection.can_write:  # TAXII 2.1 section 5.2.1
            raise ClientError(
                f"the collection {name} is not yours to write: push to your own nation's, "
                "with a token that has the submit scope"
            )
        with _as_client_errors():
            limits = {"max_content_length": self.api_root.max_content_length}
        limit = answers.number(limits, "max_content_length")

        def post(envelope: bytes) -> JsonObject:
            self._require_key()  # without a readable object no key is needed
            return self._connection.post(collection.objects_url, {"Content-Type": TAXII}, data=envelope)

        asking = self.explanations if explain else None
        return push.push(post, items, limit, on_progress, mark=mark, explain=asking)

    def _require_key(self) -> None:
        if not self._signs:
            raise ClientError("the hub takes it signed alone: give --key or set HUB_KEY, your key to submit")

    # --- own submissions ---

    def status(self, status_id: str) -> JsonObject:
        """Return the TAXII status (section 4.3) of an own submission of the last 30 days."""
        return submitted.status(self._connection, self.api_root.url, status_id)

    def submissions(self, *, since: str | None = None, limit: int | None = None) -> Iterator[JsonObject]:
        """Yield submissions, the newest first: the member's, a cert's nation's, or all for an auditor."""
        return submitted.submissions(self._connection, self.url, since, limit)

    def submission(self, submission_id: str) -> JsonObject:
        """Return a submission with the outcome of each of its objects, under `outcomes`."""
        return submitted.submission(self._connection, self.url, submission_id)

    def versions(self, collection: str, stix_id: str) -> list[str]:
        """Return the object's visible versions in the order of their `date_added` (TAXII 2.1 section 5.8)."""
        return submitted.versions(self._connection, self._collection(collection).objects_url, stix_id)

    def delete(self, collection: str, stix_id: str, version: str = "all") -> None:
        """Delete an own object or one version; a cert deletes any record of its nation (policy 8)."""
        self._require_key()
        submitted.delete(self._connection, self._collection(collection).objects_url, stix_id, version)

    # --- polls ---

    def pages(
        self,
        collection: str,
        *,
        added_after: str | None = None,
        types: Sequence[str] = (),
        limit: int | None = None,
    ) -> Iterator[PolledPage]:
        """Yield the objects that became visible after `added_after`, by date, at most `limit` per page."""
        url = self._collection(collection).objects_url
        return pages.pages(self._connection, url, added_after=added_after, types=types, limit=limit)

    def poll(
        self, collection: str, *, added_after: str | None = None, types: Sequence[str] = ()
    ) -> Iterator[JsonObject]:
        """Yield every object that became visible after `added_after`."""
        for page in self.pages(collection, added_after=added_after, types=types):
            yield from page.objects

    def incremental(
        self,
        collection: str,
        stream: Output,
        *,
        out: Path | None = None,
        state: Path | None = None,
        types: Sequence[str] = (),
        levels: Path | None = None,
    ) -> Incremental:
        """Return a poll that continues an earlier poll; objects go to `out`, otherwise to `stream`.

        `levels` gets a line for each object, with the level that the hub enforces. Use the poll in a `with`
        statement. Raises ClientError when `state` belongs to another poll.
        """
        found = self._collection(collection)
        # Sorted: a state compares the types as text.
        asked = PollState(self.url, found.id, tuple(sorted(set(types))))

        def fetch(added_after: str | None) -> Iterator[PolledPage]:
            return pages.pages(
                self._connection, found.objects_url, added_after=added_after, types=asked.types
            )

        if levels is not None:
            alias = str(found.alias or collection).lower()
            is_continued = state is not None  # without a state every poll starts afresh
            leveled = with_levels(fetch, self.explanations, levels, alias, is_continued=is_continued)
            return Incremental(leveled, asked, stream, out=out, state=state)
        return Incremental(fetch, asked, stream, out=out, state=state)

    def _collection(self, name: str) -> Any:
        with _as_client_errors():
            for found in self.api_root.collections:
                # TAXII 2.1 section 5.2.1: an alias is another name of the collection.
                if name == found.id or name.lower() == found.alias:
                    answers.text({"id": found.id}, "id")  # a text, as the standard requires
                    return found
        raise ClientError(f"there is no collection {name} for this member; `hub collections` lists them")

    # --- governance ---

    def members(self) -> list[JsonObject]:
        """Return the cert of each nation with its agreement keys, and the members of the own nation."""
        return self._governance.members()

    def agreements(self) -> list[JsonObject]:
        """Return the agreements of the own nation; an auditor gets all agreements."""
        return self._governance.agreements()

    def agreement(self, agreement_id: str) -> JsonObject:
        """Return the hub's view of one agreement."""
        return self._governance.agreement(agreement_id)

    def explain(self, stix_id: str, version: str | None = None, recipient: str | None = None) -> JsonObject:
        """Return the release decisions on a version, by default the newest, each with its clause or reasons.

        `recipient` is a nation's code; None means all nations that the member may know of. Several records
        with the id give `{"records": [...]}`.
        """
        return self._governance.explanation(stix_id, version, recipient)

    def disclosures(self, stix_id: str) -> list[JsonObject]:
        """Return the members that have fetched an object, with time and agreement, the earliest first.

        A member without access to agreements gets only the number of fetching members of its own object, by
        version.
        """
        return self._governance.disclosures(stix_id)

    def recoveries(self) -> list[JsonObject]:
        """Return the new keys that shall follow lost keys of certs: the own nation's, and keys to confirm."""
        return self._governance.recoveries()

    def confirm_recovery(self, member: str, thumbprint: str) -> JsonObject:
        """Confirm another nation's new agreement key. Ask that cert itself for the thumbprint first."""
        return self._governance.confirm_recovery(member, thumbprint)

    def pin(self, pins: Pins) -> None:
        """Compare the hub's agreement keys with these pins from now on."""
        self._governance.pins = pins

    def signers(self) -> Signers:
        """Return the agreement keys of each nation, with the user's knowledge of each key."""
        return self._governance.signers()

    def review(self, agreement_id: str) -> Review:
        """Return an agreement as verified here: document, signatures and findings (policy 5)."""
        return self._governance.review(agreement_id)

    def propose(self, document: JsonObject) -> JsonObject:
        """Propose an agreement; the answer has `id` and `digest`. Nothing is signed."""
        return self._governance.propose(document).to_json()

    def propose_for_review(self, document: JsonObject) -> Review:
        """Propose an agreement, and return the proposal as verified here."""
        return self._governance.propose(document)

    def take(self, reviewed: Review, step: str) -> Review:
        """Take one of `reviewing.STEPS` on the reviewed document; return the review of the hub's answer.

        Signs nothing, and raises ClientError, if the review has an objection to the step.
        """
        return self._governance.take(reviewed, step)

    def sign(self, agreement_id: str, *, digest: str) -> JsonObject:
        """Sign the agreement with this digest; the last party's signature can put it in force (policy 5).

        Signs nothing, and raises ClientError, if the document has another digest or the review an objection.
        """
        return self._take(agreement_id, "sign", digest)

    def simulate(self, document: JsonObject) -> JsonObject:
        """Return the releases and withdrawals that would follow if the agreement came into force now."""
        return self._governance.simulate(document)

    def suspend(self, agreement_id: str, *, digest: str | None = None) -> JsonObject:
        """Suspend an agreement for every party, from the hub's next request on (policy 5)."""
        return self._take(agreement_id, "suspend", digest)

    def resume(self, agreement_id: str, *, digest: str | None = None) -> JsonObject:
        """End the own nation's suspension of an agreement."""
        return self._take(agreement_id, "resume", digest)

    def terminate(self, agreement_id: str, *, digest: str | None = None) -> JsonObject:
        """Terminate an agreement for all parties, from the hub's next request on."""
        return self._take(agreement_id, "terminate", digest)

    def _take(self, agreement_id: str, step: str, digest: str | None) -> JsonObject:
        reviewed = self._governance.review(agreement_id)
        # INVARIANT: the digest is compared with the same document that is signed below (policy 5).
        if digest is not None:
            check_digest(reviewed.document, digest)
        return self._governance.take(reviewed, step).to_json()


@contextmanager
def _as_client_errors() -> Iterator[None]:
    """Turn taxii2-client's errors on a resource that violates TAXII 2.1 into a ClientError."""
    try:
        yield
    except (TAXIIServiceException, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ClientError(f"the hub's answer is not as TAXII 2.1 has it: {error}") from error


def _counted(
    items: Iterator[Item | SetAside], on_read: Callable[[int], None] | None
) -> Iterator[Item | SetAside]:
    for count, item in enumerate(items, 1):
        if on_read is not None and count % _OBJECTS_BETWEEN_REPORTS == 0:
            on_read(count)
        yield item


def _items(paths: Iterable[str | Path]) -> Iterator[Item | SetAside]:
    for path in paths:
        with opened(path) as file:  # one file is open at a time
            yield from read_items(str(path), file)
