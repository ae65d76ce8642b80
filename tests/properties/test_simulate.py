"""What a simulation says is what then happens: each is signed, and what every reader is served is compared."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from hub.actions import simulate, work
from hub.model import Clearance, Tlp, format_instant
from hub.store.tables import object_version, release
from tests.properties.test_worlds import FEWER, a_world, mould
from tests.properties.worlds import NATIONS, Agree, Event, Play, agreements, happenings
from tests.stix_objects import Json
from tests.world import EVERY_VERSION, Mould, World

__all__ = ["mould"]

Lowest = dict[tuple[str, int], Clearance]  # the lowest clearance of a nation that is served a version


def lowest(world: World) -> Lowest:
    """Who of each nation is served each foreign version, by its key."""
    found: Lowest = {}
    for nation in NATIONS:
        for clearance in reversed(Clearance):
            rows = world.drain(world.query(f"{nation.lower()}-{clearance.label}", selections=EVERY_VERSION))
            positions = [row.position for row in rows]
            condition = (release.c.recipient == nation, release.c.position.in_(positions))
            query = select(release.c.version_id).where(*condition, release.c.origin.not_in([nation, "hub"]))
            with world.house.store.read() as connection:
                for key in connection.execute(query).scalars():
                    found[nation, key] = clearance
    return found


def changes(world: World, before: Lowest, after: Lowest) -> dict[str, Counter[tuple[str, ...]]]:
    """What began and ceased to be served, as a simulation counts it."""
    v = object_version.c
    with world.house.store.read() as connection:
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


def document(play: Play, proposed: Agree, supersedes: str | None) -> Json:
    return {
        "title": "Sharing",
        "parties": proposed.parties,
        "valid_from": format_instant(play.now - timedelta(seconds=60)),
        "valid_until": format_instant(play.now + timedelta(days=365)),
        "clauses": [clause.build() for clause in proposed.clauses],
        **({} if supersedes is None else {"supersedes": supersedes}),
    }


def in_force(world: World, made: list[Any], parties: list[str]) -> list[str]:
    """The agreements in force that one of the parties may amend."""
    shown = [world.show(view, view["parties"][0]) for view in made if view is not None]
    return [v["id"] for v in shown if v["state"] == "in force" and parties[0] in v["parties"]]


@FEWER
@given(events=happenings, proposed=agreements, data=st.data())
def test_what_a_simulation_says_is_what_then_happens(
    mould: Mould, events: list[Event], proposed: Agree, data: st.DataObject
) -> None:
    with a_world(mould) as world:
        play = Play(world).play(events)
        play.wait(1)
        work.work(world.house)
        proposer = proposed.parties[0]
        supersedes = data.draw(st.sampled_from([None, *in_force(world, play.made, proposed.parties)]))
        history = data.draw(st.booleans())
        text = document(play, proposed, supersedes)
        for clause in text["clauses"]:
            clause["history"] = history
        answers = {
            party: simulate.simulate(
                world.house, world.callers[f"{party.lower()}-cert"], json.dumps(text).encode()
            )
            for party in [proposer]
        }
        before = lowest(world)
        world.agree(
            text["parties"],
            *text["clauses"],
            valid_from=play.now - timedelta(seconds=60),
            supersedes=supersedes,
        )
        play.wait(1)
        work.work(world.house)
        told = changes(world, before, lowest(world))
        for party, answer in answers.items():
            for part, is_told in (("released", _by(party)), ("withdrawn", _by_or_to(party))):
                expected = Counter({line: n for line, n in told[part].items() if is_told(line)})
                assert said(answer, part) == expected, (party, part)
            for example in answer["examples"]:
                assert (
                    example["object"] in world.ids(f"{party.lower()}-cert")
                    or example["change"] == "withdrawn"
                )


def _by(party: str) -> Any:
    return lambda line: line[0] == party


def _by_or_to(party: str) -> Any:
    return lambda line: party in line[:2]
