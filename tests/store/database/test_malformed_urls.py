"""A database URL that cannot be used is told so, and no part of it is repeated: it may be the password."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from hub.actions.service.service import create_secrets
from hub.cli import main
from hub.errors import HubError, SettingsError
from hub.store.database.connection import Store

_SECRET = "marker-of-a-password"
_MALFORMED = [
    "postgresql+psycopg://hub:{}",
    "postgresql+psycopg://hub:{}@",
    "postgresql+psycopg://hub:{}@host",
    "postgresql+psycopg://hub:{}@host/",
    "postgresql+psycopg://hub:{}@host:port/hub",
    "postgresql+psycopg://hub:x@host:{}/hub",
    "postgresql+psycopg://hub:a@{}@127.0.0.1/hub",
    "postgresql+psycopg://hub:a@{}/b@127.0.0.1/hub",
    "postgresql+psycopg://hub:a@{}/b?c@127.0.0.1/hub",
    "postgresql+psycopg://hub:a:b@{}:1@127.0.0.1/hub",
    "postgresql+psycopg://hub@x:{}@y@127.0.0.1/hub",
    "postgresql+psycopg://[hub:{}@127.0.0.1/hub",
    "postgresql+psycopg://hub:{}@[::1/hub",
    "postgresql+psycopg://hub:{}@127.0.0.1:99999/hub",
    "postgresql+psycopg://hub:{}@127.0.0.1:1,127.0.0.1:2/hub",
    "postgresql+psycopg://hub:x@127.0.0.1/hub?passwort={}",
    "postgresql+psycopg://hub:x@127.0.0.1/hub?connect_timeout={}",
    "postgresql+psycopg://hub:x@127.0.0.1/hub?port={}",
    "postgresql+psycopg://hub:x@/hub?host=a:1&host=b:{}",
    "postgresql+psycopg://hub:x@127.0.0.1/hub?prepare_threshold={}",
    "postgresql+psycopg://hub:x@127.0.0.1:1/hub?password={}&nothing",
    "postgresql+psycopg2://hub:{}@127.0.0.1/hub",
    "postgresql://hub:{}@127.0.0.1/hub",
    "postgres://hub:{}@127.0.0.1/hub",
    "mysql://hub:{}@127.0.0.1/hub",
    "hub:{}@127.0.0.1/hub",
    "sqlite://hub:{}@127.0.0.1/hub",
    "postgresql+psycopg://hub/{}@127.0.0.1:1/hub",
    "postgresql+psycopg://hub:1/{}%40127.0.0.1:1/hub",
    "postgresql+psycopg://127.0.0.1:1/hub?user=hub;password={}",
    "postgresql+psycopg://127.0.0.1:1/hub?user=hub%20password={}",
    "postgresql+psycopg://127.0.0.1:1/hub;password={}",
    "postgresql+psycopg://127.0.0.1:1/hub&password={}",
    "postgresql+psycopg://127.0.0.1:1/hub password={}",
    "postgresql+psycopg:///postgresql://hub:{}@h/hub?host=127.0.0.1&port=1",
    "postgresql+psycopg:///host=127.0.0.1 password={}?port=1",
    "{}",
    "://{}",
]


@pytest.mark.parametrize("form", _MALFORMED)
def test_a_url_that_cannot_be_used_repeats_no_password(form: str) -> None:
    with pytest.raises(HubError) as caught:
        Store.open(form.format(_SECRET)).is_current()
    assert _SECRET not in f"{caught.value} {caught.value.in_full} {caught.value!r}"
    if isinstance(caught.value, SettingsError):
        assert str(caught.value).startswith("database_url: ")


_COMMANDS = [("check", form) for form in _MALFORMED] + [
    (command, form) for command in ("init", "serve", "backup copy", "work --once") for form in _MALFORMED[:5]
]


@pytest.mark.parametrize(("command", "form"), _COMMANDS)
def test_no_command_prints_the_password_of_a_malformed_url(tmp_path: Path, command: str, form: str) -> None:
    environ = {"HUB_HOME": str(tmp_path), "HUB_DATABASE_URL": form.format(_SECRET)}
    create_secrets(tmp_path / "var" / "secrets")
    done = CliRunner().invoke(main, command.split(), env=environ)
    assert done.exit_code == 1, done.output
    assert isinstance(done.exception, SystemExit), done.exception
    assert _SECRET not in done.output
    assert done.stderr.startswith("hub: ")
