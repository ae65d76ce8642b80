"""Pins: the reader's own file, by hub and nation, that nobody else can write."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hub.client import ClientError
from hub.client.agreement import pins

HUB, OTHER = "https://hub.example", "https://other.example"
A, B = "A" * 43, "-" + "B" * 42


def test_what_is_pinned_is_read_by_hub_and_nation(tmp_path: Path) -> None:
    path = tmp_path / "new" / "pins.json"
    assert pins.read(path, HUB) == {}
    pins.pin(path, HUB, "KR", A)
    pins.pin(path, OTHER, "KR", B)
    assert (pins.read(path, HUB), pins.read(path, OTHER)) == ({"KR": {A}}, {"KR": {B}})
    pins.pin(path, HUB, "KR", B, is_added=True)
    assert pins.read(path, HUB) == {"KR": {A, B}}
    pins.pin(path, HUB, "KR", B)
    assert pins.read(path, HUB) == {"KR": {B}}
    assert [pins.unpin(path, HUB, nation) for nation in ("JP", "KR", "KR")] == [False, True, False]
    assert (pins.read(path, HUB), pins.read(path, OTHER)) == ({}, {"KR": {B}})
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [one.name for one in path.parent.iterdir()] == ["pins.json"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"pins": 1}',
        '{"pins": {"x": {"KR": ["y"]}}}',
        '{"pins": {"x": 1}}',
        f'{{"pins": {{"x": {{"KR": ["{A}"]}}}}}}',
        f'{{"pins": {{"{HUB}": {{"kr": ["{A}"]}}}}}}',  # a nation under which nothing would be found
        f'{{"pins": {{"{HUB}": {{"KR": ["{A}"]}}, "{HUB}:443": {{"KR": ["{B}"]}}}}}}',  # which one holds?
        f'{{"pins": {{"{HUB}": {{"KR": ["{A}"]}}}}, "pins": {{}}}}',
        '{"pins": {"' + "x" * 2_000_000 + '": {}}}',
        "[" * 5_000,
    ],
)
def test_what_holds_no_pins_is_neither_read_nor_written_over(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pins.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ClientError, match="holds no pins"):
        pins.read(path, HUB)
    with pytest.raises(ClientError, match="holds no pins"):
        pins.pin(path, HUB, "KR", A)
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("pinned", "given"),
    [
        ("https://hub.example", "https://HUB.example/"),
        ("https://hub.example", "https://hub.example:443"),
        ("https://hub.example:443", "https://hub.example"),
        ("http://hub.example", "http://hub.example:80/allied/"),
        ("https://hub.example", "https://hub.example."),
        ("https://b\u00fccher.example", "https://xn--bcher-kva.example"),
        ("https://hub.example", "https://hub\u3002example"),
        ("http://[::1]:8000", "http://[0:0:0:0:0:0:0:1]:8000"),
    ],
)
def test_a_pin_is_found_however_the_address_is_spelt(tmp_path: Path, pinned: str, given: str) -> None:
    path = tmp_path / "pins.json"
    pins.pin(path, pinned, "KR", A)
    assert pins.read(path, given) == {"KR": {A}}
    assert pins.other_hubs(path, given) == []
    assert pins.unpin(path, given, "KR")


@pytest.mark.parametrize("other", ["http://hub.example", "https://hub.example:8443", "https://hub2.example"])
def test_another_hub_has_other_pins_and_is_named(tmp_path: Path, other: str) -> None:
    path = tmp_path / "pins.json"
    pins.pin(path, HUB, "KR", A)
    assert (pins.read(path, other), pins.other_hubs(path, other)) == ({}, [HUB])


def test_pins_written_under_another_spelling_are_found(tmp_path: Path) -> None:
    path = tmp_path / "pins.json"
    path.write_text(f'{{"pins": {{"https://Hub.example:443/": {{"KR": ["{A}"]}}}}}}')
    path.chmod(0o600)
    assert pins.read(path, HUB) == {"KR": {A}}


def test_what_is_no_file_of_ones_own_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    with pytest.raises(ClientError, match="is a directory, a pipe or a device"):
        pins.read(pipe, HUB)
    path = tmp_path / "pins.json"
    pins.pin(path, HUB, "KR", A)
    monkeypatch.setattr(os, "geteuid", lambda: 4_711)
    monkeypatch.setattr(pins, "_ROOT", 4_712)
    with pytest.raises(ClientError, match="belongs to another account"):
        pins.read(path, HUB)


def test_what_others_can_write_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "pins.json"
    pins.pin(path, HUB, "KR", A)
    path.chmod(0o620)
    with pytest.raises(ClientError, match=r"can be written by others.*chmod 600"):
        pins.read(path, HUB)


def test_a_link_is_replaced_and_what_it_leads_to_is_left(tmp_path: Path) -> None:
    target, path = tmp_path / "target", tmp_path / "pins.json"
    target.write_text('{"pins": {}}')
    target.chmod(0o600)
    path.symlink_to(target)
    pins.pin(path, HUB, "KR", A)
    assert (path.is_symlink(), target.read_text()) == (False, '{"pins": {}}')


@pytest.mark.parametrize("thumbprint", ["", "A" * 42, "A" * 44, "A" * 42 + "=", "é" * 43])
def test_only_thumbprints_are_pinned(tmp_path: Path, thumbprint: str) -> None:
    with pytest.raises(ClientError, match="is no thumbprint"):
        pins.pin(tmp_path / "pins.json", HUB, "KR", thumbprint)


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ClientError, match=r"cannot be (written|read)"):
        pins.pin(tmp_path / "file" / "pins.json", HUB, "KR", A)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"XDG_CONFIG_HOME": "/somewhere"}, Path("/somewhere/allied-hub/pins.json")),
        (
            {"XDG_CONFIG_HOME": "relative"},
            Path.home() / ".config/allied-hub/pins.json",
        ),  # as the standard says
        ({}, Path.home() / ".config/allied-hub/pins.json"),
    ],
)
def test_pins_are_kept_where_configuration_is(environ: dict[str, str], expected: Path) -> None:
    assert pins.default_path(environ) == expected
