"""Two hubs that differ only in rows that a reader may not see, among the visible ones."""

from __future__ import annotations

from dataclasses import dataclass

from tests.lock_order import RECORDER
from tests.stix_objects import Json, indicator, malware, relationship, report, stix_id
from tests.store.plans.large import Large, large_hub

ROWS = 5_000  # hidden ones, at least
_ROUNDS = 3
_VISIBLE = 150  # copies of each object that both have

# By member. Nothing of the first two goes to KR; the third is for the cert of KR alone.
ABROAD: dict[str, list[Json]] = {
    "us-agency": [
        indicator(500, tlp="amber+strict"),
        malware(500, tlp="amber+strict"),
        relationship(500, tlp="amber+strict", refs=[stix_id("indicator", 500), stix_id("malware", 500)]),
    ],
    "au-agency": [indicator(501, tlp="green"), report(501, tlp="green", refs=[stix_id("indicator", 501)])],
}
OF_THE_CERT: dict[str, list[Json]] = {"kr-cert": [indicator(502, tlp="red"), malware(502, tlp="red")]}


@dataclass
class HiddenPair:
    """`bare` has one of each hidden object, `full` thousands. Else they are the same."""

    bare: Large
    full: Large

    def close(self) -> None:
        self.bare.world.close()
        self.full.world.close()


def pair_of(urls: tuple[str, str], hidden: dict[str, list[Json]]) -> HiddenPair:
    """Make both hubs, with the statistics that the hub keeps."""
    hubs = [large_hub(url) for url in urls]
    ids = [one["id"] for objects in hidden.values() for one in objects]
    copies = ROWS // len(ids) // (_ROUNDS + 1) + 1
    for is_full, hub in enumerate(hubs):
        for member, objects in hidden.items():
            hub.world.accepted(member, *objects)
        for n in range(_ROUNDS + 1):
            with RECORDER.off(), hub.world.service.store.write() as connection:
                # Visible copies are numbered alike in both.
                hub.multiplier.made = n * 10_000 + 5_000
                hub.multiplier.multiply(connection, ids, copies if is_full else 0)
                hub.multiplier.made = n * _VISIBLE
                hub.multiplier.multiply(connection, hub.ids, _VISIBLE if n < _ROUNDS else 0)
        hub.size = _ROUNDS * _VISIBLE
        hub.keep_statistics()
    return HiddenPair(*hubs)
