"""TLP in STIX: the ids of the levels, and the definitions served by the hub."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from hub.model import JsonObject, StixId, Tlp
from hub.model.tlp_ids import OPENCTI_IDS, TLP_1_IDS, TLP_2_EXTENSION, TLP_2_IDS, TLP_IDS

__all__ = ["TLP_2_EXTENSION", "TLP_IDS", "definition_of", "definitions", "hub_identity", "rel_to"]

# The instants of the published definitions: STIX 2.1 section 7.2.1.4, and OASIS's TLP 2.0 extension.
_TLP_1_CREATED: Final = "2017-01-20T00:00:00.000Z"
_TLP_2_CREATED: Final = "2022-10-01T00:00:00.000Z"


def definition_of(level: Tlp) -> StixId:
    """Return the id of the TLP 2.0 definition of this level."""
    return next(marking_id for marking_id, known in TLP_2_IDS.items() if known is level)


def definitions(hub_identity_id: StixId) -> list[JsonObject]:
    """Return the marking-definition of every id in `TLP_IDS`, laxest first within each version.

    Nine are the published definitions, word for word. The tenth has OpenCTI's id for AMBER+STRICT. Nobody
    published a definition under this id, so the hub is the author and uses the TLP 2.0 extension.
    """
    # A submitted copy of these definitions is never stored: the hub serves these texts alone (policy 2.2).
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
    """Return the marking-definition "REL TO <nation>": marked objects are releasable to that nation alone."""
    # A plain statement for other products. Only the id has force in the hub, never this text (policy 6).
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
    # TLP 1.0 calls the level WHITE; TLP 2.0 calls it CLEAR.
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
