"""The possible TLP levels of each collection for a member, independent of stored objects."""

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
    """Return, for each nation, the TLP levels possible in its collection for the caller.

    For a caller that may see agreements the levels follow from nation, clearance and the clauses in force;
    for any other caller from nation and clearance alone (policy 5). Raises Forbidden as
    `authenticate.reader`.
    """
    reader = authenticate.reader(caller)
    # INVARIANT: nothing here reads objects: a level would say that a hidden object exists (policy 9).
    if not may_know(caller):
        return dict.fromkeys(service.registry.nations, levels_seen(reader.nation, reader, (), caller.at))
    with service.store.read() as connection:
        now = present(service, connection)
        periods = service.in_force.periods(connection)
    return {origin: levels_seen(origin, reader, periods, now) for origin in service.registry.nations}
