"""At which TLP levels a member may see something of each nation, whatever there is."""

from __future__ import annotations

from collections.abc import Mapping

from hub.actions.house import House
from hub.actions.present import present
from hub.model import NationCode, Reader, Tlp
from hub.rules.release import levels_seen


def by_origin(house: House, reader: Reader) -> Mapping[NationCode, frozenset[Tlp]]:
    """Return, for each nation, the levels that the reader's nation and clearance and the agreements allow."""
    with house.store.read() as connection:
        now = present(house, connection)
        periods = house.bindings.periods(connection)
    return {origin: levels_seen(origin, reader, periods, now) for origin in house.registry.nations}
