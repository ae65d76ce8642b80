"""`hub keygen`: makes a key pair on the owner's machine. The private key never leaves this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import click
import orjson

from hub.cli.output import json_option, print_json
from hub.cli.passphrases import new_passphrase, passphrase_of
from hub.errors import HubError
from hub.proofs import documents, keys


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--alg", default="ed25519", show_default=True, type=click.Choice(["ed25519", "p256"]))
@click.option(
    "--endorse",
    "old_key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The previous agreement key. Its endorsement of the new key goes to FILE.endorsement.jws.",
)
@click.option(
    "--passphrase",
    "is_encrypted",
    is_flag=True,
    help="Encrypt the key. The passphrase is asked twice, or read from the first line of the file in "
    "HUB_KEY_PASSPHRASE_FILE.",
)
@json_option
def keygen(
    file: Path, alg: Literal["ed25519", "p256"], old_key: Path | None, is_encrypted: bool, as_json: bool
) -> None:
    """Write a new private key to FILE (PEM, mode 0600) and the public key to FILE.pub.jwk."""
    # The old key is read first: a wrong passphrase must leave no new files.
    old = None if old_key is None else keys.read_private(old_key.read_bytes(), passphrase_of(old_key))
    public, endorsement = (file.with_name(f"{file.name}.{end}") for end in ("pub.jwk", "endorsement.jws"))
    for path in (public, endorsement):
        if path.exists():  # checked before the first write: half a key pair helps nobody
            raise _in_the_way(path)
    key = keys.generate(alg)
    # The mode is set on creation: at no moment can other users read the key.
    _create(file, keys.private_pem(key, new_passphrase(file) if is_encrypted else None), 0o600)
    _create(public, orjson.dumps(key.public.jwk, option=orjson.OPT_INDENT_2) + b"\n", 0o644)
    made = {"thumbprint": key.thumbprint, "alg": key.alg, "private": str(file), "public": str(public)}
    if old is not None:
        _create(endorsement, documents.endorse(key.public.jwk, old).encode() + b"\n", 0o644)
        made["endorsement"] = str(endorsement)
    print_json(made) if as_json else click.echo(key.thumbprint)


def _create(path: Path, data: bytes, mode: int) -> None:
    """Write a new file. Raises HubError if the file exists: a key is never overwritten."""
    # O_EXCL, not `exists`: of two commands at the same time one must fail.
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError as error:
        raise _in_the_way(path) from error
    except OSError as error:
        raise HubError(f"{path} cannot be written: {error.strerror}.") from error
    with os.fdopen(descriptor, "wb") as out:
        out.write(data)


def _in_the_way(path: Path) -> HubError:
    return HubError(f"{path} exists; choose another name, a key is never overwritten.")
