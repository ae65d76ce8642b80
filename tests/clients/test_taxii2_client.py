"""taxii2-client as it is on every analyst's machine: unmodified, with a user and a password or with a token.

Source: the library itself, which is installed here (version 2.3).
"""

from __future__ import annotations

from typing import Any

import pytest
import requests
from taxii2client import v20
from taxii2client.common import TokenAuth
from taxii2client.v21 import ApiRoot, Collection, Server, Status, as_pages

from tests.clients.exchange import (
    PUSHER,
    READER,
    bounded,
    by_id,
    error,
    first_wave,
    in_full,
    made,
    objects_path,
    push,
    second_wave,
    sent,
    signer,
)
from tests.journeys.live import Live
from tests.patience import PATIENCE_SECONDS
from tests.stix_objects import Json, stamp


def reader(live: Live, **options: Any) -> Collection:
    """The collection of the United States, as somebody in Japan configures it."""
    auth = {"user": READER, "password": live.member(READER).token}
    found = Collection(live.collection_url("us"), **(options or auth))
    bounded(found._conn.session)
    return found


def walk(func: Any, per_request: int, **filters: Any) -> list[Json]:
    pages = list(as_pages(func, per_request, **filters))
    assert all(page.get("objects") for page in pages[:-1])
    return [one for page in pages for one in page.get("objects", [])]


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"user": READER, "password": "wrong"}, 401),
        ({"auth": TokenAuth("wrong")}, 401),
        ({"auth": None}, 401),
    ],
)
def test_a_wrong_secret_is_an_error_that_the_client_shows(
    live: Live, options: dict[str, Any], status: int
) -> None:
    with pytest.raises(requests.HTTPError) as refused:
        reader(live, **options).get_objects()
    assert refused.value.response.status_code == status
    assert "Unauthenticated" in error(refused.value.response)


def test_the_client_for_taxii_2_0_is_told_that_this_is_none(live: Live) -> None:
    server = v20.Server(f"{live.url}/taxii2/", user=READER, password=live.member(READER).token)
    with pytest.raises(requests.HTTPError) as refused:
        _ = server.api_roots
    assert refused.value.response.status_code == 406
    assert "version=2.1" in error(refused.value.response)


def test_filters_that_mean_nothing_here_are_refused_by_name(live: Live) -> None:
    for filters, name in (({"limit": -1}, "limit"), ({"added_after": "yesterday"}, "added_after")):
        with pytest.raises(requests.HTTPError) as refused:
            reader(live).get_objects(**filters)
        assert name in error(refused.value.response)


# --- finding the way ------------------------------------------------------------------------------


def test_server_and_root_lead_to_the_collections(live: Live) -> None:
    server = Server(f"{live.url}/taxii2", user=READER, password=live.member(READER).token)
    assert server.title
    assert [root.url for root in server.api_roots] == [server.default.url] == [f"{live.url}/allied/"]
    assert server.default.versions == ["application/taxii+json;version=2.1"]
    assert server.default.max_content_length > 0
    assert {one.title for one in server.default.collections} > {"Japan", "Released"}


def test_a_token_in_the_header_is_as_good_as_a_password(live: Live) -> None:
    root = ApiRoot(f"{live.url}/allied/", auth=TokenAuth(live.member(READER).token))
    writable = [one.alias for one in root.collections if one.can_write]
    assert writable == ["jp"]


# --- polling --------------------------------------------------------------------------------------


@pytest.mark.parametrize("per_request", [1, 4, 1000])
def test_pages_of_any_size_end_with_what_a_full_poll_gives(either: Live, per_request: int) -> None:
    first = first_wave()
    push(either, first)
    collection = reader(either)
    assert by_id(walk(collection.get_objects, per_request)) == in_full(either)

    since = newest_date(collection)
    second = second_wave(first)
    push(either, second)
    met = walk(collection.get_objects, per_request, added_after=since)
    assert by_id(met) == by_id(second)
    assert len(met) == len(second)
    assert walk(collection.get_objects, per_request, added_after=newest_date(collection)) == []


def newest_date(collection: Collection) -> str:
    """Where a user of this client stands, who never sees a header: the manifest tells, by dates alone."""
    date: str | None = None
    while True:
        page = collection.get_manifest(limit=5, added_after=date)
        date = page["objects"][-1]["date_added"] if page.get("objects") else date
        if not page["more"]:
            assert date is not None
            return date


def test_a_first_page_is_full_so_that_the_client_keeps_its_size(live: Live) -> None:
    """The client takes the size of page one for all that follow."""
    mixed = [made(("campaign", "indicator", "malware")[n % 3]) for n in range(30)]
    push(live, mixed)
    collection = reader(live)
    collection._ensure_loaded()
    before = len(sent(collection._conn.session))
    walk(collection.get_objects, 5, type="malware")
    asked = sent(collection._conn.session)[before:]
    assert all("limit=5" in str(one.url) for one in asked)


def test_all_versions_of_one_object_come_page_by_page(live: Live) -> None:
    family = made("campaign", modified=1)
    for n in (1, 4, 2, 3):
        push(live, [{**family, "modified": stamp(n)}])
    collection = reader(live)
    asked = collection.get_object

    def of_family(**filters: Any) -> Any:
        return asked(family["id"], **filters)

    versions = [one["modified"] for one in walk(of_family, 1, version="all")]
    assert versions == [stamp(n) for n in (1, 4, 2, 3)]
    assert collection.object_versions(family["id"])["versions"] == versions
    assert [one["modified"] for one in asked(family["id"])["objects"]] == [stamp(4)]
    assert [one["modified"] for one in asked(family["id"], version="first")["objects"]] == [stamp(1)]
    assert [one["modified"] for one in walk(of_family, 1, version=[stamp(2), "last"])] == [stamp(4), stamp(2)]


# --- pushing --------------------------------------------------------------------------------------


def test_a_status_is_final_and_may_be_asked_for_again(live: Live) -> None:
    collection = Collection(live.collection_url("us"), auth=signer(live, PUSHER))
    status = collection.add_objects(
        {"objects": [made("malware"), {"type": "malware"}]}, timeout=PATIENCE_SECONDS
    )
    status.wait_until_final(poll_interval=0.1, timeout=PATIENCE_SECONDS)
    assert bool(status)
    again = Status(f"{live.url}/allied/status/{status.id}", auth=signer(live, PUSHER))
    again.wait_until_final(poll_interval=0.1, timeout=PATIENCE_SECONDS)
    root = ApiRoot(f"{live.url}/allied/", user=PUSHER, password=live.member(PUSHER).token)
    for one in (status, again, root.get_status(status.id)):
        assert (one.total_count, one.success_count, one.failure_count, one.pending_count) == (2, 1, 1, 0)
        assert one.failures[0]["message"]


def test_what_is_deleted_is_gone_for_the_reader(either: Live) -> None:
    mistake = made("malware")
    push(either, [mistake])
    own = Collection(either.collection_url("us"), auth=signer(either, PUSHER))
    assert mistake["id"] in in_full(either)
    own.delete_object(mistake["id"])
    assert mistake["id"] not in in_full(either)
    with pytest.raises(requests.HTTPError) as gone:
        reader(either).get_object(mistake["id"])
    assert gone.value.response.status_code == 404
    assert either.get(READER, f"{objects_path(either)}{mistake['id']}/").status_code == 404


# --- gzip: the library asks for it by itself ------------------------------------------------------


def test_what_is_read_in_gzip_is_what_is_read_plain(live: Live) -> None:
    push(live, [made("malware", name=f"한빛 {n}", description="x" * 40 * n) for n in range(30)])
    found, codings = reader(live), []
    assert found.can_read  # asks for the collection: no page, so plain
    found._conn.session.hooks["response"].append(
        lambda answer, **_: codings.append(answer.headers.get("Content-Encoding"))
    )
    read = [found.get_objects, found.get_manifest]
    coded = [one() for one in read]
    assert codings == ["gzip", "gzip"]
    found._conn.session.headers["Accept-Encoding"] = "identity"
    assert [one() for one in read] == coded
    assert codings[2:] == [None, None]
