"""python-stix2's data store over a TAXII collection: add, get, all_versions and query.

Source: the library itself, which is installed here (stix2 3). It wraps all that it adds into bundles,
reads objects by id with one request, and asks the server for what of a query TAXII can filter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stix2
from stix2.datastore import DataSourceError
from stix2.datastore.filters import Filter
from stix2.datastore.taxii import TAXIICollectionSink, TAXIICollectionSource, TAXIICollectionStore
from taxii2client.v21 import Collection

from tests.clients.exchange import (
    PUSHER,
    READER,
    bounded,
    by_id,
    first_wave,
    in_full,
    made,
    push,
    sent,
    signer,
)
from tests.journeys.live import Live
from tests.stix_objects import Json, stamp


def collection(live: Live, member: str, alias: str = "us") -> Collection:
    found = Collection(live.collection_url(alias), auth=signer(live, member))
    bounded(found._conn.session)
    return found


def source(live: Live, items_per_page: int = 5000) -> TAXIICollectionSource:
    return TAXIICollectionSource(collection(live, READER), items_per_page=items_per_page)


def test_the_collection_of_another_nation_makes_no_sink(live: Live) -> None:
    with pytest.raises(DataSourceError, match="write access"):
        TAXIICollectionSink(collection(live, READER))


def test_what_is_not_there_is_none(live: Live) -> None:
    assert source(live).get(made("malware")["id"]) is None
    assert source(live).all_versions(made("malware")["id"]) == []
    assert source(live).query([Filter("type", "=", "x-unheard-of")]) == []


@pytest.mark.parametrize(
    "form",
    [
        stix2.parse,
        lambda obj: obj,
        lambda obj: stix2.parse(obj).serialize(),
        lambda obj: [obj, made("campaign")],
        lambda obj: stix2.v21.Bundle(stix2.parse(obj)),
        lambda obj: stix2.v21.Bundle(stix2.parse(obj)).serialize(),
    ],
    ids=["object", "dict", "text", "list", "bundle", "text of a bundle"],
)
def test_every_form_that_the_store_adds_arrives(live: Live, form: Callable[[Json], Any]) -> None:
    family = made("malware")
    TAXIICollectionStore(collection(live, PUSHER)).add(form(family))
    got = source(live).get(family["id"])
    assert (got.id, got.name) == (family["id"], family["name"])
    assert in_full(live)[family["id"]] == family


def test_versions_are_told_apart(live: Live) -> None:
    family = made("malware")
    store = TAXIICollectionStore(collection(live, PUSHER))
    for n in (1, 3, 2):
        store.add({**family, "modified": stamp(n), "name": f"version {n}"})
    assert store.get(family["id"]).name == source(live).get(family["id"]).name == "version 3"
    names = [one.name for one in source(live, items_per_page=1).all_versions(family["id"])]
    assert names == ["version 1", "version 3", "version 2"]


@pytest.mark.parametrize("items_per_page", [1, 3, 5000])
def test_a_query_gives_what_a_full_poll_gives(live: Live, items_per_page: int) -> None:
    push(live, first_wave())
    found = source(live, items_per_page).query()
    assert {one["id"] for one in found} == in_full(live).keys()


def test_the_hub_filters_what_it_can_and_the_store_does_the_rest(live: Live) -> None:
    named = made("malware", name="Unmistakable")
    push(live, [named, made("malware"), made("campaign"), made("indicator")])
    queries = source(live, items_per_page=2)
    by_type = queries.query([Filter("type", "=", "malware,campaign")])
    assert {one["type"] for one in by_type} == {"malware", "campaign"}
    assert {one["id"] for one in by_type} == in_full(live, **{"match[type]": "malware,campaign"}).keys()
    both = [Filter("type", "=", "malware"), Filter("name", "=", "Unmistakable")]
    assert [one["id"] for one in queries.query(both)] == [named["id"]]
    asked = [str(one.url) for one in sent(queries.collection._conn.session)]
    assert any("match%5Btype%5D=malware" in url and "Unmistakable" not in url for url in asked)


def test_a_query_since_a_date_gives_what_is_new(live: Live) -> None:
    push(live, [made("malware")])
    date = live.get(READER, "/allied/collections/us/objects/").headers["X-TAXII-Date-Added-Last"]
    new = [made("malware"), made("indicator")]
    push(live, new)
    found = source(live, items_per_page=1).query([Filter("added_after", "=", date)])
    assert {one["id"] for one in found} == by_id(new).keys()
