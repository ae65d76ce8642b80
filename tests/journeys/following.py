"""Types the commands of the documents line by line, with the commands of an installed wheel.

All machines of the guides share one folder here. README's lines are typed unchanged. In the guides the CERT
of the United States types the lines of a member, with the key that the command needs, unless the page says
otherwise.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import requests

from hub.cli import _AT_A_MEMBER, _ON_THE_HUB
from tests import installed
from tests.documents import ROOT
from tests.patience import PATIENCE_SECONDS, wait_for
from tests.ports import free_port
from tests.stix_objects import indicator, malware

# Lines that change the machine, or have a separate test. The installed wheel replaces `pip install .`.
LEFT_OUT = (
    "scripts/demo",
    "scripts/test",
    "scripts/bench --quick",
    "scripts/bench --size 1000 --size 1000000 --keep /srv/measured --json measured.json",
    "scripts/bench --only TAIL --only GET --database sqlite --no-peers",
    "scripts/bench --profile",
    "python3 -m venv /opt/hub/.venv && /opt/hub/.venv/bin/pip install .",
    "export PATH=/opt/hub/.venv/bin:$PATH",
    "sudo useradd --system hub",
    "sudo cp deploy/hub.service /etc/systemd/system/",
    "sudo systemctl enable --now hub",
    "sudo cp deploy/nginx.conf /etc/nginx/conf.d/hub.conf",
    "sudo nginx -t && sudo systemctl reload nginx",
)
# Values that the documents leave to their reader, with the values of this test.
PLACEHOLDERS = {
    "/srv/hub": "{home}/hub",
    "https://hub.example.org": "{url}",
    "127.0.0.1:8000": "127.0.0.1:{port}",
    "postgresql+psycopg://hub:PASSWORD@127.0.0.1/hub": "{database_url}",
    "sudo -u postgres createuser --pwprompt": "createuser -h {cluster} -U postgres",
    "sudo -u postgres createdb": "createdb -h {cluster} -U postgres",
    "/backup/": "{home}/backup/",
    "HUB_TOKEN=…": "HUB_TOKEN={us-cert}",
    "agreement--…": "{agreement}",
    "malware--…": "{malware}",
    "indicator--…": "{indicator}",
    "PUBLIC-ID": "{public_id}",
    "us-cert THUMBPRINT": "us-cert {new.pem}",
    "key revoke THUMBPRINT": "key revoke {grid-submit.pem}",
    "KR THUMBPRINT": "KR {next.pem}",
    "EARLIER-THUMBPRINT": "{kr-agreement.pem}",
    "LOST-THUMBPRINT": "{us-agreement.pem}",
    "6f1b9d5e-…": "{status}",
    "sha-256:…": "{digest}",
}
# The same for Python programs. `Follower.run` also defines the names that the page does not define.
IN_PROGRAMS = {
    "https://hub.example.org": "{url}",
    "us-collection-id": "7acaa9a4-b60a-4ad4-8bb8-a786e2c19f3d",  # of config/nations.toml
    '"agency.pem"': '"us-submit.pem"',
    "jp-cert": "us-cert",
    "[...]": "[given]",
}
ONLY_ON_POSTGRESQL = ("createuser", "createdb", "HUB_DATABASE_URL")
# Commands that ask a question on a terminal, with the option that answers.
ANSWERS = {"hub restore ": " --yes", "hub delete ": " --yes"}
# Commands that another CERT types, alone or too.
AS_KOREA = ("hub recovery ",)
KOREA_TOO = ("hub agreement sign ",)
# A further nation for nations.toml.
NEW_ZEALAND = """
[[nations]]
code = "NZ"
name = "New Zealand"
collection_id = "0d7c3c86-9d0a-4f2b-8f29-6a2d1f0f1a11"
identity_id = "identity--0d7c3c86-9d0a-4f2b-8f29-6a2d1f0f1a12"
rel_to_id = "marking-definition--0d7c3c86-9d0a-4f2b-8f29-6a2d1f0f1a13"
"""


@dataclass
class Follower:
    """A user at a terminal: a folder, an environment, and the values that earlier commands printed."""

    home: Path
    hub: Path
    values: dict[str, str]
    environ: dict[str, str]
    is_literal: bool = False
    keys: dict[str, dict[str, str]] = field(
        default_factory=lambda: {cert: _keys(cert) for cert in ("us", "kr")}
    )
    server: subprocess.Popen[bytes] | None = None
    served: str = ""
    typed: list[str] = field(default_factory=list)

    def follow(self, lines: list[str]) -> None:
        """Type each line that is safe on this machine. The first failing line fails the test."""
        for line in lines:
            is_for_postgresql = any(word in line for word in ONLY_ON_POSTGRESQL)
            if line not in LEFT_OUT and (self.values["cluster"] or not is_for_postgresql):
                self._type(line)

    def run(self, program: str) -> None:
        """Run a program of a page with the installed packages. An exception fails the test."""
        given = indicator(9, tlp="green")
        opened = {
            "token": self.values["us-cert"],
            "given": given,
            "object_id": given["id"],
            "last_seen": None,
        }
        for placeholder, value in IN_PROGRAMS.items():
            program = program.replace(placeholder, value.format(**self.values))
        lines = [*(f"{name} = {value!r}" for name, value in opened.items()), program]
        done = subprocess.run(
            [self.hub / "python", "-c", "\n".join(lines)], cwd=self.home, env=self.environ,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{program}\n{done.stderr}{self.said()}"

    def _type(self, line: str) -> None:
        command = self._filled(line)
        self.typed.append(line)
        if line.startswith("hub serve"):
            self._serve(command)
            return
        if "--add-nation" in line:
            with Path(self.environ["HUB_CONFIG"]).with_name("nations.toml").open("a") as file:
                file.write(NEW_ZEALAND)
        self._note(line, self._run(command, "kr" if line.startswith(AS_KOREA) else "us"))
        if line.startswith("hub init --"):
            self._serve_again()
        if line.startswith(KOREA_TOO) and not self.is_literal:
            self._run(command, "kr")

    def _filled(self, line: str) -> str:
        for placeholder, value in PLACEHOLDERS.items():
            line = line.replace(placeholder, value)
        line += "".join(answer for asked, answer in ANSWERS.items() if line.startswith(asked))
        for name, value in self.values.items():
            line = line.replace(f"{{{name}}}", value)
        return line

    def _run(self, command: str, cert: str) -> str:
        environ = dict(self.environ)
        words = shlex.split(command)
        if words[:1] == ["hub"] and words[1] in _AT_A_MEMBER and not self.is_literal:
            purpose = "submit" if words[1] in {"push", "delete"} else "agreement"
            environ |= {"HUB_TOKEN": self.values.get(f"{cert}-cert", ""), "HUB_KEY": self.keys[cert][purpose]}
            environ["HUB_PINS"] = str(self.home / f"{cert}-pins.json")
        kept = self.home / "environment"
        is_kept = "export " in command
        script = f"{command}\nenv -0 > {kept}" if is_kept else command
        done = subprocess.run(
            ["bash", "-euc", script], cwd=environ["PWD"], env=environ, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}{self.said()}"
        if is_kept:
            self.environ = dict(one.split("=", 1) for one in kept.read_text().split("\0") if one)
        return done.stdout

    def _note(self, line: str, said: str) -> None:
        """Store the printed values for later placeholders."""
        if found := re.match(r"hub token issue (\S+)", line):
            self.values[found[1]] = said.strip()
        elif line == "hub token list":
            (row,) = (row for row in said.splitlines() if "kr-grid" in row)
            self.values["public_id"] = re.findall(r"\S+", row)[0]
        elif found := re.match(r"hub keygen (\S+\.pem)", line):
            self.values[found[1]] = said.strip().splitlines()[-1]
        elif line.startswith("hub key register kr-cert next.pem"):
            self.keys["kr"]["agreement"] = "next.pem"
        elif "hub push" in line:
            self.values["status"] = re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", said)[-1]
        elif line.startswith("hub agreement propose"):
            self.values["agreement"] = re.findall(r"agreement--[0-9a-f-]{36}", said)[0]
            self.values["digest"] = re.findall(r"sha-256:\S+", said)[0]
        elif line.startswith("hub recovery confirm"):
            self.keys["us"]["agreement"] = "new.pem"

    # --- the hub ------------------------------------------------------------------------------------

    def _serve(self, command: str) -> None:
        words = shlex.split(command.partition("2>")[0])
        if "--bind" not in words:
            words += ["--bind", f"127.0.0.1:{self.values['port']}"]
        with (self.home / "server.log").open("ab") as log:
            self.server = subprocess.Popen(
                words, cwd=self.environ["PWD"], env=self.environ, stdout=log, stderr=log,
                executable=self.hub / "hub",
            )  # fmt: skip
        self.served = command
        wait_for(self._is_ready, "the hub to be ready")

    def _serve_again(self) -> None:
        self.stop()
        self._serve(self.served)

    def _is_ready(self) -> bool:
        assert self.server is not None
        assert self.server.poll() is None, self.said()
        try:
            return requests.get(f"{self.values['url']}/readyz", timeout=PATIENCE_SECONDS).ok
        except requests.RequestException:
            return False

    def said(self) -> str:
        log = self.home / "server.log"
        return log.read_text() if log.exists() else ""

    def stop(self) -> None:
        if self.server is not None:
            self.server.send_signal(signal.SIGTERM)
            self.server.wait(PATIENCE_SECONDS)
            self.server = None

    def commands(self) -> set[str]:
        """Return the typed commands of `hub`. Asserts that each command exists."""
        found = {name for line in self.typed for name in re.findall(r"\bhub ([a-z]+)", line)}
        return found & (_ON_THE_HUB.keys() | _AT_A_MEMBER.keys())


def _keys(cert: str) -> dict[str, str]:
    return {purpose: f"{cert}-{purpose}.pem" for purpose in ("submit", "agreement")}


def new_follower(home: Path, hub: Path, cluster: str = "", programs: Path | None = None) -> Follower:
    """Return a follower in `home`, with the files that the documents mention.

    `cluster` is the folder of a PostgreSQL cluster, and `programs` the folder of PostgreSQL's commands.
    """
    port = free_port()
    (home / "backup").mkdir()
    shutil.copytree(ROOT / "config", home / "config")
    shutil.copy(ROOT / "config" / "agreements" / "us-kr.toml", home)
    moment = "2026-01-01T00:00:00.000Z"
    samples = [
        one | {"created": moment, "modified": moment}
        for one in (malware(1, tlp="green"), indicator(2, tlp="green"), malware(3))
    ]
    (home / "report.json").write_text("\n".join(map(json.dumps, samples[:2])))
    (home / "other.json").write_text(json.dumps(samples[2]))
    (home / "passphrase").write_text("a passphrase of one's own\n")
    values = {
        "home": str(home),
        "port": str(port),
        "url": f"http://127.0.0.1:{port}",
        "cluster": cluster,
        "database_url": f"postgresql+psycopg://hub@/hub?host={cluster}",
        "malware": str(samples[0]["id"]),
        "indicator": str(samples[1]["id"]),
    }
    path = [str(hub), *([str(programs)] if programs else []), os.environ["PATH"]]
    environ = installed.environ(home) | {
        "HUB_KEY_PASSPHRASE_FILE": str(home / "passphrase"),
        "PATH": ":".join(path),
        "PWD": str(home),
    }
    return Follower(home, hub, values, environ)
