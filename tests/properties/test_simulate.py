"""What a simulation says is what then happens: it is signed, and what every reader is served is compared."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from hub.actions.agreement import simulate
from hub.actions.operation import work
from hub.model import Caller, Clearance, Kind, Member, MemberId, Scope, StixId, Tlp, format_instant
from hub.store.schema.tables import object_version, release
from tests.properties.playing import Play
from tests.properties.test_worlds import MORE, a_world, copies
from tests.properties.world_strategies import agreements, aimed, deletes, pushes
from tests.properties.worlds import LEVELS, NATIONS, Agree, Event
from tests.stix_objects import Json
from tests.world import EVERY_VERSION, Copies, World

__all__ = ["copies"]

AUDITOR = Caller(
    Member(MemberId("auditor"), None, Kind.AUDITOR, "Auditor", StixId("identity--0")), frozenset({Scope.READ})
)
Lowest = dict[tuple[str, int], Clearance]  # the lowest clearance of a nation that is served a version


def lowest(world: World, nations: Sequence[str] = NATIONS) -> Lowest:
    """Who of each nation is served each foreign version, by its key."""
    found: Lowest = {}
    for nation in nations:
        for clearance in reversed(Clearance):
            rows = world.drain(world.query(f"{nation.lower()}-{clearance.label}", selections=EVERY_VERSION))
            positions = [row.position for row in rows]
            condition = (release.c.recipient == nation, release.c.position.in_(positions))
            query = select(release.c.version_id).where(*condition, release.c.origin.not_in([nation, "hub"]))
            with world.service.store.read() as connection:
                for key in connection.execute(query).scalars():
                    found[nation, key] = clearance
    return found


def changes(world: World, before: Lowest, after: Lowest) -> dict[str, Counter[tuple[str, ...]]]:
    """What began and ceased to be served, as a simulation counts it."""
    v = object_version.c
    with world.service.store.read() as connection:
        versions = {
            row.id: (row.origin, row.type, Tlp(row.effective_tlp).label)
            for row in connection.execute(select(v.id, v.origin, v.type, v.effective_tlp))
        }
    told: dict[str, Counter[tuple[str, ...]]] = {"released": Counter(), "withdrawn": Counter()}
    for nation, key in before.keys() | after.keys():
        was, will = before.get((nation, key)), after.get((nation, key))
        origin, stix_type, tlp = versions[key]
        if was == will:
            continue
        if will is not None and (was is None or will < was):
            told["released"][origin, nation, stix_type, tlp, will.label] += 1
        elif was is not None:
            told["withdrawn"][origin, nation, stix_type, tlp, was.label] += 1
    return told


def said(answer: Json, part: str) -> Counter[tuple[str, ...]]:
    names = ("origin", "recipient", "type", "tlp", "clearance")
    return Counter({tuple(line[name] for name in names): line["count"] for line in answer[part]})


def document(play: Play, parties: list[str], proposed: Agree, former: Json | None) -> Json:
    return {
        "title": "Sharing",
        "parties": parties,
        "valid_from": format_instant(play.now - timedelta(seconds=60)),
        "valid_until": format_instant(play.now + timedelta(days=365)),
        "clauses": [clause.build() for clause in proposed.clauses],
        **({} if former is None else {"supersedes": former["id"]}),
    }


def other_terms(former: Agree) -> st.SearchStrategy[Agree]:
    """The same directions on other terms."""
    changed = [
        st.builds(
            replace,
            st.just(clause),
            max_tlp=st.sampled_from(LEVELS),
            audience=st.sampled_from(["partner", "agency", "cert"]),
            types=st.sampled_from([None, None, ("malware", "note"), ("relationship",)]),
        )
        for clause in former.clauses
    ]
    return st.tuples(*changed).map(Agree)


pairs = st.one_of(
    agreements.map(lambda proposed: (None, proposed)),
    agreements.flatmap(lambda former: st.tuples(st.just(former), st.one_of(other_terms(former), agreements))),
)
many_pushes = st.lists(st.one_of(*[pushes] * 5, deletes, agreements), min_size=4, max_size=12).map(aimed)


@MORE
@given(events=many_pushes, pair=pairs, place=st.integers(0, 12), history=st.booleans())
def test_what_a_simulation_says_is_what_then_happens(
    copies: Copies, events: list[Event], pair: tuple[Agree | None, Agree], place: int, history: bool
) -> None:
    former, proposed = pair
    with a_world(copies) as world:
        play = Play(world).play(events[:place])
        made = None
        if former is not None:
            clauses = [clause.build() for clause in former.clauses]
            made = world.agree(former.parties, *clauses, valid_from=play.now - timedelta(seconds=60))
        play.play(events[place:])
        play.wait(1)
        work.work(world.service)
        common = [p for p in proposed.parties if former is None or p in former.parties]
        parties = sorted(proposed.parties, key=lambda p: (p not in common, p))
        text = document(play, parties, proposed, made)
        for clause in text["clauses"]:
            clause["history"] = history
        cert = f"{parties[0].lower()}-cert"
        body = json.dumps(text).encode()
        answer = simulate.simulate(world.service, world.callers[cert], body)
        whole = simulate.simulate(world.service, AUDITOR, body)
        reaching = text | {"clauses": [clause | {"history": True} for clause in text["clauses"]]}
        all_of_it = simulate.simulate(world.service, AUDITOR, json.dumps(reaching).encode())
        before, could_see = lowest(world), world.ids(cert)
        supersedes = text.get("supersedes")
        world.agree(
            parties, *text["clauses"], valid_from=play.now - timedelta(seconds=60), supersedes=supersedes
        )
        play.wait(1)
        work.work(world.service)
        told = changes(world, before, lowest(world))
        own = Counter({line: n for line, n in told["released"].items() if line[0] == parties[0]})
        lost = Counter({line: n for line, n in told["withdrawn"].items() if parties[0] in line[:2]})
        assert {part: said(whole, part) for part in told} == told
        assert said(answer, "released") == own
        # Everything was submitted in the last days: what would have crossed is what history brings.
        recent = said(all_of_it, "released")
        assert said(whole["recent"], "released") == recent
        assert said(answer["recent"], "released") == Counter(
            {line: n for line, n in recent.items() if line[0] == parties[0]}
        )
        assert said(answer, "withdrawn") == lost
        assert {example["object"] for example in answer["examples"]} <= could_see
