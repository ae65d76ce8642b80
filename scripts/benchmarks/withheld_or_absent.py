"""Whether time tells a withheld id from one that nobody has: GETs and DELETEs of both, by turns, on loopback.

Policy 9 gives both the same bytes; how long the answer takes is measured here and promised nowhere. Half
of the objects are withheld from the reader. It may not see them for one of two reasons, which the hub keeps
in different places: `by clearance`, in its nation's ledger for the cert alone; `by agreement`, not in the
ledger at all. Absent ids asked against other absent ids show how much of a difference is noise.
"""

from __future__ import annotations

import http.client
import json
import math
import random
import secrets
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.table import Table

from hub.actions.operation import administer
from hub.model import HttpRequest, Kind, Purpose, Scope
from hub.proofs import keys, requests
from hub.proofs.keys import PrivateKey
from tests import postgres
from tests.journeys.live import Live, live_hub
from tests.stix_objects import TLP, malware

TAXII: Final = "application/taxii+json;version=2.1"
PER_POST: Final = 500
PER_READER: Final = 5_000  # requests, so that no member meets its rate limit
READER, ABSENT, CONTROL = "jp-agency", "absent", "absent again"
LEVELS: Final = {"by clearance": "amber+strict", "by agreement": "red"}
PATHS: Final = {
    "GET object": "{root}objects/{id}/",
    "GET versions": "{root}objects/{id}/versions/",
    "GET match[id]": "{root}objects/?match[id]={id}",
    "GET manifest": "{root}manifest/?match[id]={id}&match[version]=all",
}


class TimedReader(NamedTuple):
    """One member: who asks, and with which key it signs."""

    token: str
    key: PrivateKey


@dataclass
class Asker:
    """Asks one hub over one connection, and says how long each answer took in microseconds."""

    live: Live
    connection: http.client.HTTPConnection
    ids: dict[str, list[str]]
    readers: dict[str, list[TimedReader]] = field(default_factory=dict)
    asked: int = 0

    def get(self, path: str) -> float:
        return self._time("GET", path, {"Authorization": f"Bearer {self._reader('JP').token}"})

    def delete(self, path: str) -> float:
        """Delete as an agency of the origin nation, signed; nothing is deleted, for nothing is its own."""
        reader = self._reader("KR")
        headers = {"Authorization": f"Bearer {reader.token}"}
        request = HttpRequest("DELETE", f"{self.live.url}{path}", headers)
        nonce = secrets.token_urlsafe(24)
        signed = requests.sign(request, reader.key, created=datetime.now(UTC), nonce=nonce)
        return self._time("DELETE", path, headers | signed)

    def _time(self, method: str, path: str, headers: dict[str, str]) -> float:
        start = time.perf_counter_ns()
        self.connection.request(method, path, headers=headers)
        response = self.connection.getresponse()
        body = response.read()
        elapsed = time.perf_counter_ns() - start
        if response.status not in (200, 404) or b"objects" in body:
            raise click.ClickException(f"{method} {path}: {response.status} {body[:200]!r}")
        return elapsed / 1_000

    def _reader(self, nation: str) -> TimedReader:
        """Return the member whose turn it is: a new one for every few thousand requests."""
        self.asked += 1
        readers = self.readers.setdefault(nation, [])
        if self.asked > PER_READER * sum(map(len, self.readers.values())) or not readers:
            readers.append(_enrol(self.live, nation, len(readers)))
        return readers[-1]


def _enrol(live: Live, nation: str, n: int) -> TimedReader:
    member = f"{nation.lower()}-agency-{n}"
    administer.add_member(live.service, member, nation, Kind.AGENCY, f"Reader {n}")
    key = keys.generate("ed25519")
    administer.register_key(live.service, member, json.dumps(key.public.jwk).encode(), Purpose.SUBMIT)
    return TimedReader(administer.issue_token(live.service, member, [Scope.READ, Scope.SUBMIT]).token, key)


# --- what there is ------------------------------------------------------------------------------


def _fill(live: Live, count: int) -> dict[str, list[str]]:
    """Push `count` objects, half of them withheld from a foreign agency; return the ids by what they are."""
    live.agree("KR", "JP", max_tlp="amber+strict")
    levels = {"visible": "green", **LEVELS}
    sizes = {"visible": count // 2, "by clearance": count // 4, "by agreement": count // 4}
    ids = {name: [f"malware--{uuid.uuid4()}" for _ in range(size)] for name, size in sizes.items()}
    objects = [
        malware(id=id, object_marking_refs=[TLP[levels[name]]]) for name, found in ids.items() for id in found
    ]
    random.Random(0).shuffle(objects)
    for n in range(0, len(objects), PER_POST):
        status = live.push("kr-cert", objects[n : n + PER_POST])
        if status.failure_count:
            raise click.ClickException(f"refused: {status.failures[0]}")
    return ids


@contextmanager
def _asker(database: str, count: int) -> Iterator[Asker]:
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = f"sqlite:///{home}/hub.db"
        if database == "postgresql":
            cluster = postgres.make_home()
            stack.callback(postgres.remove, cluster)
            url = stack.enter_context(postgres.database(postgres.ensure_started(cluster)))
        live = stack.enter_context(live_hub(url, home, workers=1))
        address = urlsplit(live.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
        stack.callback(connection.close)
        yield Asker(live, connection, _fill(live, count))


# --- asking -------------------------------------------------------------------------------------


def _ask(asker: Asker, question: str, rounds: int) -> dict[str, list[float]]:
    """Ask by each kind of id once a round, in an order drawn anew; return the times by kind."""
    root = asker.live.collection_url("kr").removeprefix(asker.live.url)
    times: dict[str, list[float]] = {name: [] for name in [*LEVELS, ABSENT, CONTROL]}
    for n in range(rounds):
        for kind in random.sample(list(times), len(times)):
            known = asker.ids.get(kind)
            id = known[n % len(known)] if known else f"malware--{uuid.uuid4()}"
            if question in PATHS:
                times[kind].append(asker.get(PATHS[question].format(root=root, id=id)))
            else:
                times[kind].append(asker.delete(f"{root}objects/{id}/"))
    return times


def rank_test(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the two-sided p-value of the Mann-Whitney U test, by its normal approximation.

    Ties get the mean of their ranks; the variance is not corrected for them: times hardly ever tie.
    """
    ranks = _ranks([*one, *other])
    n, m = len(one), len(other)
    u = sum(ranks[:n]) - n * (n + 1) / 2
    deviation = math.sqrt(n * m * (n + m + 1) / 12)
    return math.erfc(abs(u - n * m / 2) / deviation / math.sqrt(2))


def _ranks(values: Sequence[float]) -> list[float]:
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for place in order[start:end]:
            ranks[place] = (start + end + 1) / 2
        start = end
    return ranks


def _fastest(values: Sequence[float]) -> float:
    """Return the time that a tenth of the requests stay below: what disturbs others disturbs it least."""
    return statistics.quantiles(values, n=10)[0]


def _spread(values: Sequence[float]) -> float:
    """Return the distance between the quartiles."""
    low, _, high = statistics.quantiles(values, n=4)
    return high - low


# --- telling ------------------------------------------------------------------------------------


@click.command()
@click.option("--database", type=click.Choice(["sqlite", "postgresql"]), default="sqlite")
@click.option("--objects", default=5_000, help="Objects in the hub; half of them are withheld.")
@click.option("--rounds", default=3_000, help="Requests of each kind to each address.")
@click.option("--deletes", default=500, help="Signed DELETEs of each kind; each is a durable write.")
def main(database: str, objects: int, rounds: int, deletes: int) -> None:
    """Print how much longer a withheld id takes than an absent one, and how likely chance explains it."""
    table = Table(title=f"Withheld or absent, {objects} objects, {rounds} rounds, {database}; µs")
    table.add_column("")
    table.add_column("")
    for heading in ("median", "quartiles apart", "median beyond absent", "fastest tenth beyond absent", "p"):
        table.add_column(heading, justify="right")
    with _asker(database, objects) as asker:
        for question in PATHS:
            _ask(asker, question, 50)  # to warm up
            _add(table, question, _ask(asker, question, rounds))
        _add(table, "signed DELETE", _ask(asker, "DELETE", deletes))
    Console().print(table)


def _add(table: Table, question: str, times: dict[str, list[float]]) -> None:
    base = times[ABSENT]
    for kind, found in times.items():
        median = statistics.median(found)
        row: list[Any] = [question if found is next(iter(times.values())) else "", kind]
        row += [f"{median:,.0f}", f"{_spread(found):,.0f}"]
        if kind != ABSENT:
            beyond = (median - statistics.median(base), _fastest(found) - _fastest(base))
            row += [*(f"{one:+,.1f}" for one in beyond), f"{rank_test(found, base):.3f}"]
        table.add_row(*row)
    table.add_section()


if __name__ == "__main__":
    main()
