"""A server that runs while the operator changes what decides answers 503 until it is started again."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from sqlalchemy import create_engine, text

from tests.journeys.live import live_hub
from tests.patience import PATIENCE_SECONDS, wait_for
from tests.stix_objects import sdo

CONFIG = Path(__file__).parents[2] / "config"


def hub(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hub", *arguments],
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_a_serving_hub_stands_still_until_it_is_restarted(database_url: str, tmp_path: Path) -> None:
    """And workers that begin meanwhile do not take the old file for the present one."""
    for file in CONFIG.glob("*.toml"):
        shutil.copy(file, tmp_path)
    nations = tmp_path / "nations.toml"
    with live_hub(database_url, tmp_path, config=str(tmp_path / "hub.toml")) as live:
        live.push("us-cert", [sdo("campaign", 1, tlp="green")])
        nations.write_text(
            re.sub('default_tlp = "amber"', 'default_tlp = "red"', nations.read_text(), count=1)
        )
        environ = dict(live.environ)
        refused = hub(environ, "member", "list")
        assert refused.returncode == 1
        assert f"{nations}: US.default_tlp: the file says red, the database keeps amber" in refused.stderr
        assert live.get("us-cert", "/allied/collections/").ok  # nothing has changed yet
        assert hub(environ, "init", "--apply").returncode == 0
        for answer in (
            live.get("us-cert", "/allied/collections/us/objects/"),
            live.get("us-cert", "/taxii2/"),
        ):
            assert answer.status_code == 503
        wait_for(lambda: requests.get(f"{live.url}/readyz", timeout=60).status_code == 503, "unready")
        assert "restart: the configuration was changed" in (tmp_path / "server.log").read_text()
    with live_hub(database_url, tmp_path, config=str(tmp_path / "hub.toml")) as live:
        assert requests.get(f"{live.url}/readyz", timeout=60).ok


@pytest.mark.parametrize("command", ["serve", "check", "member"])
def test_tables_of_an_edited_migration_stop_the_start(
    database_url: str, tmp_path: Path, command: str
) -> None:
    """Such a database has the number of this version's schema: it was ready, and answered 503 for ever."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    environ |= {"HUB_HOME": str(tmp_path), "HUB_DATABASE_URL": database_url}
    assert hub(environ, "init").returncode == 0
    engine = create_engine(database_url)
    with engine.begin() as connection:  # as the migration made it before somebody added a column to it
        connection.execute(text("ALTER TABLE token DROP COLUMN last_used_at"))
    engine.dispose()
    refused = hub(environ, command, *(["list"] if command == "member" else []))
    assert refused.returncode == 1
    assert "column token.last_used_at is missing" in refused.stderr
    assert "Traceback" not in refused.stderr
