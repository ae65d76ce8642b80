"""A member's files: their owner's alone whatever the umask, and never written through a link."""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from hub.client import ClientError, Hub
from hub.client.input import files
from hub.client.polling.state import OutFile, PollState, StateFile
from tests.client.loopback import Loopback, indicator

STATE = PollState("http://h", "c", ("a",), "2026-01-01T00:00:00Z", 5)


@pytest.fixture(autouse=True)
def _open_to_all() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class Unwritable:
    def append(self, lines: bytes) -> None:
        pass


def test_what_a_poll_writes_is_its_owners_alone(member: Hub, server: Loopback, tmp_path: Path) -> None:
    server.objects = [indicator(1)]
    out, state = tmp_path / "out.jsonl", tmp_path / "state.json"
    with member.incremental("kr", Unwritable(), out=out, state=state) as incremental:
        incremental.once()
    assert (mode(out), mode(state)) == (0o600, 0o600)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl", "state.json"]


def test_a_state_that_others_could_read_is_the_owners_after_the_next_poll(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    file.write_text("{}")
    assert mode(file) == 0o666
    StateFile(file).write(STATE)
    assert mode(file) == 0o600


@pytest.fixture
def _little_room() -> Iterator[None]:
    """No file of this process may become larger than 4 KB, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("_little_room")
def test_a_full_disk_is_a_sentence_that_names_the_file_and_what_was_recorded_stands(tmp_path: Path) -> None:
    out, state = tmp_path / "out.jsonl", tmp_path / "state.json"
    with OutFile(out) as file:
        assert file.append(b"x" * 3_000) == 3_000
        with pytest.raises(ClientError, match=f"{out} cannot be written: File too large"):
            file.append(b"y" * 3_000)
    with OutFile(out, 3_000):
        assert out.read_bytes() == b"x" * 3_000
    StateFile(state).write(STATE)
    with pytest.raises(ClientError, match=f"{state} cannot be written: File too large"):
        StateFile(state).write(PollState("http://h" + "x" * 5_000, "c"))
    assert StateFile(state).read(STATE) == STATE


@pytest.mark.parametrize("target", ["there", "missing"])
def test_nothing_is_read_or_written_through_a_link(tmp_path: Path, target: str) -> None:
    there = tmp_path / "there"
    there.write_text("precious")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / target)
    for act in (
        lambda: OutFile(link),
        lambda: StateFile(link).write(STATE),
        lambda: StateFile(link).read(STATE),
        lambda: files.replace(link, b"x"),
    ):
        with pytest.raises(ClientError, match="link is a symbolic link, which is never followed here"):
            act()
    assert there.read_text() == "precious"
    assert link.is_symlink()
    assert not (tmp_path / "missing").exists()


def test_what_lies_where_a_state_is_prepared_is_never_written_to(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("precious")
    for prepare in (lambda new: new.symlink_to(there), lambda new: new.hardlink_to(there)):
        prepare(tmp_path / "state.new")
        StateFile(tmp_path / "state").write(STATE)
        assert there.read_text() == "precious"
        assert StateFile(tmp_path / "state").read(STATE) == STATE
    assert not (tmp_path / "state.new").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"types": "a"}, {"types": None}, {"types": [1]}, {"url": 5}, {"collection": None},
        {"last_date_added": 5}, {"out_bytes": -1}, {"out_bytes": "5"}, {"out_bytes": True}, {"more": 1},
    ],
)  # fmt: skip
def test_a_state_of_another_shape_is_one_sentence(tmp_path: Path, change: dict[str, object]) -> None:
    file = tmp_path / "state.json"
    StateFile(file).write(STATE)
    file.write_bytes(orjson.dumps(orjson.loads(file.read_bytes()) | change))
    with pytest.raises(ClientError, match=r"state\.json is not a state of `hub poll`"):
        StateFile(file).read(STATE)


def test_a_state_without_an_end_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    with file.open("wb") as made:
        made.truncate(2**33)
    with pytest.raises(ClientError, match="larger than any file that is expected here"):
        StateFile(file).read(STATE)


def test_what_is_no_file_is_one_sentence(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path, pipe, Path("/dev/null")):
        for act in (lambda path=path: OutFile(path), lambda path=path: StateFile(path).read(STATE)):
            with pytest.raises(ClientError, match=r"directory|No such device|pipe or a device"):
                act()
