"""The hub as a member sees it: push, poll and govern, with one address, one token and one key."""

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

_OBJECTS_BETWEEN_NEWS: Final = 1_000


class Hub:
    """One hub, used by one member. Nothing is sent before something is asked for.

    `url` is the scheme and host that the hub calls itself; `key` as for `HubAuth`: the `submit` key to push,
    the `agreement` key to govern, `passphrase` what opens it. `pins` are thumbprints of agreement keys, by
    nation (`hub.client.agreement.pins`): any other stops whatever is to be signed. `collection` is everywhere
    an id or an alias (`us`, `released`). Every method raises ClientError, in one sentence, for what is not
    done. `ca` and `tell` are as for `Connection`.
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
        self._signs = private is not None or connection is not None  # a connection may have a key of its own
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
        """The default API root as taxii2-client has it (TAXII 2.1 section 4.1)."""
        default = self._connection.get(f"{self.url}/taxii2/").get("default")
        if not isinstance(default, str):
            raise ClientError(
                f"{self.url} names no default API root: what answers there is no hub, or another TAXII server"
            )
        if origin(default) != self.url:
            # The token and the signatures are meant for one host: what it calls itself must be it.
            raise ClientError(f"the hub at {self.url} calls itself {origin(default)}: use that address")
        return ApiRoot(default, conn=self._connection)

    def collections(self) -> list[JsonObject]:
        """Return the collections that the member may see, as far as section 5.2.1 of TAXII 2.1 names them."""
        with _readable():
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
        """Push objects that are at hand. See `push_files`."""
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

        All files are read before anything is sent; `on_read` is told how many objects have been read so far,
        now and then. With `mark=Tlp.GREEN` (any level) what nothing marks is marked so before it is signed.
        With `explain=True` the hub is asked afterwards how it handles the first 10,000; the report has that
        as `handlings`. Raises PushStopped, with the report until then, when the hub refuses a post whole;
        pushing the same again is harmless.
        """
        return self._push(collection, _counted(_items(paths), on_read), on_progress, **how)

    def explanations(self, asked: Sequence[str | JsonObject]) -> list[Any]:
        """Return what `explain` returns for each of up to 1,000 objects, in their order.

        Each is an id, or an object of `object` and `version`. What this member may not ask about has an
        `error`, like what is not there.
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
        if not collection.can_write:
            raise ClientError(
                f"the collection {name} is not yours to write: push to your own nation's, "
                "with a token that has the submit scope"
            )
        with _readable():
            told = {"max_content_length": self.api_root.max_content_length}
        limit = answers.number(told, "max_content_length")

        def post(envelope: bytes) -> JsonObject:
            self._require_key()
            return self._connection.post(collection.objects_url, {"Content-Type": TAXII}, data=envelope)

        asking = self.explanations if explain else None
        return push.push(post, items, limit, on_progress, mark=mark, explain=asking)

    def _require_key(self) -> None:
        if not self._signs:
            raise ClientError("the hub takes it signed alone: give --key or set HUB_KEY, your key to submit")

    # --- what was submitted ---

    def status(self, status_id: str) -> JsonObject:
        """Return the TAXII status of an own submission of the last 30 days."""
        return submitted.status(self._connection, self.api_root.url, status_id)

    def submissions(self, *, since: str | None = None, limit: int | None = None) -> Iterator[JsonObject]:
        """Yield own submissions, a cert's nation's, an auditor's all; the newest first."""
        return submitted.submissions(self._connection, self.url, since, limit)

    def submission(self, submission_id: str) -> JsonObject:
        """Return one of them with what became of each of its objects, under `outcomes`."""
        return submitted.submission(self._connection, self.url, submission_id)

    def versions(self, collection: str, stix_id: str) -> list[str]:
        """Return the versions of an object that the member may see, in the order in which they were added."""
        return submitted.versions(self._connection, self._collection(collection).objects_url, stix_id)

    def delete(self, collection: str, stix_id: str, version: str = "all") -> None:
        """Delete an object, or one version of it: a member what it submitted, a cert its nation's records."""
        self._require_key()
        submitted.delete(self._connection, self._collection(collection).objects_url, stix_id, version)

    # --- what others share ---

    def pages(
        self,
        collection: str,
        *,
        added_after: str | None = None,
        types: Sequence[str] = (),
        limit: int | None = None,
    ) -> Iterator[PolledPage]:
        """Yield what became visible after `added_after`, in that order, at most `limit` objects a page."""
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
        """Return a poll that continues where an earlier one ended, objects going to `out`, else to `stream`.

        A line for each object goes to `levels`: at which level the hub handles it. Use it in a `with`
        statement. Raises ClientError when `state` belongs to another poll.
        """
        found = self._collection(collection)
        asked = PollState(self.url, found.id, tuple(sorted(set(types))))

        def fetch(added_after: str | None) -> Iterator[PolledPage]:
            return pages.pages(
                self._connection, found.objects_url, added_after=added_after, types=asked.types
            )

        if levels is not None:
            alias = str(found.alias or collection).lower()
            is_continued = state is not None
            told = with_levels(fetch, self.explanations, levels, alias, is_continued=is_continued)
            return Incremental(told, asked, stream, out=out, state=state)
        return Incremental(fetch, asked, stream, out=out, state=state)

    def _collection(self, name: str) -> Any:
        with _readable():
            for found in self.api_root.collections:
                if name == found.id or name.lower() == found.alias:
                    answers.text({"id": found.id}, "id")
                    return found
        raise ClientError(f"there is no collection {name} for this member; `hub collections` lists them")

    # --- governance ---

    def members(self) -> list[JsonObject]:
        """Return the certs of every nation, with the thumbprint of the key that signs its agreements."""
        return self._governance.members()

    def agreements(self) -> list[JsonObject]:
        """Return the agreements that the own nation is party to; an auditor gets all."""
        return self._governance.agreements()

    def agreement(self, agreement_id: str) -> JsonObject:
        """Return one of them."""
        return self._governance.agreement(agreement_id)

    def explain(self, stix_id: str, version: str | None = None, recipient: str | None = None) -> JsonObject:
        """Return who sees a version of an object (by default the newest), by which clause, or why not.

        `recipient` is a nation's code, None all that the member is told of. Where several records have the
        id, the answer is `{"records": [...]}`.
        """
        return self._governance.explanation(stix_id, version, recipient)

    def disclosures(self, stix_id: str) -> list[JsonObject]:
        """Return which members have fetched an object, when and under which agreement, the earliest first.

        Who does not see agreements is told of its own object how many have, by version.
        """
        return self._governance.disclosures(stix_id)

    def recoveries(self) -> list[JsonObject]:
        """Return the keys that are to follow certs' lost ones: the own nation's, and those it may confirm."""
        return self._governance.recoveries()

    def confirm_recovery(self, member: str, thumbprint: str) -> JsonObject:
        """Confirm another nation's new agreement key; ask that cert itself for its thumbprint first."""
        return self._governance.confirm_recovery(member, thumbprint)

    def pin(self, pins: Pins) -> None:
        """Hold the agreement keys that the hub gives against these, from now on."""
        self._governance.pins = pins

    def signers(self) -> Signers:
        """Return the agreement keys that the hub gives for each nation, and by what each is known."""
        return self._governance.signers()

    def review(self, agreement_id: str) -> Review:
        """Return an agreement as verified here: its document, who has signed just that, what does not fit."""
        return self._governance.review(agreement_id)

    def propose(self, document: JsonObject) -> JsonObject:
        """Propose an agreement; the answer has its `id` and `digest`. Proposing signs nothing."""
        return self._governance.propose(document).to_json()

    def propose_for_review(self, document: JsonObject) -> Review:
        """Propose an agreement, and return the proposal as verified here."""
        return self._governance.propose(document)

    def take(self, reviewed: Review, step: str) -> Review:
        """Take one of `reviewing.STEPS` on the very document that was reviewed; return what came of it."""
        return self._governance.take(reviewed, step)

    def sign(self, agreement_id: str, *, digest: str) -> JsonObject:
        """Sign the agreement whose document has this digest; it is in force when every party has signed."""
        return self._take(agreement_id, "sign", digest)

    def simulate(self, document: JsonObject) -> JsonObject:
        """Return what an agreement would release and withdraw if it came into force now."""
        return self._governance.simulate(document)

    def suspend(self, agreement_id: str, *, digest: str | None = None) -> JsonObject:
        """Suspend an agreement for every party, from the next request that the hub receives."""
        return self._take(agreement_id, "suspend", digest)

    def resume(self, agreement_id: str, *, digest: str | None = None) -> JsonObject:
        """Take the own nation's suspension of an agreement back."""
        return self._take(agreement_id, "resume", digest)

    def terminate(self, agreement_id: str, *, digest: str | None = None) -> JsonObject:
        """End the agreement for all its parties, from the next request on."""
        return self._take(agreement_id, "terminate", digest)

    def _take(self, agreement_id: str, step: str, digest: str | None) -> JsonObject:
        reviewed = self._governance.review(agreement_id)
        if digest is not None:
            check_digest(reviewed.document, digest)
        return self._governance.take(reviewed, step).to_json()


@contextmanager
def _readable() -> Iterator[None]:
    """Turn what taxii2-client raises for a resource that is not as TAXII 2.1 has it into a ClientError."""
    try:
        yield
    except (TAXIIServiceException, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ClientError(f"the hub's answer is not as TAXII 2.1 has it: {error}") from error


def _counted(
    items: Iterator[Item | SetAside], on_read: Callable[[int], None] | None
) -> Iterator[Item | SetAside]:
    for count, item in enumerate(items, 1):
        if on_read is not None and count % _OBJECTS_BETWEEN_NEWS == 0:
            on_read(count)
        yield item


def _items(paths: Iterable[str | Path]) -> Iterator[Item | SetAside]:
    for path in paths:
        with opened(path) as file:
            yield from read_items(str(path), file)
