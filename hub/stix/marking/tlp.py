"""The Traffic Light Protocol in STIX: the ids that decide, and the definitions that the hub serves."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from hub.model import JsonObject, StixId, Tlp
from hub.model.tlp_ids import OPENCTI_IDS, TLP_1_IDS, TLP_2_EXTENSION, TLP_2_IDS, TLP_IDS

__all__ = ["TLP_2_EXTENSION", "TLP_IDS", "definition_of", "definitions", "hub_identity", "rel_to"]

_TLP_1_CREATED: Final = "2017-01-20T00:00:00.000Z"
_TLP_2_CREATED: Final = "2022-10-01T00:00:00.000Z"


def definition_of(level: Tlp) -> StixId:
    """Return the id of the TLP 2.0 definition of this level."""
    return next(marking_id for marking_id, known in TLP_2_IDS.items() if known is level)


def definitions(hub_identity_id: StixId) -> list[JsonObject]:
    """Return the marking-definition behind every id of `TLP_IDS`, laxest first within each version.

    Nine are the standard's own, word for word. The tenth stands under OpenCTI's id, for which nobody
    published a definition: the hub says the same by the TLP 2.0 extension, as its author.
    """
    first = [_tlp_1(marking_id, level) for marking_id, level in TLP_1_IDS.items()]
    second = [_tlp_2(marking_id, level) for marking_id, level in TLP_2_IDS.items()]
    opencti = [_tlp_2(marking_id, level, hub_identity_id) for marking_id, level in OPENCTI_IDS.items()]
    return [*first, *second, *opencti]


def hub_identity(identity_id: StixId, created: datetime) -> JsonObject:
    """Return the identity object of the hub itself, as of `created` (aware; kept to the millisecond)."""
    instant = created.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "type": "identity",
        "spec_version": "2.1",
        "id": identity_id,
        "created": instant,
        "modified": instant,
        "name": "Allied threat intelligence hub",
        "identity_class": "system",
    }


def rel_to(marking_id: StixId, nation: str, hub_identity_id: StixId, created: datetime) -> JsonObject:
    """Return the marking-definition "REL TO <nation>": what carries it is releasable to that nation alone."""
    instant = created.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": marking_id,
        "created_by_ref": hub_identity_id,
        "created": instant,
        "name": f"REL TO {nation}",
        "definition_type": "statement",
        "definition": {"statement": f"REL TO {nation}: releasable to the nations so named, and to no other."},
    }


def _tlp_1(marking_id: StixId, level: Tlp) -> JsonObject:
    word = "white" if level is Tlp.CLEAR else level.label
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": marking_id,
        "created": _TLP_1_CREATED,
        "name": f"TLP:{word.upper()}",
        "definition_type": "tlp",
        "definition": {"tlp": word},
    }


def _tlp_2(marking_id: StixId, level: Tlp, creator: StixId | None = None) -> JsonObject:
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": marking_id,
        **({"created_by_ref": creator} if creator else {}),
        "created": _TLP_2_CREATED,
        "name": f"TLP:{level.label.upper()}",
        "extensions": {TLP_2_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": level.label}},
    }
