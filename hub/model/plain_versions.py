"""Versions that are judged by their likeness: known by a few values."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from hub.model.people import MemberId, StixId


class PlainVersion(NamedTuple):
    """The only version of an id in its nation: undeleted, without redactions, and no answer (policy 7).

    `refers` are the ids referred to, `targets` the keys of the only versions of these records: each is plain
    too, and refers to nothing. Versions with an equal `likeness` have equal decisions. The likeness has the
    deciding values of the version and of its targets.
    """

    key: int
    id: StixId
    member: MemberId
    has_spec_version: bool
    refers: frozenset[StixId]
    targets: frozenset[int]
    likeness: Hashable
