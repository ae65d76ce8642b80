"""medallion's Backend over `actions`: translation without decisions.

medallion passes the API root and the collection of the URL, after a check of the collection's resource. The
caller is no argument: this file asks `identity`, as the only file behind medallion's views. medallion's own
parsed query and body come last and are not used, because they lose repeated parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

from medallion.backends.base import Backend

from hub.actions.access import authenticate
from hub.actions.reading import poll
from hub.actions.service.service import Service
from hub.actions.submission import delete, status, submit
from hub.errors import Forbidden, NotFound
from hub.model import (
    Caller,
    Deletion,
    Disclosed,
    JsonObject,
    Nation,
    NationCode,
    Page,
    Query,
    Scope,
    StixId,
    Submission,
    VersionFilter,
)
from hub.web import request_log
from hub.web.taxii import encoding, filters, pages, resources
from hub.web.taxii.identity import asked, caller, rate_limits
from hub.web.taxii.negotiation import received

_EVERY_VERSION: Final = frozenset({VersionFilter.ALL})
_ANY_SPEC: Final = frozenset({"2.1"})  # every version of the specification in this hub


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection of the hub; `origin` is None for the aggregate `released`."""

    origin: NationCode | None
    resource: JsonObject
    _by_rights: dict[tuple[bool, bool], JsonObject] = field(default_factory=dict)  # four at most

    def for_caller(self, who: Caller) -> JsonObject:
        """Return the resource with the rights of `who`. Only members of the own nation may write."""
        is_own = self.origin is not None and self.origin == who.member.nation
        rights = Scope.READ in who.scopes, is_own and Scope.SUBMIT in who.scopes
        found = self._by_rights.get(rights)
        if found is None:
            can_read, can_write = rights
            found = self._by_rights[rights] = self.resource | {"can_read": can_read, "can_write": can_write}
        return found


class TaxiiBackend(Backend):  # type: ignore[misc] # medallion ships no types
    """One API root over one service. Each collection has an id and an alias."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._collections = [
            *(_of_nation(nation) for nation in service.registry.nations.values()),
            Collection(None, resources.released(service.registry)),
        ]
        self._by_name = {one.resource[key]: one for one in self._collections for key in ("id", "alias")}
        self._root_resource = resources.api_root(service.limits.max_body_bytes)
        self._discovery = resources.discovery(f"{service.public_url.rstrip('/')}/{service.api_root}/")

    # --- what there is -------------------------------------------------------------------------

    def server_discovery(self) -> JsonObject:
        return self._discovery

    def get_api_root_information(self, api_root: str) -> JsonObject | None:
        return self._root_resource if api_root == self._service.api_root else None

    def get_collections(self, _root: str) -> JsonObject:
        """Return every collection to a nation's member, also empty ones; none to auditors and operators."""
        # INVARIANT: the list does not depend on objects: an empty collection looks like a withheld one
        # (policy 9).
        who = caller()
        if who.member.nation is None:  # policy 4: auditors and operators read no objects
            return {}
        return {"collections": [one.for_caller(who) for one in self._collections]}

    def get_collection(self, _root: str, collection_id: str) -> JsonObject | None:
        """Return the resource, or None for an unknown collection or a caller without collections."""
        who, found = caller(), self._by_name.get(collection_id)
        return found.for_caller(who) if found and who.member.nation is not None else None

    def get_status(self, _root: str, status_id: str) -> JsonObject:
        return resources.status(status.find(self._service, caller(), status_id))

    # --- reading -------------------------------------------------------------------------------

    def get_objects(self, _root: str, collection_id: str, *_parsed: Any) -> pages.Answer:
        return self._page(self._query(collection_id, filters.OBJECTS))[1]

    def get_object(self, _root: str, collection_id: str, object_id: str, *_parsed: Any) -> pages.Answer:
        """Return a page of one id; the id in the path acts like a filter of the query."""
        query = self._query(collection_id, filters.OBJECT, object_id)
        count, answer = self._page(query)
        if not count:
            self._require_visible(query)
        return answer

    def get_object_manifest(self, _root: str, collection_id: str, *_parsed: Any) -> pages.Answer:
        query = self._query(collection_id, filters.OBJECTS, resource=Disclosed.MANIFEST)
        page = poll.manifest(self._service, query)
        return pages.manifest(page, self._next(query, page, Disclosed.MANIFEST), as_gzip=_as_gzip())

    def get_object_versions(
        self, _root: str, collection_id: str, object_id: str, *_parsed: Any
    ) -> pages.Answer:
        query = self._query(collection_id, filters.VERSIONS, object_id, Disclosed.VERSIONS)
        page = poll.manifest(self._service, query, Disclosed.VERSIONS)
        if not page.positions:
            self._require_visible(query)
        return pages.versions(page, self._next(query, page, Disclosed.VERSIONS), as_gzip=_as_gzip())

    def _page(self, query: Query) -> tuple[int, pages.Answer]:
        """Return the number of objects of a page, and the page."""
        # A HEAD sends no objects: its disclosure is that of a manifest, and causes no recall (policy 8).
        is_head = asked().environ["REQUEST_METHOD"] == "HEAD"
        kind = Disclosed.MANIFEST if is_head else Disclosed.OBJECTS
        page = poll.objects(self._service, query, kind)
        if page.positions:
            rate_limits().charge(caller(), len(page.positions))
        following = self._next(query, page, Disclosed.OBJECTS)
        return len(page.positions), pages.envelope(page, following, self._service.kept, as_gzip=_as_gzip())

    def _next(self, query: Query, page: Page, resource: Disclosed) -> str | None:
        return poll.seal_cursor(self._service, query, page, resource) if page.more else None

    def _require_visible(self, query: Query) -> None:
        """Raise NotFound unless the reader may see a requested version, of any date."""
        if not poll.exists(self._service, replace(query, added_after=None, spec_versions=_ANY_SPEC)):
            # The sentence stays in the log: see `problems`.
            raise NotFound("no such object, or not for this reader")

    def _query(
        self,
        collection_id: str,
        fields: tuple[str, ...],
        object_id: str | None = None,
        resource: Disclosed = Disclosed.OBJECTS,
    ) -> Query:
        given = filters.read(asked().args, fields, page_limit=self._service.limits.page_objects)
        query = Query(
            reader=authenticate.reader(caller()),
            origin=self._by_name[collection_id].origin,
            limit=given.limit,
            added_after=given.added_after,
            ids=given.ids if object_id is None else frozenset({StixId(object_id)}),
            types=given.types,
            spec_versions=given.spec_versions,
            selections=_EVERY_VERSION if resource is Disclosed.VERSIONS else given.selections,
            versions=given.versions,
        )
        if given.next is None:
            return query
        return poll.open_cursor(self._service, query, given.next, resource, is_filtered=given.has_match)

    # --- writing -------------------------------------------------------------------------------

    def add_objects(self, _root: str, collection_id: str, *_parsed: Any) -> JsonObject:
        """Submit the request as received: verified first, parsed later."""
        origin = self._by_name[collection_id].origin
        if origin is None:
            raise Forbidden("nothing is submitted to the aggregate: use your nation's collection")
        receipt = submit.submit(self._service, Submission(caller(), origin, received()))
        request_log.count(receipt)
        rate_limits().charge(caller(), receipt.total)
        return resources.status(receipt)

    def delete_object(self, _root: str, collection_id: str, object_id: str, *_parsed: Any) -> None:
        """Delete versions of the caller's object (section 5.7); the request is verified first."""
        given = filters.read_deletion(asked().args)
        origin = self._by_name[collection_id].origin
        if origin is None:
            raise Forbidden("nothing is deleted from the aggregate: use your nation's collection")
        delete.delete(
            self._service,
            Deletion(
                caller=caller(),
                origin=origin,
                request=received(),
                id=StixId(object_id),
                spec_versions=given.spec_versions,
                selections=given.selections,
                versions=given.versions,
            ),
        )


def _as_gzip() -> bool:
    return encoding.is_gzip_accepted(asked().environ.get("HTTP_ACCEPT_ENCODING", ""))


def _of_nation(nation: Nation) -> Collection:
    return Collection(nation.code, resources.collection(nation))
