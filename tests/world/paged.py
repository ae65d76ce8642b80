"""Pages as rows, each with its names and its body, for tests that look at single rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat

from sqlalchemy import select

from hub.actions.reading import poll
from hub.actions.service.service import Service
from hub.model import Disclosed, Page, Query, StixId, from_microseconds
from hub.store.schema.tables import release


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a page. `body` is empty in a manifest."""

    position: int
    date_added: datetime
    id: StixId
    version: str
    body: bytes = b""


@dataclass(frozen=True)
class PageOfRows(Page):
    """A page, and its rows one by one."""

    rows: tuple[Row, ...] = ()


def objects(service: Service, query: Query, kind: Disclosed = Disclosed.OBJECTS) -> PageOfRows:
    """The page of `poll.objects`. The names come from the table of rows, not through the page."""
    page = poll.objects(service, query, kind)
    c = release.c
    asked = select(c.position, c.stix_id, c.version).where(
        c.recipient == query.reader.nation, c.position.in_(page.positions)
    )
    with service.store.read() as connection:
        names: Mapping[int, tuple[str, str]] = {n: (id, v) for n, id, v in connection.execute(asked)}
    return _with_rows(page, [names[n] for n in page.positions])


def manifest(service: Service, query: Query, kind: Disclosed = Disclosed.MANIFEST) -> PageOfRows:
    """The page of `poll.manifest`."""
    page = poll.manifest(service, query, kind)
    return _with_rows(page, page.names)


def _with_rows(page: Page, names: object) -> PageOfRows:
    rows = tuple(
        Row(position, from_microseconds(date), StixId(id), version, body)
        for position, date, (id, version), body in zip(
            page.positions, page.dates, names, page.bodies or repeat(b""), strict=False
        )
    )
    return PageOfRows(
        page.positions, page.dates, page.more, page.epoch, page.names, page.contents, page.bodies, rows
    )
