"""The nations and members of every test's alliance, as values: nothing here knows a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from hub.model import Kind, Nation, NationCode, Registry, StixId, Tlp
from tests.stix_objects import INFORMATIVE, PUBLIC, stix_id

START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
CODES = ("AU", "IN", "JP", "KR", "US")
KINDS = {"cert": Kind.CERT, "agency": Kind.AGENCY, "agency2": Kind.AGENCY, "partner": Kind.PARTNER}


def registry(
    defaults: Mapping[str, Tlp] | None = None, codes: Sequence[str] = CODES, homes: Sequence[str] = ()
) -> Registry:
    """The nations by the same ids in every test; `defaults` gives levels other than amber.

    In `homes` what is unmarked stays at home (policy 2.4).
    """
    nations = {
        NationCode(code): Nation(
            NationCode(code),
            code,
            stix_id("collection", n).partition("--")[2],
            StixId(stix_id("identity", 900 + n)),
            StixId(stix_id("marking-definition", 900 + n)),
            (defaults or {}).get(code, Tlp.AMBER),
            code in homes,
        )
        for n, code in enumerate(codes)
    }
    released = stix_id("collection", 999).partition("--")[2]
    informative, public = frozenset({StixId(INFORMATIVE)}), frozenset({StixId(PUBLIC)})
    return Registry(nations, StixId(stix_id("identity", 999)), released, informative, public)
