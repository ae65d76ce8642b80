"""The endpoints of TAXII 2.1 section 3.1 as the hub's addresses, with the resource that each answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.web.conftest import INDICATOR, RELEASED, US, row

STATUS_ID: Final = "2a7ec0a5-8e1c-44a7-8ba4-4d2a1e2a3a52"
UNKNOWN: Final = "00000000-0000-4000-8000-000000000000"
ROWS: Final = (row(1, b'{"type":"indicator","id":"%s"}' % INDICATOR.encode()),)

# Below a collection: reading, and what a reader without right gets nothing of.
READ: Final = ("objects/", "manifest/", f"objects/{INDICATOR}/", f"objects/{INDICATOR}/versions/")


@dataclass(frozen=True)
class Endpoint:
    method: str
    path: str
    resource: str
    success: int = 200

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def below(collection: str) -> list[Endpoint]:
    """The endpoints that name a collection."""
    root = f"/allied/collections/{collection}/"
    resources = ("envelope", "manifest", "envelope", "versions")
    return [
        Endpoint("GET", root, "collection"),
        *(Endpoint("GET", root + rest, name) for rest, name in zip(READ, resources, strict=True)),
        Endpoint("POST", f"{root}objects/", "status", 202),
        Endpoint("DELETE", f"{root}objects/{INDICATOR}/", "nothing"),
    ]


SERVER: Final = [
    Endpoint("GET", "/taxii2/", "discovery"),
    Endpoint("GET", "/allied/", "api-root"),
    Endpoint("GET", f"/allied/status/{STATUS_ID}/", "status"),
    Endpoint("GET", "/allied/collections/", "collections"),
]
ENDPOINTS: Final = [*SERVER, *below(US)]
GETS: Final = [one for one in ENDPOINTS if one.method == "GET"]
COLLECTIONS: Final = {
    "own": US,
    "by alias": "us",
    "of another": "kr",
    "aggregate": RELEASED,
    "unknown": UNKNOWN,
}
