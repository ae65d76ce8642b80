"""The open hub, as every action gets it, and the secrets stored beside the database."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hub import files
from hub.actions.service.disclosing import Disclosures
from hub.actions.service.in_force import InForce
from hub.actions.service.kept import KeptTexts
from hub.actions.service.known_tokens import KnownTokens
from hub.actions.service.token_use import Uses
from hub.errors import SettingsError
from hub.model import Limits, Registry
from hub.store.database.connection import Store

_SECRET_BYTES: Final = 32
_PEPPER: Final = "token-pepper"
_CURSOR_KEY: Final = "cursor-key"


@dataclass(frozen=True, slots=True)
class Secrets:
    """Two secrets of 32 bytes: the pepper of stored token digests, and the key of sealed cursors."""

    # Outside the database: a copy of the database alone gives nobody a valid token or cursor.
    pepper: bytes
    cursor_key: bytes


@dataclass(frozen=True, slots=True)
class Service:
    """The open hub. Actions take the time from the database (`Store.now`); rules get `now` as an argument."""

    store: Store
    registry: Registry
    limits: Limits
    secrets: Secrets
    public_url: str
    api_root: str
    require_signature: bool
    in_force: InForce = field(default_factory=InForce)
    disclosures: Disclosures = field(default_factory=Disclosures)
    uses: Uses = field(default_factory=Uses)
    known_tokens: KnownTokens = field(default_factory=KnownTokens)
    kept: KeptTexts = field(default_factory=KeptTexts)


def create_secrets(directory: Path) -> None:
    """Make the missing secrets, readable by the owner alone. Repeating changes nothing."""
    files.make_folder(directory)
    for name in (_PEPPER, _CURSOR_KEY):
        path = directory / name
        # An existing secret stays: with another pepper no token would be valid.
        if not path.exists():
            with os.fdopen(files.create(path), "wb") as file:
                file.write(secrets.token_bytes(_SECRET_BYTES))


def read_secrets(directory: Path) -> Secrets:
    """Return the secrets in `directory`. Raises SettingsError for a missing or damaged secret."""
    return Secrets(_read(directory / _PEPPER), _read(directory / _CURSOR_KEY))


def _read(path: Path) -> bytes:
    try:
        value = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"secrets_dir: {path} cannot be read; run `hub init`, or restore it.") from error
    if len(value) != _SECRET_BYTES:
        raise SettingsError(
            f"secrets_dir: {path} must hold {_SECRET_BYTES} bytes; restore it from your copy."
        )
    return value
