"""The Traffic Light Protocol in STIX: the ids that decide, and the definitions that the hub serves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from hub.model import JsonObject, StixId, Tlp


def _marking(uuid: str) -> StixId:
    return StixId(f"marking-definition--{uuid}")


# STIX 2.1 section 7.2.1.4; TLP 1.0 knows no AMBER+STRICT.
_TLP_1: Final = {
    _marking("613f2e26-407d-48c7-9eca-b8e91df99dc9"): Tlp.CLEAR,
    _marking("34098fce-860f-48ae-8e50-ebd3cc5e41da"): Tlp.GREEN,
    _marking("f88d31f6-486f-44da-b317-01333bde0b82"): Tlp.AMBER,
    _marking("5e57c739-391a-4eb3-b6be-7d15ca92d5ed"): Tlp.RED,
}
# The OASIS extension definition for TLP 2.0.
_TLP_2: Final = {
    _marking("94868c89-83c2-464b-929b-a1a8aa3c8487"): Tlp.CLEAR,
    _marking("bab4a63c-aed9-4cf5-a766-dfca5abac2bb"): Tlp.GREEN,
    _marking("55d920b0-5e8b-4f79-9ee9-91f868d9b421"): Tlp.AMBER,
    _marking("939a9414-2ddd-4d32-a0cd-375ea402b003"): Tlp.AMBER_STRICT,
    _marking("e828b379-4e03-4974-9ac4-e53a884c97c1"): Tlp.RED,
}
# OpenCTI chose its own id before TLP 2.0 had one in STIX.
_OPENCTI: Final = {_marking("826578e1-40ad-459f-bc73-ede076f81f37"): Tlp.AMBER_STRICT}

TLP_IDS: Final[Mapping[StixId, Tlp]] = MappingProxyType(_TLP_1 | _TLP_2 | _OPENCTI)
TLP_2_EXTENSION: Final = StixId("extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d")

_TLP_1_CREATED: Final = "2017-01-20T00:00:00.000Z"
_TLP_2_CREATED: Final = "2022-10-01T00:00:00.000Z"


def definition_of(level: Tlp) -> StixId:
    """Return the id of the TLP 2.0 definition of this level."""
    return next(marking_id for marking_id, known in _TLP_2.items() if known is level)


def definitions(hub_identity_id: StixId) -> list[JsonObject]:
    """Return the marking-definition behind every id of `TLP_IDS`, laxest first within each version.

    Nine are the standard's own, word for word. The tenth stands under OpenCTI's id, for which nobody
    published a definition: the hub says the same by the TLP 2.0 extension, as its author.
    """
    first = [_tlp_1(marking_id, level) for marking_id, level in _TLP_1.items()]
    second = [_tlp_2(marking_id, level) for marking_id, level in _TLP_2.items()]
    opencti = [_tlp_2(marking_id, level, hub_identity_id) for marking_id, level in _OPENCTI.items()]
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
