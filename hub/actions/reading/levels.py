"""At which TLP levels a member may see something of each nation, whatever there is."""

from __future__ import annotations

from collections.abc import Mapping

from hub.actions.access import authenticate
from hub.actions.access.authenticate import may_know
from hub.actions.service.present import present
from hub.actions.service.service import Service
from hub.model import Caller, NationCode, Tlp
from hub.rules.release.deciding import levels_seen


# (hub/README: markings-without-objects)
def by_origin(service: Service, caller: Caller) -> Mapping[NationCode, frozenset[Tlp]]:
    """Return, for each nation, the levels at which the caller must expect something of it.

    By its nation and clearance and, where it may know of agreements, by those in force; to all others by its
    clearance alone, whatever is agreed (policy 5). Raises Forbidden for who reads no objects.
    """
    reader = authenticate.reader(caller)
    if not may_know(caller):
        return dict.fromkeys(service.registry.nations, levels_seen(reader.nation, reader, (), caller.at))
    with service.store.read() as connection:
        now = present(service, connection)
        periods = service.in_force.periods(connection)
    return {origin: levels_seen(origin, reader, periods, now) for origin in service.registry.nations}
