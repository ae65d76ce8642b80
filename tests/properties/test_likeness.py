"""A history that judges alike versions once writes the same rows as one that judges each version.

Few generated versions are alike, so each push comes several times, with other ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from hub.actions.release import history
from hub.actions.release.judging import judge_for_history
from hub.rules.release.row_changes import LedgerChanges
from hub.store.schema.own_tables import own_justification
from hub.store.schema.tables import (
    content,
    justification,
    ledger,
    object_version,
    origin,
    rejustification,
    release,
)
from tests.properties import renditions, world_strategies
from tests.properties.playing import Play
from tests.properties.test_worlds import MORE, a_world, copies
from tests.properties.watching import slow_histories
from tests.properties.worlds import Agree, Event, Push
from tests.world import Copies, World

__all__ = ["copies"]

_SHIFT = 20  # more than the pool of ids has of one type
_TIMES = 4

_plain_events = st.one_of(
    world_strategies.event_lists, world_strategies.eventful_lifecycles, world_strategies.overlaps
)
_other_forms = st.builds(
    lambda events, hides: [
        _hiding(event, hides=hides) for event in events if not isinstance(event, renditions.DrawnAnswer)
    ],
    renditions.event_lists,
    st.booleans(),
)


def _hiding(event: Event, *, hides: bool) -> Event:
    """Let the clauses of an agreement hide their source as drawn, or none."""
    if not isinstance(event, Agree):
        return event
    return replace(event, clauses=tuple(replace(one, hides=one.hides and hides) for one in event.clauses))


def multiplied(events: Sequence[Event]) -> list[Event]:
    """Let each push come several times with other ids, and let most agreements reach back."""
    found: list[Event] = []
    for event in events:
        if isinstance(event, Push):
            found += [_again(event, n) for n in range(_TIMES)]
        elif isinstance(event, Agree):
            first, *rest = event.clauses
            found.append(replace(event, clauses=(replace(first, history=True), *rest)))
        else:
            found.append(event)
    return found


def _again(push: Push, n: int) -> Push:
    drafts = [replace(draft, shift=draft.shift + n * _SHIFT) for draft in push.drafts]
    if n > 1:  # one of the objects is stricter, so what refers to it is unlike the others
        at = n % len(drafts)
        drafts[at] = replace(drafts[at], tlp="red")
    return replace(push, drafts=tuple(drafts))


def one_by_one(connection: Any, context: Any, found: Any, _: Any, *, is_ahead: bool) -> LedgerChanges:
    """Judge each version, as a submission does."""
    ids = {*found.others, *(version.id for version in found.plain)}
    judging = judge_for_history(connection, context, ids, is_ahead=is_ahead)
    return LedgerChanges(judging.versions, judging.changes())


def ledgers(world: World) -> dict[str, list[tuple[Any, ...]]]:
    """All that the ledgers have, but for random ids and the bodies with these."""
    r, v = release.c, object_version.c
    shown = ("shown_tlp", "is_bound", "shown_rel_to", "shown_closed")
    columns = [c for c in r if c.name not in ("stix_id", "content_id", "size", "justification_id")]
    rows = select(*columns, v.member, v.stix_id, v.version, justification.c.classes)
    rows = rows.join(object_version, v.id == r.version_id).join(
        justification, justification.c.id == r.justification_id
    )
    served = select(r.recipient, r.position, r.stix_id, r.size, content.c.digest)
    served = served.join(content, content.c.id == r.content_id).where(r.rendition.is_(None))
    former = rejustification.c
    before = select(
        *(former.recipient, former.position, former.until, former.revision, justification.c.classes),
        *(former[name] for name in shown),
    ).join(justification, justification.c.id == former.justification_id)
    queries = {
        "ledgers": select(ledger),
        "origins": select(origin),
        "justifications": select(justification),
        "own": select(own_justification),
        "rows": rows,
        "served": served,
        "before": before,
    }
    with world.service.store.read() as connection:
        return {
            name: sorted((tuple(row) for row in connection.execute(query)), key=repr)
            for name, query in queries.items()
        }


@contextmanager
def _counted(alike: list[int]) -> Iterator[None]:
    judge_next = history.judge_next

    def counting(*arguments: Any, **more: Any) -> LedgerChanges:
        found = judge_next(*arguments, **more)
        alike.append(len(found.alike))
        return found

    with patch.object(history, "judge_next", counting):
        yield


def _compare(copies: Copies, events: Sequence[Event], alike: list[int]) -> None:
    with a_world(copies) as one, a_world(copies) as two:
        with _counted(alike):
            Play(one).play(events)
        with patch.object(history, "judge_next", one_by_one):
            Play(two).play(events)
        here, there = ledgers(one), ledgers(two)
        for name, rows in there.items():
            assert here[name] == rows, name


def test_alike_versions_get_the_rows_that_each_would_get_alone(copies: Copies) -> None:
    alike: list[int] = []

    @MORE
    @given(events=_plain_events.map(multiplied))
    def compare(events: list[Event]) -> None:
        _compare(copies, events, alike)

    compare()
    assert sum(alike), "no version was alike"


def test_so_they_do_in_short_steps(copies: Copies) -> None:
    """The groups are remembered from step to step."""
    alike: list[int] = []

    @MORE
    @given(events=_plain_events.map(multiplied))
    def compare(events: list[Event]) -> None:
        with slow_histories():
            _compare(copies, events, alike)

    compare()
    assert sum(alike)


def test_so_they_do_where_clauses_serve_other_forms(copies: Copies) -> None:
    alike: list[int] = []

    @MORE
    @given(events=_other_forms.map(multiplied))
    def compare(events: list[Event]) -> None:
        _compare(copies, events, alike)

    compare()
    assert sum(alike)
