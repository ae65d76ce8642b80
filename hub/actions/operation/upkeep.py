"""Cautions for the operator: exposed files, and tokens that expire soon, never, or are unused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from hub import files
from hub.actions.checks import Fault
from hub.actions.service.service import Service
from hub.model import say_instant
from hub.store.database import engines
from hub.store.members import members
from hub.store.members.members import StoredToken

_SOON: Final = timedelta(days=30)
_IDLE: Final = timedelta(days=90)


def exposed(database_url: str, secrets_dir: Path) -> list[Fault]:
    """Return a fault for each file and folder of the hub that other users of the machine may use.

    The files are an SQLite database with its side files, and the secrets with their folder. Raises
    SettingsError for an unusable URL.
    """
    # Nothing is repaired: a silent chmod would hide that the file was open (hub/README: wide-files-told).
    paths = [secrets_dir, *(sorted(secrets_dir.iterdir()) if secrets_dir.is_dir() else [])]
    file = engines.place(engines.parse(database_url)).file
    if file is not None:  # PostgreSQL keeps its own files
        paths += [file, *(file.with_name(file.name + suffix) for suffix in engines.BESIDE)]
    return [
        Fault(str(path), f"has mode {mode:04o}: others of this machine may use it; {files.remedy(path)}")
        for path, mode in files.exposed(paths)
    ]


def token_cautions(service: Service) -> Sequence[str]:
    """Return a sentence for each valid token that expires soon, never expires, or is unused."""
    with service.store.read(when_closed=True) as connection:
        now = service.store.now(connection)
        stored = members.tokens(connection)
    return [sentence for token in stored for sentence in _cautions(token, now)]


def _cautions(token: StoredToken, now: datetime) -> Iterator[str]:
    if token.revoked_at is not None or (token.expires_at is not None and token.expires_at <= now):
        return
    # An unused token is a secret that somebody may find; a token without end stays one for ever.
    name = f"token {token.public_id} of {token.member}"
    if token.expires_at is None:
        yield f"{name} never expires: issue another with `hub token issue`, then revoke it."
    elif token.expires_at <= now + _SOON:
        yield f"{name} expires {say_instant(token.expires_at)}: issue another with `hub token issue`."
    if (token.last_used_at or token.created_at) <= now - _IDLE:
        last = (
            "no use is on record" if token.last_used_at is None else f"last {say_instant(token.last_used_at)}"
        )
        yield f"{name} is not used ({last}): if nobody needs it, `hub token revoke {token.public_id}`."
