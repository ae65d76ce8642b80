"""Pages made with kept texts equal pages made without, whatever happens to the rows between."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.actions.reading import poll
from hub.actions.service.kept import KeptTexts, KeptValues
from hub.actions.service.service import Service
from hub.errors import Refused
from hub.model import NationCode, Page, RowNames, StixId
from hub.store.ledger.pages import RowKey
from hub.store.schema.tables import content
from hub.web.taxii import pages
from tests.properties.test_moments import SharingWorld
from tests.stix_objects import indicator, malware, sdo
from tests.world import EVERY_VERSION, World, clause

KR = NationCode("KR")
_READERS = ("kr-cert", "kr-agency", "us-cert", "us-agency", "jp-cert")


@pytest.fixture
def shared(world: World) -> World:
    world.agree(["US", "KR", "JP"], clause("US", "KR", "amber"), clause("US", "JP", "green"))
    for n in range(6):
        world.push("us-agency", indicator(n, tlp="green" if n % 2 else "amber"), malware(n, tlp="green"))
    return world


def _without_kept(service: Service) -> Service:
    return replace(service, kept=KeptTexts())


def _answers(service: Service, world: World, member: str) -> list[object]:
    """Everything that the member is answered: objects plain and in gzip, manifest, versions."""
    query = world.query(member, selections=EVERY_VERSION)
    objects, manifest = poll.objects(service, query), poll.manifest(service, query)
    answers = [
        pages.envelope(objects, None, service.kept, as_gzip=True),
        pages.envelope(objects, None, service.kept, as_gzip=False),
        pages.manifest(manifest, None, as_gzip=False),
        pages.versions(manifest, None, as_gzip=False),
    ]
    packed, *plain = (b"".join(body.parts) for body, _ in answers)
    if objects.positions:
        packed = gzip.decompress(packed)
    assert packed == plain[0]
    return [*plain, objects.positions, objects.dates]


_ACTS: dict[str, Callable[[World, int], object]] = {
    "push": lambda world, n: world.push("us-agency", sdo("tool", 100 + n, tlp="green")),
    "newer version": lambda world, n: world.push(
        "us-agency", malware(n, tlp="green", modified=f"2026-03-{n + 10}T00:00:00.000Z", name="newer")
    ),
    "stricter version": lambda world, n: world.push(
        "us-agency", malware(n, tlp="red", modified=f"2026-04-{n + 10}T00:00:00.000Z")
    ),
    "delete": lambda world, n: world.delete("us-agency", malware(n, tlp="green")["id"]),
    "agree": lambda world, n: world.agree(["US", "JP"], clause("US", "JP", "amber", types=["indicator"])),
    "end": lambda world, n: world.terminate(world.agree(["US", "JP"], clause("US", "JP", "amber")), "JP"),
    "drop": lambda world, n: world.service.kept.clear(),
}


@settings(max_examples=20)
@given(acts=st.lists(st.tuples(st.sampled_from([*_ACTS]), st.integers(0, 5)), min_size=1, max_size=8))
def test_answers_with_kept_texts_equal_those_without(shared: World, acts: list[tuple[str, int]]) -> None:
    for name, n in acts:
        try:
            _ACTS[name](shared, n)
        except Refused:  # deleted before
            continue
        for member in _READERS:
            fresh = _answers(_without_kept(shared.service), shared, member)
            assert _answers(shared.service, shared, member) == fresh, (name, member)


def test_pages_beside_endings_and_deletions_have_the_bodies_of_their_contents(shared: World) -> None:
    """Three readers share what is kept, while it is dropped, and rows are withdrawn, deleted and added."""
    sharing, over = SharingWorld(shared), threading.Event()
    seen: list[Page] = []

    def read(member: str) -> None:
        query = shared.query(member, selections=EVERY_VERSION)
        while not over.is_set():
            seen.append(poll.objects(shared.service, query))
            shared.service.kept.clear()

    members = ("kr-cert", "us-cert", "jp-cert")
    with ThreadPoolExecutor(len(members)) as pool:
        readers = [pool.submit(read, member) for member in members]
        try:
            for act in (sharing.delete, sharing.push, sharing.terminate, sharing.suspend):
                act()
        finally:
            over.set()
    assert [reader.result() for reader in readers] == [None] * 3
    with shared.service.store.read() as connection:
        found = connection.execute(select(content.c.id, content.c.body).where(content.c.erased_at.is_(None)))
        stored = {id: bytes(body) for id, body in found}
    assert stored
    for page in seen:
        wrong = [
            id for id, body in zip(page.contents, page.bodies, strict=True) if stored.get(id, body) != body
        ]
        assert wrong == []


def test_what_is_kept_is_asked_for_once(shared: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    original = type(shared.service.store).ask
    monkeypatch.setattr(
        type(shared.service.store),
        "ask",
        lambda store, statement, given: (asked.append(statement.text), original(store, statement, given))[1],
    )
    for member in ("kr-cert", "kr-agency"):
        for act in (poll.objects, poll.manifest):
            act(shared.service, shared.query(member))
    assert len([text for text in asked if "content c" in text]) == 1
    assert len([text for text in asked if "stix_id" in text]) == 1


def test_nothing_of_one_epoch_is_kept_for_another() -> None:
    kept = KeptTexts()
    kept.of("first").bodies.keep({1: b"a"})
    kept.of("first").segments.keep({1: b"b"})
    kept.of("first").names.keep({RowKey(KR, 1): RowNames(StixId("malware--1"), "v")})
    other = kept.of("second")
    assert (other.bodies.find([1]), other.segments.find([1]), other.names.find([RowKey(KR, 1)])) == (
        [None],
        [None],
        [None],
    )
    assert kept.of("first").bodies.find([1]) == [None]


def test_what_is_kept_is_bounded_and_the_first_goes_first() -> None:
    kept: KeptValues[int, bytes] = KeptValues(10_000, len)
    for n in range(100):
        kept.keep({n: b"x" * 750, n + 1_000: b"y" * 750})
    found = [n for n in range(2_000) if kept.find([n]) != [None]]
    assert found == [*range(95, 100), *range(1_095, 1_100)]
    kept.keep({5_000: b"z" * 20_000})  # larger than all: not kept, and nothing else is
    assert kept.find([5_000, 99]) == [None, None]
    kept.keep({1: b"a"})
    assert kept.find([1]) == [b"a"]


def test_a_page_without_rows_leaves_what_is_kept(shared: World) -> None:
    service = shared.service
    page = poll.objects(service, shared.query("kr-cert"))
    for query in (shared.query("kr-cert", "IN"), shared.query("kr-cert", types=frozenset({"campaign"}))):
        empty, listed = poll.objects(service, query), poll.manifest(service, query)
        pages.envelope(empty, None, service.kept, as_gzip=False)
        assert (empty.positions, listed.positions) == ((), ())
    assert service.kept.of(page.epoch).bodies.find(page.contents) == page.bodies
