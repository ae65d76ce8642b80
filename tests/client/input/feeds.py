"""Two objects, a bundle, and what is read of a feed."""

from __future__ import annotations

import io

from hub.client.input.reading import Item, SetAside, read_items

A, B = b'{"id":"a","type":"t"}', b'{"id":"b","type":"t"}'
BUNDLE = b'{"type":"bundle","id":"bundle--1","objects":[%b]}'


def read(data: bytes) -> list[Item | SetAside]:
    return list(read_items("feed", io.BytesIO(data)))


def bodies_of(data: bytes) -> list[bytes]:
    return [item.body for item in read(data) if isinstance(item, Item)]
