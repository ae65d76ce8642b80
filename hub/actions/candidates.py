"""A stored version as the release rules see it."""

from __future__ import annotations

from hub.model import Clearance, Facts, NationCode, ObjectVersion
from hub.rules.release import Candidate


def candidate_of(version: ObjectVersion, origin: NationCode, clearance: Clearance) -> Candidate:
    """Return the version as the release rules see it."""
    closed = None
    if version.is_closed:
        closed = (
            version.markings.fault
            or "it carries, or is contained in what carries, a marking the hub cannot keep"
        )
    elif version.is_home:
        closed = "unmarked, and its nation keeps what is unmarked at home"
    facts = Facts(
        version.member,
        version.type,
        version.tlp,
        version.submitted_at,
        closed,
        version.rel_to,
        version.taken.limits,
        version.guise,
        version.about,
        version.base,
        version.cuts,
        version.base_rel_to,
    )
    return Candidate(origin, clearance, facts)
