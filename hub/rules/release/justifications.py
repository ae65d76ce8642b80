"""Answers whether a justification holds for a reader, and compares justifications (policy 4).

A justification is an AND of classes: the version's own class, and the classes of later versions and
references. A class is an OR of grounds. A ground holds for a clearance while a period is in force, or for one
member.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Final

from hub.model import Class, Clearance, Ground, Justification, MemberId, NationCode, Reader

# Every doubt closes: a class without grounds never holds, and one such class withholds the row.
NEVER: Class = frozenset()
NOBODY: Final = MemberId("")  # a reader outside every ground for one member


def is_visible(justification: Justification, reader: Reader, in_force: AbstractSet[int]) -> bool:
    """Tell whether every class has a ground for `reader` while these periods are in force (policy 4).

    Not checked here: a submitter always sees its own object (policy 2.7). That rule needs no ground.
    """
    # INVARIANT: AND over classes, OR over grounds. An ended period is missing from `in_force`, and every row
    # of that period alone is invisible at once (policy 5; I3).
    return all(
        any(_holds(ground, reader, in_force) for ground in alternatives) for alternatives in justification
    )


def lowest_clearance(justification: Justification, in_force: AbstractSet[int]) -> Clearance | None:
    """Return the lowest clearance at which every member of the recipient sees (policy 4); None: none."""
    # A ground for one member does not count: that ground shows nothing to the member's colleagues.
    readers = (Reader(NOBODY, NationCode(""), clearance) for clearance in Clearance)
    return next((one.clearance for one in readers if is_visible(justification, one, in_force)), None)


def in_force_part(justification: Justification, in_force: AbstractSet[int]) -> Justification:
    """Return the justification without ended grounds; an emptied class never holds again."""
    return simplify(
        frozenset(g for g in alternatives if g.period is None or g.period in in_force)
        for alternatives in justification
    )


def narrows(new: Justification, old: Justification) -> bool:
    """Tell whether every reader admitted by `new`, now or later, is admitted by `old`."""
    # INVARIANT: a row may stay in place only under this condition (I4). A wrong True loses an object for a
    # client polling with yesterday's `added_after`.
    return all(any(_implies(strong, weak) for strong in new) for weak in old)


def simplify(classes: Iterable[Class]) -> Justification:
    """Return the same condition with as few classes as possible: implied classes are left out."""
    # Without covered grounds, two classes implying each other are equal, and the set keeps a single class.
    distinct = {_widest_grounds(one) for one in classes}
    if NEVER in distinct:
        return frozenset({NEVER})
    return frozenset(
        one for one in distinct if not any(other != one and _implies(other, one) for other in distinct)
    )


def _widest_grounds(one: Class) -> Class:
    return frozenset(g for g in one if not any(other != g and _covers(other, g) for other in one))


def _implies(strong: Class, weak: Class) -> bool:
    """Tell whether every reader satisfying `strong` satisfies `weak`, whatever is in force."""
    return all(any(_covers(w, s) for w in weak) for s in strong)


def _covers(wide: Ground, narrow: Ground) -> bool:
    # A member's clearance may change, so a ground for one member covers no other ground.
    if wide.member is not None or narrow.member is not None:
        return wide == narrow
    return wide.period == narrow.period and wide.clearance <= narrow.clearance


def _holds(ground: Ground, reader: Reader, in_force: AbstractSet[int]) -> bool:
    # Period None: inside the origin nation no agreement is needed (policy 3).
    if ground.period is not None and ground.period not in in_force:
        return False
    if ground.member is not None:
        return ground.member == reader.member
    return reader.clearance >= ground.clearance
