"""Collections as resources (sections 5.1 and 5.2)."""

from __future__ import annotations

import pytest

from tests.standard.shapes import faults
from tests.standard.site import TAXII, said
from tests.web.conftest import CALLERS, SETTINGS, Web

NATIONAL = [key for key, who in CALLERS.items() if who.member.nation is not None]


@pytest.mark.parametrize("key", CALLERS)
def test_the_list_of_collections_is_the_resource_of_its_name(client: Web, key: str) -> None:
    client.key = key
    answer = client.get("/allied/collections/")
    assert (answer.status_code, answer.content_type) == (200, TAXII)
    assert faults("collections", said(answer)) == []
    assert ("collections" in said(answer)) is (key in NATIONAL)


@pytest.mark.parametrize("key", NATIONAL)
def test_a_collection_is_the_same_alone_and_in_the_list_by_id_and_by_alias(client: Web, key: str) -> None:
    client.key = key
    for one in said(client.get("/allied/collections/"))["collections"]:
        assert faults("collection", one) == []
        for name in (one["id"], one["alias"]):
            answer = client.get(f"/allied/collections/{name}/")
            assert (answer.status_code, answer.content_type, said(answer)) == (200, TAXII, one)


def test_ids_aliases_and_titles_name_one_collection_each(client: Web) -> None:
    listed = said(client.get("/allied/collections/"))["collections"]
    names = [name for one in listed for name in (one["id"], one["alias"])]
    assert len(set(names)) == len(names) == 2 * (len(SETTINGS.registry.nations) + 1)
    assert len({one["title"] for one in listed}) == len(listed)


def test_a_name_in_another_case_or_with_spaces_names_no_collection(client: Web) -> None:
    for name in ("US", "us%20", "%20us", "", "*", "us,kr"):
        assert client.get(f"/allied/collections/{name}/objects/").status_code == 404


@pytest.mark.parametrize("key", NATIONAL)
def test_the_order_of_collections_does_not_change(client: Web, key: str) -> None:
    first = [one["id"] for one in said(client.get("/allied/collections/"))["collections"]]
    client.key = key
    for _ in range(3):
        assert [one["id"] for one in said(client.get("/allied/collections/"))["collections"]] == first


def test_every_collection_says_what_it_can_store(client: Web) -> None:
    listed = said(client.get("/allied/collections/"))["collections"]
    assert [one["media_types"] for one in listed] == [["application/stix+json;version=2.1"]] * len(listed)
