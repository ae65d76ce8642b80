"""A pair of histories played on a pair of hubs; each reader that must not notice asks both hubs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from hub.model import format_instant
from tests.differential.comparing import AnswerDifference, differences, plain
from tests.differential.histories import (
    READERS,
    WITHOUT_NATION,
    ExpectedNotice,
    Slot,
    expected_notice,
    object_id,
    shifted,
)
from tests.differential.paired_hubs import Exchange, Pair, PairedHub
from tests.differential.questions import ABSENT_UUID, Questions, Topic
from tests.properties.worlds import POOL, UNKNOWN, Push, pool_id
from tests.stix_objects import INFORMATIVE, TLP, stix_id

EVERYBODY: Final = (*READERS, *WITHOUT_NATION)
_FIRST_SHIFT: Final = 1_000  # no id of another test
_HIDDEN, _SEEN = 2, 1  # ids that the questions ask for one by one


class Examiner:
    """Plays one example after the other on the same two hubs, each with ids of its own.

    `aware` are those who have ever been let in on a difference, and so may be answered differently
    about the past; `asked` is how many requests either hub has answered.
    """

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.aware: set[str] = set()
        self.asked = 0
        self._shifts = itertools.count(_FIRST_SHIFT, 10)
        self._known: set[str] = set()

    def __repr__(self) -> str:
        return "<examiner>"  # a failure's report has no room for two hubs, nor for their secrets

    def examine(self, slots: Sequence[Slot], readers: Sequence[str] | None = None) -> list[AnswerDifference]:
        """Return what tells the two hubs apart for `readers`, by default all who must not notice."""
        shift = next(self._shifts)
        slots = shifted(slots, shift)
        self._known |= _known(self.pair, shift)
        expected = expected_notice(slots)
        self.aware |= set(EVERYBODY) - expected.unaware
        since = format_instant(datetime.now(UTC))
        try:
            for slot in slots:
                self.pair.here.play(slot.here)
                self.pair.there.play(slot.there)
            chosen = sorted(expected.unaware) if readers is None else readers
            return [one for reader in chosen for one in self._ask(reader, slots, expected, since)]
        finally:
            for hub in self.pair:
                hub.end_agreements()

    def _ask(
        self, reader: str, slots: Sequence[Slot], expected: ExpectedNotice, since: str
    ) -> list[AnswerDifference]:
        pushed = dict.fromkeys(
            object_id(draft)
            for slot in sorted(slots, key=lambda slot: slot.is_common)  # first what one hub alone heard
            for event in (slot.here, slot.there)
            if isinstance(event, Push)
            for draft in event.drafts
        )
        seen = expected.seen.get(reader, frozenset())
        topic = Topic(
            since=since,
            seen=[id for id in pushed if id in seen][:_SEEN],
            hidden=[id for id in pushed if id not in seen][:_HIDDEN],
            absent=f"malware--{ABSENT_UUID}",
            statuses=[id for hub in self.pair for id in _statuses_of_others(hub)][:4],
            agreements=[id for hub in self.pair for id in _agreements_of_others(hub)][:2],
            is_new_to_differences=reader not in self.aware,
        )
        for hub in self.pair:
            Questions(hub, reader, topic).ask_all()
        one, two = (plain(self._heard(hub, reader), hub.url, self._known) for hub in self.pair)
        self.asked += len(one)
        return differences(one, two)

    def _heard(self, hub: PairedHub, reader: str) -> list[Exchange]:
        return hub.heard.get(reader, [])


def _statuses_of_others(hub: PairedHub) -> list[str]:
    return [id for member, ids in hub.statuses.items() if member not in READERS for id in ids[-1:]][::-1][:2]


def _agreements_of_others(hub: PairedHub) -> list[str]:
    return [document["id"] for document in hub.proposed if "KR" not in document["parties"]][:2]


def _known(pair: Pair, shift: int) -> set[str]:
    """Return the UUIDs that both hubs have from the test or from their configuration."""
    ids = {pool_id(place, shift) for place in range(len(POOL))} | {*TLP.values(), INFORMATIVE, UNKNOWN}
    ids |= {stix_id("campaign", 90), stix_id("campaign", 91), f"malware--{ABSENT_UUID}"}
    uuids = {id.partition("--")[2] for id in ids}
    return uuids | pair.here.known() | {id.partition("--")[2] for id in pair.here.known()}
