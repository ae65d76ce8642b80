"""Addresses to listen at: what is typed, what is bound, and one sentence for each that cannot be had."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from hub.errors import SettingsError
from hub.web import listening
from hub.web.listening import Listener, listen, parse
from tests.ports import free_port


@pytest.fixture
def unused_port() -> int:
    return free_port()


def bound(text: str) -> tuple[Listener, object]:
    """Bind it and let it go again; return what it was bound to."""
    found = listen(parse(text))
    with socket.socket(fileno=found.descriptor) as made:
        return found, made.getsockname()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "HOST:PORT, [IPV6]:PORT or unix:PATH"),
        ("8000", "HOST:PORT, [IPV6]:PORT or unix:PATH"),
        ("localhost", "HOST:PORT, [IPV6]:PORT or unix:PATH"),
        ("localhost:", "HOST:PORT"),
        (":8000", "HOST:PORT"),
        ("::1:8000", "[IPV6]:PORT"),
        ("http://localhost:8000", "HOST:PORT"),
        ("unix:", "unix:PATH"),
        ("127.0.0.1:0", "port 0 is out of range; give one from 1 to 65535"),
        ("127.0.0.1:65536", "port 65536 is out of range"),
        ("127.0.0.1:" + "9" * 5_000, "out of range"),
        ("fd://x", "number of an open socket"),
    ],
)
def test_what_is_no_address_is_refused_with_what_to_type(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"address|range") as refused:
        parse(text)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("host", "is_exposed"),
    [("127.0.0.1", False), ("localhost", False), ("[::1]", False), ("0.0.0.0", True), ("[::]", True)],
)
def test_whoever_listens_where_others_can_reach_it_is_told(
    unused_port: int, host: str, is_exposed: bool
) -> None:
    if host.startswith("[") and not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    found, name = bound(f"{host}:{unused_port}")
    assert (found.is_exposed, name[1]) == (is_exposed, unused_port)  # type: ignore[index]


def test_a_unix_socket_is_for_its_owner_and_group(tmp_path: Path) -> None:
    path = tmp_path / "hub.sock"
    before = os.umask(0)
    try:
        found, name = bound(f"unix:{path}")
        mode = path.stat().st_mode
    finally:
        os.umask(before)
    assert (found.is_exposed, name) == (False, str(path))
    assert (stat.S_ISSOCK(mode), stat.S_IMODE(mode)) == (True, 0o660)


def test_a_socket_that_a_killed_server_left_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "hub.sock"
    bound(f"unix:{path}")
    assert path.exists()
    assert bound(f"unix:{path}")[1] == str(path)


def test_a_socket_that_was_handed_over_stays_open(unused_port: int) -> None:
    with socket.socket() as given:
        given.bind(("127.0.0.1", unused_port))
        found = listen(parse(f"fd://{given.fileno()}"))
        assert found == Listener(given.fileno(), is_exposed=False)
        assert given.getsockname() == ("127.0.0.1", unused_port)


def refused(text: str) -> str:
    with pytest.raises(SettingsError) as error:
        listen(parse(text))
    said = str(error.value)
    assert said.startswith(f"--bind {text}: ")
    assert "\n" not in said
    return said


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert "another program listens there" in refused(f"127.0.0.1:{other.getsockname()[1]}")


def test_a_name_that_nobody_knows_is_one_sentence() -> None:
    assert "nobody.invalid is not known" in refused("nobody.invalid:8000")


def test_an_address_of_another_machine_is_one_sentence() -> None:
    assert "does not have that address" in refused("192.0.2.1:8000")


def test_a_permission_that_is_missing_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(listening.socket.socket, "bind", deny, raising=False)
    assert "not permitted" in refused("127.0.0.1:80")


def test_a_folder_that_is_missing_is_one_sentence(tmp_path: Path) -> None:
    assert "the folder does not exist" in refused(f"unix:{tmp_path}/missing/hub.sock")


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert "no socket" in refused(f"unix:{tmp_path}/file")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_link_is_left_alone_wherever_it_leads(tmp_path: Path) -> None:
    bound(f"unix:{tmp_path}/left.sock")  # nobody listens there any more
    for name in ("nowhere", "left.sock"):
        link = tmp_path / f"to-{name}"
        link.symlink_to(tmp_path / name)
        assert "what is there is no socket" in refused(f"unix:{link}")
        assert link.is_symlink()


def test_a_socket_on_which_another_server_listens_is_left_alone(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "hub.sock"))
        other.listen()
        assert "another program listens" in refused(f"unix:{tmp_path}/hub.sock")
        assert (tmp_path / "hub.sock").exists()


def test_a_path_that_is_too_long_is_one_sentence(tmp_path: Path) -> None:
    assert "shorter path" in refused(f"unix:{tmp_path}/{'x' * 200}")


def test_a_descriptor_that_is_not_open_is_one_sentence() -> None:
    assert "no such open descriptor" in refused("fd://987654")


def test_a_descriptor_that_is_no_socket_is_one_sentence(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        assert "that descriptor is no socket" in refused(f"fd://{file.fileno()}")
