"""/{api_root}/markings/: which markings a client must expect in each collection.

As wished for in oasis-tcs/cti-taxii2 issue 119; the hub's own beside the resources of TAXII 2.1, in the same
form and behind the same door.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import orjson
from flask import Blueprint, Flask, Response

from hub.actions.reading import levels
from hub.actions.service.service import Service
from hub.model import JsonObject, Tlp
from hub.stix.marking.tlp import TLP_IDS
from hub.web.taxii.identity import caller
from hub.web.taxii.identity import service as current_service
from hub.web.taxii.negotiation import TAXII

_NAME: Final = "markings"


def install(app: Flask, service: Service) -> None:
    """Serve the resource from `app`, below the API root of `service`."""
    blueprint = Blueprint(_NAME, __name__, url_prefix=f"/{service.api_root}")
    blueprint.add_url_rule("/markings/", view_func=markings)
    app.register_blueprint(blueprint)


def markings() -> Response:
    """Return, for each collection, the levels and definitions that the caller must expect.

    A function of its nation and kind and, for who sees agreements, of those in force, and of no object. Who
    belongs to no nation gets an empty resource, as for the collections. Raises Forbidden for a token that
    does not read.
    """
    service, who = current_service(), caller()
    if who.member.nation is None:
        return _taxii({})
    seen = levels.by_origin(service, who)
    entries = [
        _entry(nation.collection_id, nation.code.lower(), seen[nation.code])
        for nation in service.registry.nations.values()
    ]
    everywhere = frozenset[Tlp]().union(*seen.values())
    released = _entry(service.registry.released_collection_id, "released", everywhere)
    return _taxii({"markings": [*entries, released]})


def _entry(collection_id: str, alias: str, seen: Collection[Tlp]) -> JsonObject:
    """Return what is said of one collection; what would be an empty list is left out (section 1.6.8)."""
    entry: JsonObject = {"collection": collection_id, "alias": alias}
    if seen:
        entry["levels"] = [level.label for level in sorted(seen)]
        entry["marking_definitions"] = [id for id, level in TLP_IDS.items() if level in seen]
    return entry


def _taxii(resource: JsonObject) -> Response:
    return Response(orjson.dumps(resource), content_type=TAXII)
