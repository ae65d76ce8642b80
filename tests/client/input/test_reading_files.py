"""What files may look like; and what is no file of objects is refused with its place."""

from __future__ import annotations

import codecs
import gzip
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.client import ClientError
from hub.client.input.reading import opened, read_items
from tests.client.input.feeds import BUNDLE, A, B, bodies_of, read


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "feed: the file is empty"),
        (b" \n\n", "feed: the file is empty"),
        (b"\xef\xbb\xbf", "feed: the file is empty"),
        (b"{", "feed line 1 column 2: not JSON: the text ends too early"),
        (b'{"objects":[%b,\n{"a":"b' % A, "feed line 2 column"),
        (b'"text"', "feed: expected a bundle"),
        (b'{"objects":{}}', "feed: `objects` is not a list"),
        (b'{"type":"bundle","objects":{}}', "feed: `objects` is not a list"),
        (b"no json\n" + A, "feed: the file begins with 'no json', which is no JSON"),
        (A + b'\n{"a":"b', "feed line 2 column 8: not JSON: the text ends too early"),
        (b'{"objects":[%b,{"a":"\t"},%b' % (A, B), "feed line 1 column"),
        (b'{"objects":[{"a":"\t"}]}', "feed line 1 column 19: not JSON: unexpected control character"),
        (b'{"objects":[{"a":C:}],"x":[%b]}' % A, "feed line 1 column 18: not JSON"),
        (b'{"x":"\t","objects":[%b]}' % A, "feed line 1 column 7: not JSON: unexpected control character"),
        (
            BUNDLE % A + BUNDLE % B,
            "feed line 1 column 69: not JSON: unexpected content after document; put all",
        ),
        (
            b'{\n"objects":[%b]}\n{\n"objects":[%b]}' % (A, B),
            "feed line 3 column 1: not JSON: unexpected con",
        ),
        (
            b"[%b,]" % A,
            "feed line 1 column 23: not JSON: trailing comma is not allowed; take the last comma out",
        ),
        (b'{"type":"bundle","id":"bundle--1"}', "feed: the bundle has no `objects`"),
        (b'"id","type"\n"a","b"', "feed: the file looks like CSV"),
        (b"198.51.100.1\n198.51.100.2\n", "feed: the file begins with '198.51.100.1', which is no JSON"),
        (b"type: bundle\nobjects: []\n", "feed: the file begins with 'type: bundle', which is no JSON"),
        (b"\x1e%b\n" % A, "feed: the file is a JSON text sequence"),
        (b"%PDF-1.7\n", "feed: the file is a PDF, not JSON; make STIX 2.1 objects of it"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", "feed: the file is a document of Office or Hangul"),
        (b"Rar!\x1a\x07\0", "feed: the file is a rar archive; unpack it"),
        (b"a.json".ljust(257, b"\0") + b"ustar\0" + A, "feed: the file is a tar archive; unpack it"),
        (b"\x7fELF\0\0", "feed: the file is no text"),
        (b'{"a":None}', "feed line 1 column 6: not JSON: write null"),
        (b'{"a":True}', "feed line 1 column 6: not JSON: write true in lower case"),
        (b"{type:1}", "feed line 1 column 2: not JSON: put the name of each property in double quotes"),
        (
            "{“type”:1}".encode(),
            "feed line 1 column 2: not JSON: texts and keys stand in straight double quotes",
        ),
        (b'\n\n{\n"a":1,\n}', "feed line 4 column 6: not JSON: trailing comma"),
        (b'{\n"a":1, // one\n"b":2}', "feed line 2 column 8: not JSON: JSON has no comments"),
        (b'# one\n{"a":1}', "feed line 1 column 1: not JSON: JSON has no comments"),
        (b"{'a':1}", "feed line 1 column 2: not JSON: texts and keys stand in double quotes"),
        (b'id,type\n"a","b"\n', "feed: the file looks like CSV"),
        (b"198.51.100.1;x\n", "feed: the file looks like CSV"),
        (b"<?xml version='1.0'?><stix:STIX_Package/>", "feed: the file is XML, as STIX 1.x is"),
        (b"\xef\xbb\xbf\n <stix:STIX_Package/>", "feed: the file is XML, as STIX 1.x is"),
        (b"<!DOCTYPE html><html/>", "feed: the file is a web page"),
        (b"PK\x03\x04...", "feed: the file is a zip archive; unpack it"),
        (
            gzip.compress(gzip.compress(A, mtime=0), mtime=0),
            "feed: the file is packed by gzip twice; unpack it",
        ),
        (gzip.compress(A * 100, mtime=0)[:20], "feed: packed by gzip, and damaged or cut off"),
        (gzip.compress(b"id,type\n", mtime=0), "feed: the file looks like CSV"),
        # beside the objects, so that it is not sure which these are
        (b'{"objects":[%b],"objects":[%b]}' % (A, B), "feed at /objects: the key is given twice"),
        (b'{"x":9007199254740992,"objects":[%b]}' % A, "feed at /x: the integer is beyond 2^53-1"),
    ],
)
def test_what_is_no_file_of_objects_is_refused_with_its_place(data: bytes, sentence: str) -> None:
    with pytest.raises(ClientError) as refused:
        read(data)
    assert str(refused.value).startswith(sentence)
    assert "char 0" not in str(refused.value)


def test_a_single_backslash_is_told_to_be_written_twice() -> None:
    with pytest.raises(
        ClientError, match=r"^feed line 1 column (9|10): .*; within a text write a backslash as"
    ):
        read(b'{"a":"C:\\Windows"}')  # the parser's versions count to the backslash, or behind it


@pytest.mark.parametrize(
    ("text", "encoding", "named"),
    [
        ("한국인터넷진흥원", "cp949", "CP949"),
        ("도구", "euc_kr", "CP949"),
        ("똠방각하 펲시콜라", "cp949", "CP949"),
        ("大韓民國 정부", "cp949", "CP949"),
        ("ラザルス", "cp932", "SHIFT_JIS"),
        ("攻撃グループの道具", "shift_jis", "SHIFT_JIS"),
        ("ツール、ラザルス", "euc_jp", "EUC-JP"),
        ("警視庁サイバー局", "euc_jp", "EUC-JP"),
        ("caf\u00e9 fran\u00e7ais", "latin-1", "WINDOWS-1252"),
        ("\u201cquoted\u201d \u2013 M\u00fcnchen", "cp1252", "WINDOWS-1252"),
        ("ツール", "iso2022_jp", "ISO-2022-JP"),
        ("도구", "iso2022_kr", "ISO-2022-KR"),
        ("ﾂｰﾙ ﾗｻﾞﾙｽ", "cp932", "SHIFT_JIS"),
        ("도구", "utf-16", "UTF-16LE"),
        ("도구", "utf-16-le", "UTF-16LE"),
        ("도구", "utf-16-be", "UTF-16BE"),
        ("tool", "utf-32", "UTF-32LE"),
        ("tool", "utf-32-le", "UTF-32LE"),
        ("tool", "utf-32-be", "UTF-32BE"),
    ],
)
@pytest.mark.parametrize(
    "shape", ['{"objects":[{"name":"%s"}]}', '{\n "objects": [\n  {"name": "%s"}]\n}', '{"a":1}\n{"b":"%s"}']
)
def test_another_encoding_than_utf_8_is_named_with_the_remedy(
    text: str, encoding: str, named: str, shape: str
) -> None:
    for data in ((shape % text).encode(encoding), gzip.compress((shape % text).encode(encoding))):
        with pytest.raises(ClientError) as refused:
            read(data)
        sentence = str(refused.value)
        assert f"iconv -f {named} -t UTF-8" in sentence
        assert "save it as UTF-8" in sentence
        assert "surrogate" not in sentence
        assert "char 0" not in sentence
        codecs.lookup(named)


@pytest.mark.parametrize("wrap", [lambda data: data, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["no mark", "mark"])
@pytest.mark.parametrize(
    "text",
    [
        BUNDLE % (A + b"," + B),
        b"[%b,%b]" % (A, B),
        b"[%b,\n%b]" % (BUNDLE % A, BUNDLE % B),
        b'[{"objects":[%b]},%b]' % (A, B),
        BUNDLE % A + b"\n" + BUNDLE % B,
        b"[%b]\n[%b]\n" % (A, B),
        BUNDLE % (BUNDLE % A + b"," + BUNDLE % (BUNDLE % B)),
        A + b"\n" + B,
    ],
)
def test_objects_are_found_whatever_holds_them(
    text: bytes, mark: bytes, wrap: Callable[[bytes], bytes]
) -> None:
    assert bodies_of(wrap(mark + text)) == [A, B]


@pytest.mark.parametrize(
    "body",
    [
        b'{"type":"observed-data","objects":{"0":{"type":"file"}}}',
        b'{"type":"x-own","x":[{"objects":[]}]}',
    ],
)
def test_what_has_objects_and_is_no_bundle_is_an_object(body: bytes) -> None:
    assert bodies_of(body) == [body]
    assert bodies_of(BUNDLE % body) == [body]


def test_each_of_files_that_were_put_together_may_have_a_byte_order_mark() -> None:
    mark = b"\xef\xbb\xbf"
    assert bodies_of(mark + mark + A + b"\r\n" + mark + B) == [A, B]
    assert bodies_of(mark + BUNDLE % A + b"\n\n" + mark + b"\n" + mark + BUNDLE % B) == [A, B]


@pytest.mark.parametrize("bad", [b"\xff", b"\xeb\x8f", b"\xed\xa0\xbd"])
def test_a_byte_that_is_no_utf_8_in_a_text_that_is_gets_no_advice_to_convert_it(bad: bytes) -> None:
    text = '{"a":"라자루스 그룹 ラザルス"}\n{"b":"국내 전력 기관을 노린 공격%s"}'.encode()
    with pytest.raises(
        ClientError, match=r"line 2 column 2[0-9] is no UTF-8, and the text around it is"
    ) as refused:
        read(text.replace(b"%s", bad))
    assert "iconv" not in str(refused.value)


def test_what_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.client.input.encodings.MOST_UNPACKED", 2**20)
    line = b'{"type":"t","x":"%b"}\n' % (b"x" * 1_000)
    assert len(read(gzip.compress(line * 1_000))) == 1_000
    for bomb in (line * 1_100, b'{"x":"' + b"x" * 2**21 + b'"}'):
        with pytest.raises(ClientError, match="it unpacks to more than 1 MB; unpack it with gunzip"):
            read(gzip.compress(bomb))


def test_a_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="is a directory; name the files in it"), opened(tmp_path):
        pytest.fail("it was opened")


def test_a_file_that_is_missing_is_named() -> None:
    sentence = "no-such-file cannot be read: No such file"
    with pytest.raises(ClientError, match=sentence), opened("no-such-file"):
        pytest.fail("it was opened")


@pytest.mark.parametrize(
    ("data", "bodies"),
    [
        (b'{"type":"bundle","id":"bundle--1","objects":[%b,%b]}' % (A, B), [A, B]),
        (b'{"more":false,"objects":[%b]}' % A, [A]),
        (b'{"type":"bundle","objects":[]}', []),
        (A, [A]),
        (b'{\n  "id": "a",\n  "type": "t"\n}\n', [A]),
        (A + b"\n" + B + b"\n", [A, B]),
        (A + b"\r\n\r\n" + B, [A, B]),
        (b'{"objects":[1,"x",null]}', [b"1", b'"x"', b"null"]),  # for the hub to refuse, one by one
    ],
)
def test_a_bundle_an_envelope_an_object_and_lines_give_their_objects_in_order(
    data: bytes, bodies: list[bytes]
) -> None:
    assert bodies_of(data) == bodies


def test_of_lines_one_at_a_time_is_in_memory(tmp_path: Path) -> None:
    path, line = tmp_path / "lines", b'{"type":"t","text":"%b"}\n' % (b"x" * 10_000)
    path.write_bytes(line * 2_000)  # 20 MB
    tracemalloc.start()
    with opened(path) as file:
        count = sum(1 for _ in read_items("feed", file))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 2_000
    assert peak < 1_000_000
