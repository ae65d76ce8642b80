"""What the comparison overlooks, and that it overlooks nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.differential.comparing import differences, plain
from tests.differential.paired_hubs import Exchange

KNOWN = ["11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"]
DRAWN = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
OTHER = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
EARLY, LATE = b"2026-11-01T00:00:00.000001Z", b"2026-11-01T00:00:00.000002Z"
HEADERS = (
    ("Server", "hub"),
    ("Date", "Sun, 01 Nov 2026 00:00:00 GMT"),
    ("Content-Length", "100"),
    ("X-TAXII-Date-Added-Last", LATE.decode()),
)
PAGE = Exchange(
    "GET a page",
    200,
    HEADERS,
    b'{"more":true,"next":"abcd","objects":[{"id":"malware--%b"},{"id":"status--%b"}],"at":["%b","%b"]}'
    % (KNOWN[0].encode(), DRAWN.encode(), EARLY, LATE),
)


def compare(here: list[Exchange], there: list[Exchange]) -> list[str]:
    one = plain(here, "http://127.0.0.1:40001", KNOWN)
    two = plain(there, "http://127.0.0.1:40002", KNOWN)
    return [difference.where for difference in differences(one, two)]


def changed(old: bytes, new: bytes) -> Exchange:
    assert old in PAGE.body
    return replace(PAGE, body=PAGE.body.replace(old, new))


@pytest.mark.parametrize(
    ("leak", "where"),
    [
        (replace(PAGE, status=403), "status"),
        (replace(PAGE, headers=(*HEADERS, ("X-Hidden", "1"))), "headers"),
        (replace(PAGE, headers=HEADERS[::-1]), "headers"),
        (replace(PAGE, headers=(*HEADERS[:2], ("Content-Length", "101"), HEADERS[3])), "headers"),
        (replace(PAGE, headers=(*HEADERS[:3], (HEADERS[3][0], EARLY.decode()))), "headers"),
        (changed(b"true", b"false"), "body"),
        (changed(b"abcd", b"abcde"), "body"),
        (changed(KNOWN[0].encode(), KNOWN[1].encode()), "body"),
        (changed(DRAWN.encode(), KNOWN[0].encode()), "body"),
        (changed(b'"%b","%b"' % (EARLY, LATE), b'"%b","%b"' % (LATE, EARLY)), "body"),
        (changed(b'"%b","%b"' % (EARLY, LATE), b'"%b","%b"' % (EARLY, EARLY)), "body"),
        (changed(b"}]", b'},{"id":"malware"}]'), "body"),
    ],
)
def test_a_leak_is_reported(leak: Exchange, where: str) -> None:
    assert [found.split()[0] for found in compare([PAGE], [leak])] == [where]


def test_an_answer_that_one_hub_alone_gives_is_reported() -> None:
    assert compare([PAGE], [PAGE, PAGE]) == ["asked of one hub alone"]
    assert "another question" in compare([PAGE], [replace(PAGE, asked="GET another page")])


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_question_that_neither_hub_answers_is_reported(status: int) -> None:
    failure = replace(PAGE, status=status)
    assert compare([failure], [failure]) == ["no answer"]


def test_an_id_that_is_drawn_stays_the_same_id() -> None:
    other = changed(DRAWN.encode(), OTHER.encode())
    assert compare([PAGE, PAGE], [other, other]) == []
    assert compare([PAGE, PAGE], [PAGE, other]) != []


def test_dates_count_by_their_order_and_cursors_by_their_length() -> None:
    later = [(b"2026-11-01T00:00:00", b"2026-12-24T18:00:00"), (b"abcd", b"_-_-")]
    there = PAGE
    for old, new in later:
        headers = tuple((k, v.replace(old.decode(), new.decode())) for k, v in there.headers)
        there = replace(there, headers=headers, body=there.body.replace(old, new))
    assert there != PAGE
    assert compare([PAGE], [there]) == []


def test_a_signature_is_compared_by_what_it_says() -> None:
    def signed(payload: bytes, signature: bytes) -> Exchange:
        return replace(PAGE, body=b'{"jws":"e30.%b.%b"}' % (payload, signature))

    assert compare([signed(b"e30", b"AAAA")], [signed(b"e30", b"BBBB")]) == []
    assert compare([signed(b"e30", b"AAAA")], [signed(b"e30", b"BBBBB")]) != []
    assert compare([signed(b"e30", b"AAAA")], [signed(b"W10", b"AAAA")]) != []
