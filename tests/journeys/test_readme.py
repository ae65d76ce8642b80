"""README is followed: each command in order, from the installed wheel, with a real hub, on both databases.

Two machines become one folder. The operator has what README exports there; commands of a member are those of
the CERT of the United States, with the key that each asks for, where README says nothing else.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from hub.cli import _AT_A_MEMBER, _ON_THE_HUB
from tests import installed, postgres, scratch
from tests.patience import PATIENCE_SECONDS, wait_for
from tests.ports import free_port
from tests.stix_objects import indicator, malware

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"(?m)(?:^(?: {4}| {6}(?=sudo))\S.*\n)+")

# A block that begins otherwise is typed by nobody.
PROGRAMS = ("hub ", "export ", "sudo ", "mkdir ", "scripts/", "python3 ")

# What README leaves to its reader, and what a reader of this test puts there.
PLACEHOLDERS = {
    "/srv/hub": "{home}/hub",
    "https://hub.example.org": "{url}",
    "127.0.0.1:8000": "127.0.0.1:{port}",
    "postgresql+psycopg://hub:PASSWORD@127.0.0.1/hub": "{database_url}",
    "sudo -u postgres createuser --pwprompt": "createuser -h {cluster} -U postgres",
    "sudo -u postgres createdb": "createdb -h {cluster} -U postgres",
    "/backup/": "{home}/backup/",
    "HUB_TOKEN=…": "HUB_TOKEN={us-cert}",
    "HUB_KEY=agency.pem": "HUB_KEY=us-submit.pem",
    "agreement--…": "{agreement}",
    "malware--…": "{malware}",
    "indicator--…": "{indicator}",
    "us-cert THUMBPRINT": "us-cert {new.pem}",
    "KR THUMBPRINT": "KR {kr-agreement.pem}",
    "6f1b9d5e-…": "{status}",
    "sha-256:…": "{digest}",
}
# What changes the machine, or is a test of its own: the wheel is what `pip install .` installs.
LEFT_OUT = ("scripts/", "sudo ", "python3 -m venv", "export PATH=")
ONLY_ON_POSTGRESQL = ("createuser", "createdb", "HUB_DATABASE_URL")
# Where somebody at a terminal is asked.
ANSWERS = {"hub restore ": " --yes", "hub delete ": " --yes"}
# The other CERT's part, where README says that there is one.
AS_KOREA = ("hub recovery ",)
KOREA_TOO = ("hub agreement sign ",)


def blocks() -> list[list[str]]:
    """Return the commands of README, block by block, without what it says about them."""
    text = re.sub(r"(?s)```.*?```", "", (ROOT / "README.md").read_text(encoding="utf-8"))
    found = [[_bare(line) for line in block[0].splitlines()] for block in BLOCK.finditer(text)]
    return [block for block in found if block[0].startswith(PROGRAMS)]


def _bare(line: str) -> str:
    return re.split(r"\s{2,}#|\s+#\s", line.strip())[0].strip()


@dataclass
class Follower:
    """Somebody who types what README says."""

    home: Path
    hub: Path
    values: dict[str, str]
    environ: dict[str, str]
    keys: dict[str, dict[str, str]] = field(
        default_factory=lambda: {cert: _keys(cert) for cert in ("us", "kr")}
    )
    server: subprocess.Popen[bytes] | None = None
    typed: list[str] = field(default_factory=list)

    def follow(self, line: str) -> None:
        command = self._filled(line)
        self.typed.append(line)
        if line.startswith("export "):
            self._export(command)
        elif line.startswith("hub serve"):
            self._serve(command)
        else:
            self._note(line, self._run(command, "kr" if line.startswith(AS_KOREA) else "us"))
            if line.startswith(KOREA_TOO):
                self._run(command, "kr")

    def _filled(self, line: str) -> str:
        for placeholder, value in PLACEHOLDERS.items():
            line = line.replace(placeholder, value)
        line += "".join(answer for asked, answer in ANSWERS.items() if line.startswith(asked))
        for name, value in self.values.items():
            line = line.replace(f"{{{name}}}", value)
        return line

    def _export(self, command: str) -> None:
        for assignment in shlex.split(command)[1:]:
            name, _, value = assignment.partition("=")
            self.environ[name] = value

    def _run(self, command: str, cert: str) -> str:
        environ = dict(self.environ)
        words = shlex.split(command)
        if words[:1] == ["hub"] and words[1] in _AT_A_MEMBER:
            purpose = "submit" if words[1] in {"push", "delete"} else "agreement"
            environ |= {"HUB_TOKEN": self.values.get(f"{cert}-cert", ""), "HUB_KEY": self.keys[cert][purpose]}
        done = subprocess.run(
            ["bash", "-euc", command], cwd=self.home, env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}{self._said()}"
        return done.stdout

    def _note(self, line: str, said: str) -> None:
        """Keep what later placeholders stand for."""
        if found := re.match(r"hub token issue (\S+)", line):
            self.values[found[1]] = said.strip()
        elif found := re.match(r"hub keygen (\S+\.pem)", line):
            self.values[found[1]] = said.strip().splitlines()[-1]
        elif line.startswith("hub push"):
            self.values["status"] = re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", said)[-1]
        elif line.startswith("hub agreement propose"):
            self.values["agreement"] = re.findall(r"agreement--[0-9a-f-]{36}", said)[0]
        elif line.startswith("hub agreement show"):
            self.values["digest"] = re.findall(r"sha-256:\S+", said)[0]
        elif line.startswith("hub recovery confirm"):
            self.keys["us"]["agreement"] = "new.pem"

    def _serve(self, command: str) -> None:
        with (self.home / "server.log").open("wb") as log:
            self.server = subprocess.Popen(
                shlex.split(command), cwd=self.home, env=self.environ, stdout=log, stderr=log,
                executable=self.hub / "hub",
            )  # fmt: skip
        wait_for(self._is_ready, "the hub to be ready")

    def _is_ready(self) -> bool:
        assert self.server is not None
        assert self.server.poll() is None, self._said()
        try:
            return requests.get(f"{self.values['url']}/readyz", timeout=PATIENCE_SECONDS).ok
        except requests.RequestException:
            return False

    def _said(self) -> str:
        log = self.home / "server.log"
        return log.read_text() if log.exists() else ""

    def stop(self) -> None:
        if self.server is not None:
            self.server.send_signal(signal.SIGTERM)
            self.server.wait(PATIENCE_SECONDS)


def _keys(cert: str) -> dict[str, str]:
    return {purpose: f"{cert}-{purpose}.pem" for purpose in ("submit", "agreement")}


@contextmanager
def cluster(database: str) -> Iterator[str]:
    """Give the folder of a cluster without a user or database of the hub's; nothing for SQLite."""
    if database == "sqlite":
        yield ""
        return
    home = postgres.make_home(scratch.folder())
    try:
        postgres.ensure_started(home)
        yield str(home)
    finally:
        postgres.remove(home)


@pytest.fixture(params=["sqlite", "postgresql"])
def follower(
    request: pytest.FixtureRequest, tmp_path: Path, installed_commands: Path
) -> Iterator[tuple[Follower, bool]]:
    port = free_port()
    (tmp_path / "backup").mkdir()
    shutil.copy(ROOT / "config" / "agreements" / "us-kr.toml", tmp_path)
    moment = "2026-01-01T00:00:00.000Z"
    samples = [
        one | {"created": moment, "modified": moment}
        for one in (malware(1, tlp="green"), indicator(2, tlp="green"), malware(3))
    ]
    (tmp_path / "report.json").write_text("\n".join(map(json.dumps, samples[:2])))
    (tmp_path / "other.json").write_text(json.dumps(samples[2]))
    (tmp_path / "passphrase").write_text("a passphrase of one's own\n")
    with cluster(request.param) as folder:
        values = {
            "home": str(tmp_path),
            "port": str(port),
            "url": f"http://127.0.0.1:{port}",
            "cluster": folder,
            "database_url": f"postgresql+psycopg://hub@/hub?host={folder}",
            "malware": str(samples[0]["id"]),
            "indicator": str(samples[1]["id"]),
        }
        environ = installed.environ(tmp_path) | {"HUB_KEY_PASSPHRASE_FILE": str(tmp_path / "passphrase")}
        programs = [
            str(installed_commands),
            *([str(postgres.programs())] if folder else []),
            os.environ["PATH"],
        ]
        follower = Follower(tmp_path, installed_commands, values, environ | {"PATH": ":".join(programs)})
        try:
            yield follower, bool(folder)
        finally:
            follower.stop()


def test_readme_can_be_followed_to_its_end(follower: tuple[Follower, bool]) -> None:
    reader, is_postgresql = follower
    for block in blocks():
        for line in block:
            is_for_postgresql = any(word in line for word in ONLY_ON_POSTGRESQL)
            if is_for_postgresql and not is_postgresql:
                continue
            if line.startswith(LEFT_OUT) and not is_for_postgresql:
                continue
            reader.follow(line)
    assert "Traceback" not in reader._said()
    kinds = {shlex.split(line)[1] for line in reader.typed if line.startswith("hub ")}
    assert {"init", "member", "key", "token", "serve", "keygen", "push", "poll", "agreement"} <= kinds
    assert kinds <= _ON_THE_HUB.keys() | _AT_A_MEMBER.keys()


def test_every_placeholder_stands_in_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in PLACEHOLDERS if name not in text] == []
