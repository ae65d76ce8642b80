"""/{api_root}/markings/: the markings that a client must expect in each collection.

As requested in oasis-tcs/cti-taxii2 issue 119. The resource is no part of TAXII 2.1, but has the same form
and the same access rules.
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
    """Return the possible levels and definitions of each collection for the caller.

    The answer depends on nation and kind, on the agreements in force if the caller may see them, and on no
    object. A caller without a nation gets an empty resource, as for collections. Raises Forbidden for a token
    without the read scope.
    """
    service, who = current_service(), caller()
    if who.member.nation is None:  # policy 4: auditors and operators read no objects
        return _taxii({})
    # INVARIANT: no object is looked at. A level must not reveal a withheld object (policy 9).
    seen = levels.by_origin(service, who)
    entries = [
        _entry(nation.collection_id, nation.code.lower(), seen[nation.code])
        for nation in service.registry.nations.values()
    ]
    everywhere = frozenset[Tlp]().union(*seen.values())
    released = _entry(service.registry.released_collection_id, "released", everywhere)
    return _taxii({"markings": [*entries, released]})


def _entry(collection_id: str, alias: str, seen: Collection[Tlp]) -> JsonObject:
    """Return the entry of a collection, without empty lists (TAXII 2.1 section 1.6.8)."""
    entry: JsonObject = {"collection": collection_id, "alias": alias}
    if seen:
        entry["levels"] = [level.label for level in sorted(seen)]
        # All ids of a level, also of TLP 1.0.
        entry["marking_definitions"] = [id for id, level in TLP_IDS.items() if level in seen]
    return entry


def _taxii(resource: JsonObject) -> Response:
    return Response(orjson.dumps(resource), content_type=TAXII)
