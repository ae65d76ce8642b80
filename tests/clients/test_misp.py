"""MISP's TAXII servers page and its push script.

Sources: the MISP repository (app/Model/TaxiiServer.php, app/Controller/TaxiiServersController.php,
app/files/scripts/taxii/taxii_push.py) and MISP issue 8832, where an administrator reads by manifest.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import pytest
import requests
from requests.auth import AuthBase
from taxii2client.v21 import ApiRoot, Collection

from tests.clients.exchange import (
    ORIGIN,
    PUSHER,
    READER,
    TAXII,
    bounded,
    by_id,
    error,
    first_wave,
    in_full,
    made,
    push,
    second_wave,
    sent,
    signer,
)
from tests.journeys.live import Live
from tests.stix_objects import TLP, Json


class Misp:
    """Browses a server: `basic` in lower case, and a Content-Type on each GET.

    The root it keeps is the last path segment of an entry of `api_roots`. It offers the collections that
    can be written, shows 50 objects a page, continues by `next` alone, and takes a page without objects
    for an error.
    """

    def __init__(self, live: Live, member: str) -> None:
        self.base = live.url
        self.session = bounded()
        self.key = base64.b64encode(f"{member}:{live.member(member).token}".encode()).decode()
        self.session.headers.update({"Accept": TAXII, "Content-type": TAXII})
        self.session.headers["Authorization"] = f"basic {self.key}"

    def ask(self, path: str, **query: Any) -> Json:
        answer = self.session.get(f"{self.base}{path}", params=query)
        if answer.status_code in (401, 403):
            raise PermissionError(error(answer))
        if not answer.ok:
            raise ValueError(error(answer))
        found: Json = answer.json()
        return found

    def roots(self) -> list[str]:
        return [one.strip("/").split("/")[-1] for one in self.ask("/taxii2/")["api_roots"]]

    def writable(self, root: str) -> dict[str, list[str]]:
        return {
            one["id"]: [media.split("=")[-1] for media in one["media_types"]]
            for one in self.ask(f"/{root}/collections/")["collections"]
            if one["can_write"]
        }

    def browse(self, collection: str) -> Iterator[Json]:
        """Turn the pages, as somebody does who clicks through them to the end."""
        asked: dict[str, Any] = {"limit": 50}
        while True:
            page = self.ask(f"/allied/collections/{collection}/objects/", **asked)
            if not page.get("objects"):
                raise ValueError("no objects were found")
            yield from page["objects"]
            if not page["more"]:
                return
            asked["next"] = page["next"]

    def view(self, collection: str, id: str) -> Json:
        found: Json = self.ask(f"/allied/collections/{collection}/objects/{id}/")["objects"][0]
        return found


def test_a_wrong_key_is_authentication_that_failed(live: Live) -> None:
    misp = Misp(live, READER)
    misp.session.headers["Authorization"] = "basic bm9ib2R5Om5vdGhpbmc="
    with pytest.raises(PermissionError, match="Unauthenticated"):
        misp.roots()


def test_an_object_that_is_not_there_is_an_error_that_can_be_shown(live: Live) -> None:
    with pytest.raises(ValueError, match="Not found"):
        Misp(live, READER).view(ORIGIN, made("malware")["id"])


def test_the_setup_finds_the_root_and_the_collection_to_write(live: Live) -> None:
    misp = Misp(live, PUSHER)
    (root,) = misp.roots()
    nation = live.service.registry.nations["US"]  # type: ignore[index]
    assert misp.writable(root) == {nation.collection_id: ["2.1"]}


def test_browsing_ends_with_what_a_full_poll_gives(live: Live) -> None:
    push(live, [made("indicator") for _ in range(110)])
    first = first_wave()
    push(live, first)
    misp = Misp(live, READER)
    assert by_id(list(misp.browse(ORIGIN))) == in_full(live)
    assert len(sent(misp.session)) <= -(-len(in_full(live)) // 50)
    push(live, second_wave(first))
    shown = list(misp.browse(ORIGIN))
    assert by_id(shown) == in_full(live)
    assert len(shown) == len(in_full(live))
    assert misp.view(ORIGIN, shown[-1]["id"]) == shown[-1]


# --- reading by manifest --------------------------------------------------------------------------


def test_manifests_since_a_date_lead_to_every_version(live: Live) -> None:
    family = made("campaign")
    push(live, [family])
    start = live.get(READER, "/allied/collections/us/manifest/").headers["X-TAXII-Date-Added-Last"]
    newer = [{**family, "modified": f"2026-02-0{n}T00:00:00.000Z"} for n in (1, 3, 2)]
    for one in newer:
        push(live, [one])
    met: list[str] = []
    asked: dict[str, Any] = {"match[spec_version]": "2.1", "match[version]": "all", "limit": 1}
    asked["added_after"] = start
    misp = Misp(live, READER)
    while (page := misp.ask("/allied/collections/us/manifest/", **asked)).get("objects"):
        met += [one["version"] for one in page["objects"]]
        asked["added_after"] = page["objects"][-1]["date_added"]
    assert met == [one["modified"] for one in newer]


# --- pushing --------------------------------------------------------------------------------------


class PushScript:
    """Converts events and posts them: envelopes filled up to `max_content_length`, none waited for.

    An object that is longer by itself is left out.

    The addresses of root and collection are put together without a slash at the end. The script's own
    key is Basic; a signature takes its place here.
    """

    def __init__(self, live: Live, auth: AuthBase, most: int | None = None) -> None:
        root = f"{live.url}/allied"
        self.most = most or ApiRoot(root, auth=auth).max_content_length
        self.collection = Collection(
            f"{root}/collections/{live.collection_url('us').split('/')[-2]}", auth=auth
        )
        self.failures: list[Json] = []

    def run(self, bundles: Sequence[Json]) -> int:
        count = 0
        for body in self._envelopes([one for bundle in bundles for one in bundle["objects"]]):
            status = self.collection.add_objects(body, wait_for_completion=False)
            self.failures += status.failures
            count += 1
        return count

    def _envelopes(self, objects: Sequence[Json]) -> Iterator[bytes]:
        """Fill each to the last byte that is promised."""
        parts: list[bytes] = []
        for part in map(orjson.dumps, objects):
            if len(_wrapped([part])) > self.most:
                continue
            if len(_wrapped([*parts, part])) > self.most:
                yield _wrapped(parts)
                parts = []
            parts.append(part)
        yield _wrapped(parts)


def _wrapped(parts: Sequence[bytes]) -> bytes:
    return b'{"objects":[' + b",".join(parts) + b"]}"


def event(number: int) -> Json:
    """An event as MISP's converter writes it: the report over all of it is marked, its parts are not."""
    parts = [made("indicator", name=f"Attribute {number}/{n}") for n in range(4)]
    author = made("identity", name="CIRCL")
    report = made(
        "report",
        created_by_ref=author["id"],
        object_refs=[one["id"] for one in parts],
        object_marking_refs=[TLP["amber"]],
        labels=["Threat-Report", 'misp:tool="MISP-STIX-Converter"'],
    )
    return {"type": "bundle", "id": "bundle--x", "objects": [author, report, *parts]}


def test_the_push_script_without_a_signature_fails_loudly(live: Live) -> None:
    script = PushScript(live, type(signer(live, PUSHER))(live.member(PUSHER).token))
    with pytest.raises(requests.HTTPError) as refused:
        script.run([event(0)])
    assert "signature" in error(refused.value.response).lower()


def test_what_the_push_script_posts_is_browsed_abroad(live: Live) -> None:
    events = [event(n) for n in range(6)]
    script = PushScript(live, signer(live, PUSHER), most=3_000)
    assert script.run(events) > 1
    assert script.failures == []
    pushed = by_id([one for each in events for one in each["objects"]])
    assert pushed.items() <= by_id(list(Misp(live, READER).browse(ORIGIN))).items()


@pytest.mark.parametrize("place", [0, 3, -1])
def test_an_object_above_the_limit_is_left_out_and_takes_no_other_down(live: Live, place: int) -> None:
    one = event(8)
    large = one["objects"][place] | {"external_references": [{"source_name": "x" * 5_000}]}
    one["objects"][place] = large
    script = PushScript(live, signer(live, PUSHER), most=3_000)
    script.run([one])
    assert script.failures == []
    pushed = by_id(one["objects"])
    del pushed[large["id"]]
    held = in_full(live, member=PUSHER)
    assert pushed.items() <= held.items()
    assert large["id"] not in held


def test_an_event_twice_changes_nothing(live: Live) -> None:
    one = event(7)
    script = PushScript(live, signer(live, PUSHER))
    script.run([one])
    before = list(Misp(live, READER).browse(ORIGIN))
    script.run([one, one])
    assert (list(Misp(live, READER).browse(ORIGIN)), script.failures) == (before, [])


def test_a_collection_without_objects_is_still_an_answer(live: Live) -> None:
    with pytest.raises(ValueError, match="no objects were found"):
        list(Misp(live, READER).browse("kr"))
