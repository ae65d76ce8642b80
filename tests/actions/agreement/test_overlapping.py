"""Agreements over the same objects: what an agreement's history meets and is visible is not sent again.

Who polls incrementally is given anew only what becomes visible to somebody of its nation; and nothing
disappears for whoever another agreement lets see it when the first one ends (policy 4, 5 and 10, I2 to I4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

from hub.actions.checks import check
from hub.actions.operation import work
from hub.actions.oversight import explain
from hub.actions.oversight.explain import ExplanationRequest
from hub.actions.release import history
from hub.model import StixId
from hub.store.ledger import histories
from tests.stix_objects import TLP, Json, sdo
from tests.world import Poller, World, build

AGENCY = "kr-agency"
READERS = ("kr-cert", AGENCY, "kr-partner")
HIDING = {"anonymise": "agency"}
CUTTING = {"granular": "redact"}


def clause(**terms: Any) -> Json:
    return {"from": "US", "to": ["KR"], "max_tlp": "amber", "history": True, **terms}


def malware(n: int, **changes: Any) -> Json:
    return sdo("malware", n, **({"tlp": "green"} | changes))


def marked_in_part(n: int) -> Json:
    part = {"marking_ref": TLP["red"], "selectors": ["description"]}
    return malware(n) | {"description": "Not for all", "granular_markings": [part]}


def report(n: int, *refs: Json) -> Json:
    return sdo("report", n, refs=[one["id"] for one in refs], tlp="green")


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = build(database_url, codes=("US", "KR", "JP"), kinds=("cert", "agency", "partner"))
    yield world
    world.close()


@pytest.fixture
def pollers(world: World) -> list[Poller]:
    """One of each kind, at the end of its nation's ledger."""
    return [world.follow(reader, "US") for reader in READERS]


def agreed(world: World, *clauses: Json, **terms: Any) -> Json:
    """Let an agreement come into force, with all that it reaches back to."""
    world.clock.wait()
    made = world.agree(["US", "KR"], *clauses, **terms)
    settled(world)
    return made


def settled(world: World) -> None:
    assert work.work(world.service).is_done
    assert check.check(world.service).faults == []


def sent(pollers: Sequence[Poller]) -> list[int]:
    """How many objects each is given by coming back."""
    return [len(poller.poll()) for poller in pollers]


def seen(world: World) -> list[int]:
    return [len(world.ids(reader)) for reader in READERS]


def terminated(world: World, first: Json) -> None:
    world.terminate(first, "KR")


def suspended(world: World, first: Json) -> None:
    world.suspend(first, "KR")


def expired(world: World, _first: Json) -> None:
    world.clock.now += timedelta(days=8)


def amended_to_nothing(world: World, first: Json) -> None:
    world.agree(["US", "KR"], clause(types=["tool"]), supersedes=first["id"])


ENDINGS = [terminated, suspended, expired, amended_to_nothing]


@pytest.mark.parametrize("end", ENDINGS)
@pytest.mark.parametrize(
    "terms",
    [
        # Of four objects the AMBER one is for agencies at most, so partners see three.
        ([{}], [{}], [0, 0, 0], [4, 4, 0]),
        ([{}], [{"audience": "cert"}], [0, 0, 0], [4, 0, 0]),
        ([{}], [{"max_tlp": "green"}], [0, 0, 0], [3, 3, 0]),
        ([{"audience": "partner"}], [{"audience": "partner"}], [0, 0, 0], [4, 4, 3]),
        ([{"audience": "partner"}], [{}], [0, 0, 0], [4, 4, 0]),
        # Becomes visible to partners: GREEN is given anew. AMBER, which is not for them, is not.
        ([{}], [{"audience": "partner"}], [3, 3, 3], [4, 4, 3]),
        # Becomes visible to agencies: AMBER and GREEN alike.
        ([{"audience": "cert"}], [{}], [4, 4, 0], [4, 4, 0]),
        # Several clauses.
        ([{}], [{"types": ["malware"]}, {"types": ["report"]}], [0, 0, 0], [4, 4, 0]),
        ([{"types": ["malware"]}, {"types": ["report"]}], [{}], [0, 0, 0], [4, 4, 0]),
        ([{}], [{"audience": "cert"}, {"max_tlp": "green"}], [0, 0, 0], [4, 3, 0]),
        # What refers to something that stands by the first alone goes when that does.
        ([{}], [{"types": ["report"]}], [0, 0, 0], [0, 0, 0]),
        # Without history nothing that was there is gone through.
        ([{}], [{"history": False}], [0, 0, 0], [0, 0, 0]),
    ],
)
def test_what_is_visible_is_not_sent_again_and_does_not_go_with_the_first(
    world: World,
    pollers: list[Poller],
    terms: tuple[list[Json], list[Json], list[int], list[int]],
    end: Callable[[World, Json], None],
) -> None:
    first, second, again, left = terms
    objects = [malware(1), malware(2), malware(3, tlp="amber")]
    world.push("us-agency", *objects, report(1, malware(1)))
    week = world.clock.now + timedelta(days=7)
    one = agreed(world, *(clause(**each) for each in first), valid_until=week)
    sent(pollers)
    agreed(world, *(clause(**each) for each in second))
    assert sent(pollers) == again
    world.clock.wait()
    end(world, one)
    assert seen(world) == left
    settled(world)
    assert seen(world) == left
    assert sent(pollers) == [0, 0, 0]


@pytest.mark.parametrize(
    "terms",
    [
        # The same form: the row that stands is met. What is marked in part as RED needs the cut.
        (HIDING, HIDING, [0, 0, 0], [1, 1, 0]),
        (CUTTING, CUTTING, [0, 0, 0], [2, 2, 0]),
        # Another form is another object, which is new to all who see it, and goes with its agreement.
        ({}, HIDING, [1, 1, 0], [1, 1, 0]),
        (HIDING, {}, [1, 1, 0], [1, 1, 0]),
        # A redaction comes beside what has no part that is marked too high, which is met.
        ({}, CUTTING, [1, 1, 0], [2, 2, 0]),
        (CUTTING, {}, [0, 0, 0], [1, 1, 0]),
        (CUTTING, CUTTING | {"audience": "cert"}, [0, 0, 0], [2, 0, 0]),
        (HIDING | CUTTING, HIDING | CUTTING, [0, 0, 0], [2, 2, 0]),
    ],
)
def test_a_row_is_met_in_the_form_in_which_it_stands(
    world: World, pollers: list[Poller], terms: tuple[Json, Json, list[int], list[int]]
) -> None:
    first, second, again, left = terms
    world.push("us-agency", malware(1), marked_in_part(2))
    one = agreed(world, clause(**first))
    sent(pollers)
    agreed(world, clause(**second))
    assert sent(pollers) == again
    world.clock.wait()
    world.terminate(one, "KR")
    settled(world)
    assert seen(world) == left
    assert sent(pollers) == [0, 0, 0]


def test_of_a_hundred_objects_none_is_sent_again(world: World) -> None:
    world.push("us-agency", *(malware(n) for n in range(100)))
    agreed(world, clause())
    poller = world.follow(AGENCY, "US")
    assert len(poller.poll()) == 100
    agreed(world, clause())
    assert poller.poll() == []


def test_resuming_gives_nothing_again_that_another_agreement_showed(
    world: World, pollers: list[Poller]
) -> None:
    one = agreed(world, clause())
    world.push("us-agency", malware(1), report(1, malware(1)))
    other = agreed(world, clause(types=["malware"]))
    assert sent(pollers) == [2, 2, 0]
    world.suspend(one, "US")
    world.clock.wait()
    world.push("us-agency", malware(2))
    assert sent(pollers) == [1, 1, 0]
    world.resume(one, "US")
    settled(world)
    assert sent(pollers) == [1, 1, 0]  # the report alone was gone
    world.clock.wait()
    world.terminate(other, "US")
    settled(world)
    assert seen(world) == [3, 3, 0]
    assert sent(pollers) == [0, 0, 0]


def test_an_amendment_gives_nothing_again_that_another_agreement_shows(
    world: World, pollers: list[Poller]
) -> None:
    world.push("us-agency", malware(1), malware(2))
    one = agreed(world, clause())
    narrow = agreed(world, clause(types=["tool"]))
    sent(pollers)
    wide = agreed(world, clause(), supersedes=narrow["id"])
    assert sent(pollers) == [0, 0, 0]
    again = agreed(world, clause(), supersedes=one["id"])
    assert sent(pollers) == [0, 0, 0]
    for agreement in (wide, again):
        assert seen(world) == [2, 2, 0]
        world.clock.wait()
        world.terminate(agreement, "KR")
    assert seen(world) == [0, 0, 0]


def test_an_amendment_takes_over_in_one_step_what_history_has_yet_to_meet(
    world: World, pollers: list[Poller]
) -> None:
    """Else what both agreements release would be gone until the amendment's own history comes."""
    world.push("us-agency", malware(1))
    one = agreed(world, clause())
    world.clock.wait()
    world.agree(["US", "KR"], clause())
    sent(pollers)
    world.agree(["US", "KR"], clause(), supersedes=one["id"])
    assert seen(world) == [1, 1, 0]
    settled(world)
    assert sent(pollers) == [0, 0, 0]


def test_what_a_colleague_submits_meanwhile_has_nothing_sent_again(
    world: World, pollers: list[Poller]
) -> None:
    """A later version has those before it judged again, before history comes to them."""
    world.push("us-agency", malware(1), malware(2))
    one = agreed(world, clause())
    sent(pollers)
    world.clock.wait()
    world.agree(["US", "KR"], clause())
    world.push("us-agency", malware(2, version=2))
    assert sent(pollers) == [1, 1, 0]
    settled(world)
    assert sent(pollers) == [0, 0, 0]
    world.terminate(one, "KR")
    assert seen(world) == [2, 2, 0]


@pytest.mark.parametrize(("audience", "widest"), [("partner", 1), ("agency", 0), ("cert", 0)])
def test_the_widest_clause_is_named_and_among_equals_that_in_force_longest(
    world: World, audience: str, widest: int
) -> None:
    world.push("us-agency", malware(1))
    made = [agreed(world, clause()), agreed(world, clause(audience=audience))]
    question = ExplanationRequest(StixId(malware(1)["id"]))
    told = explain.explain(world.service, world.callers["us-cert"], question)
    [decision] = [one for one in told["decisions"] if one["nation"] == "KR"]
    assert decision["agreement"] == made[widest]["id"]
    world.clock.wait()
    world.terminate(made[0], "KR")
    told = explain.explain(world.service, world.callers["us-cert"], question)
    [decision] = [one for one in told["decisions"] if one["nation"] == "KR"]
    assert (decision["agreement"], decision["clearance"]) == (made[1]["id"], audience)


# --- the clock ------------------------------------------------------------------------------------


def test_what_the_clock_ends_soon_is_given_anew(world: World, pollers: list[Poller]) -> None:
    """Who polls after that end, and before the row is written, has passed the row."""
    world.push("us-agency", malware(1))
    agreed(world, clause(), valid_until=world.clock.now + timedelta(minutes=10))
    assert sent(pollers) == [1, 1, 0]
    agreed(world, clause())
    assert sent(pollers) == [1, 1, 0]
    world.clock.now += timedelta(hours=1)
    assert seen(world) == [1, 1, 0]
    assert sent(pollers) == [0, 0, 0]


def test_a_step_is_decided_again_when_the_clock_ends_what_a_row_stood_by(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.push("us-agency", malware(1), malware(2))
    end = world.clock.now + timedelta(hours=1)
    agreed(world, clause(), valid_until=end)
    world.clock.wait()
    world.agree(["US", "KR"], clause())
    poller = world.follow(AGENCY)
    decide = history._decide

    def slowly(*arguments: Any) -> Any:
        decided = decide(*arguments)
        monkeypatch.undo()
        world.clock.now = end
        world.push("kr-agency", sdo("tool", 1))
        ids = {row.id for row in poller.poll()}
        assert sdo("tool", 1)["id"] in ids
        assert malware(1)["id"] not in ids
        return decided

    monkeypatch.setattr(history, "_decide", slowly)
    with world.service.store.read() as connection:
        [job] = histories.unfinished(connection, histories.HistoryKind.APPEND)
    history._step(world.service, job)
    settled(world)
    assert {row.id for row in poller.poll()} == {malware(1)["id"], malware(2)["id"]}
