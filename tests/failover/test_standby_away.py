"""The only synchronous standby stands still: what needs it is refused in time, and nothing else waits."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import requests

from hub.actions.operation import administer
from hub.client import HubAuth
from tests.faults import faulty
from tests.faults.faulty import TAXII, killable_hub
from tests.journeys.live import Live, live_hub
from tests.patience import PATIENCE_SECONDS, wait_for
from tests.standbys import Server, servers
from tests.stix_objects import malware, stix_id

_US, _KR, _KR2 = "us-agency", "kr-agency", "kr-agency2"
_MAX_SECONDS = 10.0 + 5.0  # by the hub's own bounds eight at most; the machine may be busy with others
_QUICK_SECONDS = 3.0  # well below what a COMMIT waits, on a machine that is busy with others


class TwoServerHub(NamedTuple):
    """One hub that is served by two servers, with two workers each, on one primary with one standby."""

    primary: Server
    standby: Server
    both: tuple[Live, Live]
    agreement: str

    @property
    def live(self) -> Live:
        return self.both[0]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoServerHub]:
    with (
        servers("a") as made,
        killable_hub(made.primary.url, first := tmp_path_factory.mktemp("hub")) as live,
        _beside(live, first, made.primary.url) as other,
    ):
        (standby,) = made.standbys
        agreement = live.agree("US", "KR", max_tlp="green", audience="partner")
        for member in (_US, _KR, _KR2, "kr-partner", "us-partner"):
            live.member(member)
        other.accounts.update(live.accounts)
        made.primary.set_synchronous("a")
        yield TwoServerHub(made.primary, standby, (live, other), agreement)


@contextmanager
def _beside(live: Live, home: Path, url: str) -> Iterator[Live]:
    """Another server of the same hub, which its members reach by its own address."""
    own = home / "other"
    own.mkdir()
    with live_hub(url, own, secrets_dir=str(home / "var" / "secrets")) as other:
        yield other


class Asked(NamedTuple):
    response: requests.Response
    seconds: float


def _ask(act: Callable[[], requests.Response]) -> Asked:
    began = time.monotonic()
    response = act()
    return Asked(response, time.monotonic() - began)


def _get(live: Live, path: str) -> Asked:
    return _ask(lambda: live.get(_US, path))


@contextmanager
def _away(standby: Server) -> Iterator[None]:
    standby.freeze()
    try:
        yield
    finally:
        standby.thaw()


def _delete(live: Live, member: str, id: str) -> requests.Response:
    account = live.member(member)
    return requests.delete(
        f"{live.collection_url(account.nation)}objects/{id}/",
        headers={"Accept": TAXII},
        auth=HubAuth(account.token, account.submit_key),
        timeout=PATIENCE_SECONDS,
    )


def test_what_was_ended_while_replay_is_paused_is_served_by_nobody(hub: TwoServerHub) -> None:
    """The reproduction: a standby confirms, but shows what was."""
    objects = [malware(n, tlp="green") for n in (11, 12)]
    assert faulty.post(hub.live, _US, objects).ok
    readers = (_KR2, "kr-partner", "kr-cert", "us-partner")
    for live, reader in itertools.product(hub.both, readers):
        seen = {o["id"] for o in faulty.everything(live, reader, "us")}
        assert seen >= {o["id"] for o in objects}, reader
    service = hub.live.service
    hub.standby.pause()
    try:
        administer.revoke_token(service, hub.live.member(_KR2).token.partition(".")[0])
        administer.suspend_member(service, "kr-partner")
        assert _delete(hub.live, _US, objects[0]["id"]).ok
        hub.live.governor("US").terminate(hub.agreement)
        for live in hub.both * 2:  # each worker of each server
            for reader in (_KR2, "kr-partner"):
                assert faulty.get_objects(live, reader, "us").status_code == 401
            assert faulty.get_objects(live, "kr-cert", "us").json().get("objects", []) == []
            left = {o["id"] for o in faulty.everything(live, "us-partner", "us")}
            assert objects[0]["id"] not in left
            assert objects[1]["id"] in left
    finally:
        hub.standby.resume()
    for live in hub.both:
        faulty.assert_sound(live)


def test_what_needs_the_standby_is_refused_in_time_and_nothing_else_waits(hub: TwoServerHub) -> None:
    hub.live.agree("US", "KR", max_tlp="green")
    # One of the two is deleted below. The other keeps every page from being empty: an empty page is not
    # recorded, and needs no standby.
    first = faulty.post(hub.live, _US, [malware(n, tlp="green") for n in (1, 2)]).json()
    assert stix_id("malware", 1) in {o["id"] for o in faulty.everything(hub.live, _KR, "us")}
    numbers = itertools.count(100)

    def push(live: Live) -> requests.Response:
        return faulty.post(live, _US, [malware(next(numbers), tlp="green")])

    def page(live: Live) -> requests.Response:
        return faulty.get_objects(live, _KR, "us")

    acts = [lambda live=live, act=act: act(live) for live in hub.both for act in (push, page) * 3]  # type: ignore[misc]
    acts.append(lambda: _delete(hub.live, _US, stix_id("malware", 1)))
    with _away(hub.standby), ThreadPoolExecutor(len(acts)) as executor:
        asked: list[Future[Asked]] = [executor.submit(_ask, act) for act in acts]
        hub.primary.wait_until_waiting()
        others = [_get(live, path) for live in hub.both for path in _paths(first)]
        answers = [future.result() for future in asked]
        # Nobody is held up by others for longer, however often it is asked.
        answers += [_ask(lambda: page(hub.live)), _ask(lambda: push(hub.both[1]))]
    assert [other.response.text for other in others if not other.response.ok] == []
    assert max(other.seconds for other in others) < _QUICK_SECONDS
    assert not any(faulty.permitted(answer.response) for answer in answers)
    assert {answer.response.status_code for answer in answers} == {503}
    assert max(answer.seconds for answer in answers) < _MAX_SECONDS
    wait_for(lambda: page(hub.live).ok and page(hub.both[1]).ok, "all to be well again")
    wait_for(lambda: push(hub.live).ok and push(hub.both[1]).ok, "all to be well again")
    assert hub.live.get(_US, f"/allied/status/{first['id']}/").json() == first
    for live in hub.both:
        faulty.assert_sound(live)


def _paths(status: faulty.Json) -> list[str]:
    return [f"/allied/status/{status['id']}/", "/allied/collections/", "/healthz/"]
