"""The ids that mark a STIX object with a TLP level: constants, shared by hub and client."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hub.model.people import StixId, Tlp


# Policy 2.1: levels are resolved by id alone, so names and definitions of a submission decide nothing.
def _marking(uuid: str) -> StixId:
    return StixId(f"marking-definition--{uuid}")


# STIX 2.1 section 7.2.1.4; TLP 1.0 knows no AMBER+STRICT.
TLP_1_IDS: Final[Mapping[StixId, Tlp]] = MappingProxyType(
    {
        _marking("613f2e26-407d-48c7-9eca-b8e91df99dc9"): Tlp.CLEAR,
        _marking("34098fce-860f-48ae-8e50-ebd3cc5e41da"): Tlp.GREEN,
        _marking("f88d31f6-486f-44da-b317-01333bde0b82"): Tlp.AMBER,
        _marking("5e57c739-391a-4eb3-b6be-7d15ca92d5ed"): Tlp.RED,
    }
)
# The OASIS extension definition for TLP 2.0.
TLP_2_IDS: Final[Mapping[StixId, Tlp]] = MappingProxyType(
    {
        _marking("94868c89-83c2-464b-929b-a1a8aa3c8487"): Tlp.CLEAR,
        _marking("bab4a63c-aed9-4cf5-a766-dfca5abac2bb"): Tlp.GREEN,
        _marking("55d920b0-5e8b-4f79-9ee9-91f868d9b421"): Tlp.AMBER,
        _marking("939a9414-2ddd-4d32-a0cd-375ea402b003"): Tlp.AMBER_STRICT,
        _marking("e828b379-4e03-4974-9ac4-e53a884c97c1"): Tlp.RED,
    }
)
# OpenCTI chose its own id before TLP 2.0 had one in STIX.
OPENCTI_IDS: Final[Mapping[StixId, Tlp]] = MappingProxyType(
    {_marking("826578e1-40ad-459f-bc73-ede076f81f37"): Tlp.AMBER_STRICT}
)
TLP_IDS: Final[Mapping[StixId, Tlp]] = MappingProxyType({**TLP_1_IDS, **TLP_2_IDS, **OPENCTI_IDS})
TLP_2_EXTENSION: Final = StixId("extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d")
