"""Checks the facts kept for simulations: the facts of each version follow from the versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hub.actions.checks import RESTORE, Fault, Inspection, named
from hub.model import NationCode, ObjectVersion
from hub.rules.release.fact_sets import fact_sets
from hub.store.records import fact_sets as kept


def fact_faults(
    inspection: Inspection, origin: NationCode, versions: Mapping[int, ObjectVersion]
) -> Iterator[Fault]:
    """Yield the versions with other facts than a simulation must count them by.

    `versions` are complete: no other version depends on these, or is needed by these.
    """
    known = kept.stored(inspection.connection, origin, versions)
    last = kept.last_determined(inspection.connection, origin)
    right = fact_sets(versions, {})
    for key, version in versions.items():
        if key not in known:
            if key <= last:
                yield Fault(named(version), f"is left out of every simulation; {RESTORE}")
            continue
        one = known[key]
        if one is None:
            continue  # `hub work` determines these facts again; a simulation reads the version until then
        # Facts that do not decide alone are right for each version: the version is read.
        is_right = one.facts is None or one.facts == right[key]
        place = version.submitted_at, version.deleted_at is not None
        if not is_right or (one.submitted_at, one.is_deleted) != place:
            yield Fault(named(version), f"is counted in simulations by other facts; {RESTORE}")
