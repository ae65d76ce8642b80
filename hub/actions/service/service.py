"""The open hub: what every act needs, and the secrets that are kept beside the database."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hub import files
from hub.actions.service.disclosing import Disclosures
from hub.actions.service.in_force import InForce
from hub.actions.service.token_use import Uses
from hub.errors import SettingsError
from hub.model import Limits, Registry
from hub.store.database.connection import Store

_SECRET_BYTES: Final = 32
_PEPPER: Final = "token-pepper"
_CURSOR_KEY: Final = "cursor-key"


@dataclass(frozen=True, slots=True)
class Secrets:
    """32 bytes each: the pepper under which tokens are stored, and the key that seals cursors."""

    pepper: bytes
    cursor_key: bytes


@dataclass(frozen=True, slots=True)
class Service:
    """The open hub. What time it is says the store's database; acts ask it, rules never do."""

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


def create_secrets(directory: Path) -> None:
    """Make the secrets that are missing, readable by their owner alone. Repeating is harmless."""
    files.make_folder(directory)
    for name in (_PEPPER, _CURSOR_KEY):
        path = directory / name
        if not path.exists():
            with os.fdopen(files.create(path), "wb") as file:
                file.write(secrets.token_bytes(_SECRET_BYTES))


def read_secrets(directory: Path) -> Secrets:
    """Return the secrets kept in `directory`. Raises SettingsError when one is missing or damaged."""
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
