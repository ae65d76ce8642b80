"""Every read of a member: what is asked, by whom. A test asks each, and looks at what it costs."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hub.actions.agreement import agree, simulate
from hub.actions.oversight import disclosures, explain
from hub.actions.oversight.explain import ExplanationRequest
from hub.actions.reading import levels, poll
from hub.actions.submission import status, submissions, submit
from hub.errors import NotFound
from hub.model import (
    Disclosed,
    MemberId,
    NationCode,
    StixId,
    VersionFilter,
    format_instant,
    from_microseconds,
)
from hub.store.records import others
from tests.stix_objects import indicator, relationship
from tests.store.plans.large import Large, copied, models
from tests.world import EVERY_VERSION, NEWEST, World, clause

Act = Callable[[], Any]

LIMIT = 20
ABSENT = "indicator--00000000-0000-4000-8000-000000000000"
# Reads that ask what a poll would serve, by the statements of polls.
WITH_POLLS = ("disclosures of an absent object", "disclosures of a foreign object")
FIRST = frozenset({VersionFilter.FIRST})


def polls(large: Large) -> dict[str, Act]:
    """The polls of an agency, with each filter."""
    world, middle = large.world, max(large.size // 2, 0)
    id = _copy(large, "US", 0)

    def of(name: str, **filters: Any) -> Act:
        given = {"limit": LIMIT, **filters}
        query = world.query("kr-agency", **given)
        act = poll.manifest if name.startswith("manifest") else poll.objects
        return lambda: _cold(world, lambda: act(world.service, query))

    late = world.clock.now + timedelta(days=900)
    recent = _date(large, "KR", middle)
    return {
        "from the start": of("objects"),
        "a collection": of("objects", origin="US"),
        "an empty collection": of("objects", origin="IN"),
        "nothing new": of("objects", added_after=late),
        "behind the middle": of("objects", added_after=recent),
        "a frequent type": of("objects", types=frozenset({"indicator"})),
        "a rare type": of("objects", types=frozenset({"campaign"})),
        "a type that nobody has": of("objects", types=frozenset({"tool"})),
        "a rare type of a collection": of("objects", origin="US", types=frozenset({"campaign"})),
        "one object": of("objects", ids=frozenset({id})),
        "one object of a collection": of("objects", origin="US", ids=frozenset({id}), selections=NEWEST),
        "an absent object": of("objects", ids=frozenset({ABSENT})),
        "a hidden object": of("objects", ids=frozenset({_copy(large, "US", 3)})),
        "the newest versions": of("objects", selections=NEWEST),
        "the first versions": of("objects", selections=FIRST),
        "all versions": of("objects", selections=EVERY_VERSION),
        "manifest": of("manifest"),
        "manifest of one object": of("manifest", ids=frozenset({id})),
        "versions of one object": lambda: _cold(
            world,
            lambda: poll.manifest(
                world.service,
                world.query("kr-agency", "US", LIMIT, ids=frozenset({id}), selections=EVERY_VERSION),
                Disclosed.VERSIONS,
            ),
        ),
    }


def _cold(world: World, act: Act) -> Any:
    """Ask without kept texts: every statement of the poll is asked."""
    world.service.kept.clear()
    return act()


def explanations(large: Large) -> dict[str, Act]:
    """Questions about objects: visible, hidden, absent and own."""
    world = large.world

    def of(member: str, *ids: str) -> Act:
        asked = [ExplanationRequest(StixId(id)) for id in ids]
        return lambda: explain.explain_many(world.service, world.callers[member], asked)

    seen, hidden, linked = (_copy(large, "US", place) for place in (0, 3, 5))
    return {
        "explain a visible object": of("kr-agency", seen),
        "explain a visible object with references": of("kr-cert", linked),
        "explain a hidden object": of("kr-agency", hidden),
        "explain an absent object": of("kr-agency", ABSENT),
        "explain an own object": of("us-agency", seen),
        "explain its nation's object, by the cert": of("us-cert", hidden),
        "explain many objects": of("kr-agency", seen, hidden, linked, ABSENT),
    }


def oversight(large: Large) -> dict[str, Act]:
    """Agreements, disclosures, levels, submissions and their status."""
    world, service = large.world, large.world.service
    us_cert, kr_cert, agency = (world.callers[name] for name in ("us-cert", "kr-cert", "us-agency"))
    us, kr = _copy(large, "US", 0), _copy(large, "KR", 0)
    with service.store.read() as connection:
        sent = connection.exec_driver_sql(
            "SELECT min(id) FROM submission WHERE member = 'us-agency'"
        ).scalar()
    return {
        "agreements": lambda: agree.listing(service, us_cert),
        "an agreement": lambda: agree.show(service, us_cert, large.agreements[0]["id"]),
        "an agreement of others": lambda: _missing(
            lambda: agree.show(service, us_cert, large.agreements[2]["id"])
        ),
        "participants": lambda: agree.participants(service, us_cert),
        "levels": lambda: levels.by_origin(service, kr_cert),
        "disclosures of an own object": lambda: disclosures.of_object(service, us_cert, StixId(us)),
        "disclosures to the submitter": lambda: disclosures.of_object(service, agency, StixId(us)),
        "disclosures of an absent object": lambda: _missing(
            lambda: disclosures.of_object(service, us_cert, StixId(ABSENT))
        ),
        "disclosures of a foreign object": lambda: disclosures.of_object(service, us_cert, StixId(kr)),
        "a status": lambda: status.find(service, agency, sent),
        "submissions": lambda: submissions.listing(service, us_cert, submissions.SubmissionsRequest()),
        "one submission": lambda: submissions.show(service, agency, sent),
    }


def lookups(large: Large) -> dict[str, Act]:
    """What a submission asks about others' records, and about the member's own."""
    world, service = large.world, large.world.service
    ids = [StixId(_copy(large, code, place)) for code in ("US", "KR") for place in (0, 3)]

    def look(act: Callable[..., Any], *more: Any) -> Act:
        def asked() -> Any:
            with service.store.read() as connection:
                return act(connection, NationCode("KR"), MemberId("kr-agency"), [*ids, StixId(ABSENT)], *more)

        return asked

    def decide() -> Any:
        new = [indicator(900, tlp="amber"), relationship(900, tlp="amber", refs=[*ids[:2]])]
        verified = submit.verify(service, world.submission("kr-agency", *new))
        items = submit.read(service, verified)
        with service.store.read() as connection:
            return submit.decide(service, connection, verified, items)

    # On SQLite alone: PostgreSQL rightly goes through a table for so many of its rows.
    many = [StixId(copied(models("US")[0]["id"], n)) for n in range(300)]

    def look_at_many() -> Any:
        with service.store.read() as connection:
            others.mentions(connection, NationCode("KR"), MemberId("kr-agency"), many)
            return others.of_others(connection, NationCode("KR"), MemberId("kr-agency"), many, [])

    return {
        "others' records": look(others.of_others, []),
        "mentions": look(others.mentions),
        **({"others' records of many ids": look_at_many} if service.store.is_sqlite else {}),
        "the decision on a submission": decide,
    }


def simulations(large: Large) -> dict[str, Act]:
    """Simulations by a cert: of what its nation gives, and of what its nation gets."""
    world, service = large.world, large.world.service

    def of(by: str, terms: Any, supersedes: int | None = None) -> Act:
        document = {
            "title": "Sharing",
            "parties": [terms["from"], *terms["to"]],
            "valid_from": format_instant(world.clock.now),
            "valid_until": format_instant(world.clock.now + timedelta(days=300)),
            "clauses": [terms],
        }
        if supersedes is not None:
            document["supersedes"] = large.agreements[supersedes]["id"]
        body = json.dumps(document).encode()
        return lambda: simulate.simulate(service, world.callers[by], body)

    less, more = clause("US", ["KR", "JP"], "green"), clause("AU", "KR", "amber", history=True)
    return {
        "simulate what others give": of("kr-cert", more),
        "simulate less from others": of("kr-cert", less, 0),
        "simulate more for others": of("kr-cert", clause("KR", "AU", "amber", history=True)),
        "simulate less for others": of("kr-cert", clause("KR", "US", "green"), 1),
    }


def _copy(large: Large, code: str, place: int) -> str:
    """Return the id of an object of a nation: the middle copy, if there are copies."""
    id: str = models(code)[place]["id"]
    return copied(id, large.size // 2) if large.size else id


def _date(large: Large, nation: str, copy: int) -> Any:
    """Return the date of the row in the middle of a ledger."""
    rows = "SELECT max(date_added), max(position) FROM release WHERE recipient = '{}'"
    with large.world.service.store.read() as connection:
        last, position = connection.exec_driver_sql(rows.format(nation)).one()
        middle = f"SELECT date_added FROM release WHERE recipient = '{nation}' AND position = {position // 2}"
        return from_microseconds(connection.exec_driver_sql(middle).scalar() or last)


def _missing(act: Act) -> None:
    try:
        act()
    except NotFound:
        return
    raise AssertionError("it was found")
