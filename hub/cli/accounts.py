"""Commands for members, tokens and keys. The operator uses these commands on the hub's own machine."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from hub.actions.agreement.recover import request as request_recovery
from hub.actions.operation import administer, upkeep
from hub.actions.operation.administer import OtherNames
from hub.cli.admin import opened
from hub.cli.output import json_option, print_json, print_table, warn
from hub.cli.thumbprints import ThumbprintCommand
from hub.errors import Unprocessable
from hub.model import Kind, Member, Purpose, RegisteredKey, Scope, format_instant
from hub.store.members.members import StoredToken


def _date(instant: datetime | None) -> str | None:
    return None if instant is None else format_instant(instant)


# --- members ------------------------------------------------------------------------------------


@click.group()
def member() -> None:
    """Register, name, list, suspend and resume members."""


def _member(found: Member) -> dict[str, Any]:
    # `identity` came with the account. `identities` has it too, and all that were registered later.
    return {
        "id": found.id,
        "nation": found.nation,
        "kind": found.kind.value,
        "name": found.name,
        "identity": found.identity,
        "identities": sorted({found.identity, *found.identities}),
        "suspended": found.is_suspended,
        "short_names": found.short_names,
        "domains": found.domains,
    }


_short_names = click.option(
    "--short-name",
    "short_names",
    multiple=True,
    help="A short name of the organisation, in any script. Kept at home with the name. Repeatable.",
)
_domains = click.option(
    "--domain", "domains", multiple=True, help="A domain of the organisation. Kept at home too. Repeatable."
)


@member.command("add")
@click.argument("id")
@click.option("--nation", metavar="CC", help="ISO 3166-1 alpha-2 code; none for auditors and operators.")
@click.option("--kind", required=True, type=click.Choice([kind.value for kind in Kind]))
@click.option("--name", required=True, help="The name of the organisation.")
@_short_names
@_domains
@json_option
def add_member(
    id: str,
    nation: str | None,
    kind: str,
    name: str,
    short_names: tuple[str, ...],
    domains: tuple[str, ...],
    as_json: bool,
) -> None:
    """Register the member ID (lower case)."""
    with opened() as service:
        # Codes are upper case (ISO 3166-1). Users type codes in both cases.
        code = None if nation is None else nation.upper()
        found = administer.add_member(service, id, code, Kind(kind), name, OtherNames(short_names, domains))
    if as_json:
        print_json(_member(found))
    else:
        click.echo(f"{found.id} is registered; its identity is {found.identity}.")


@member.command("alias")
@click.argument("id")
@_short_names
@_domains
@click.option("--remove", is_flag=True, help="Remove these short names and domains instead.")
@json_option
def alias_member(
    id: str, short_names: tuple[str, ...], domains: tuple[str, ...], remove: bool, as_json: bool
) -> None:
    """Add short names and domains of member ID. They count from the member's next submission on."""
    if not (short_names or domains):
        raise click.UsageError("give at least one --short-name or --domain")
    with opened() as service:
        found = administer.alias_member(service, id, OtherNames(short_names, domains), remove=remove)
    print_json(_member(found)) if as_json else click.echo(f"{id} is also known as: {_aliases(found)}.")


def _aliases(found: Member) -> str:
    return ", ".join((*found.short_names, *found.domains)) or "nothing"


@member.command("identity")
@click.argument("id")
@click.argument("identity")
@click.option(
    "--remove", is_flag=True, help="End this right. The identity made with the account always stays."
)
@json_option
def identify_member(id: str, identity: str, remove: bool, as_json: bool) -> None:
    """Let member ID submit objects with IDENTITY as created_by_ref. Ask its nation's cert first.

    Afterwards only the members with this identity, and their nation's cert, may submit such objects.
    """
    with opened() as service:
        change = administer.remove_identity if remove else administer.register_identity
        found = change(service, id, identity)
    if as_json:
        print_json(_member(found))
    else:
        click.echo(f"{id} speaks as: {', '.join(sorted({found.identity, *found.identities}))}.")


@member.command("list")
@json_option
def list_members(as_json: bool) -> None:
    """List every member."""
    with opened() as service:
        found = administer.list_members(service)
    if as_json:
        print_json([_member(one) for one in found])
        return
    rows = [
        (
            *(m.id, m.nation, m.kind.value, m.name),
            ", ".join((*m.short_names, *m.domains)),
            "suspended" if m.is_suspended else "",
        )
        for m in found
    ]
    headings = ("id", "nation", "kind", "name", "also known as", "")
    print_table(headings, rows, "There is no member yet; see `hub member add`.")


@member.command()
@click.argument("id")
@json_option
def suspend(id: str, as_json: bool) -> None:
    """Stop all tokens and keys of member ID at once."""
    with opened() as service:
        found = administer.suspend_member(service, id)
    print_json(_member(found)) if as_json else click.echo(f"{id} is suspended.")


@member.command()
@click.argument("id")
@json_option
def resume(id: str, as_json: bool) -> None:
    """Let the tokens and keys of member ID work again."""
    with opened() as service:
        found = administer.resume_member(service, id)
    print_json(_member(found)) if as_json else click.echo(f"{id} is resumed.")


# --- tokens -------------------------------------------------------------------------------------


@click.group()
def token() -> None:
    """Issue, list and revoke tokens."""


# The default scope is the narrowest: a leaked token from a forgotten option can only read.
@token.command()
@click.argument("member")
@click.option(
    "--scope", default="read", show_default=True, help="Any of read, submit, govern; separated by commas."
)
@click.option(
    "--expires",
    metavar="DAYS",
    type=click.IntRange(1, 3650),
    default=administer.TOKEN_DAYS,
    show_default=True,
    help="Days until the token expires.",
)
@json_option
def issue(member: str, scope: str, expires: int, as_json: bool) -> None:
    """Issue a token of MEMBER. The hub prints the secret once and does not store the secret."""
    scopes = _scopes(scope)
    with opened() as service:
        issued = administer.issue_token(service, member, scopes, expires)
    if as_json:
        print_json(
            {
                "member": issued.member,
                "public_id": issued.public_id,
                "token": issued.token,
                "scopes": sorted(issued.scopes),
                "expires": _date(issued.expires),
            }
        )
    else:
        # Nothing else on stdout, for `HUB_TOKEN=$(hub token issue …)`.
        click.echo(issued.token)


def _scopes(text: str) -> list[Scope]:
    try:
        return [Scope(part.strip()) for part in text.split(",")]
    except ValueError as error:
        raise click.BadParameter(
            "use read, submit and govern, separated by commas", param_hint="--scope"
        ) from error


def _token(found: StoredToken) -> dict[str, Any]:
    # The secret is absent: the hub keeps only its digest.
    return {
        "public_id": found.public_id,
        "member": found.member,
        "scopes": sorted(found.scopes),
        "created": _date(found.created_at),
        "expires": _date(found.expires_at),
        "revoked": _date(found.revoked_at),
        "last_used": _date(found.last_used_at),
    }


@token.command("list")
@json_option
def list_tokens(as_json: bool) -> None:
    """List all tokens with their last use, without secrets. Warnings about tokens go to stderr."""
    with opened() as service:
        stored = administer.list_tokens(service)
        cautions = upkeep.token_cautions(service)
    found = [_token(one) for one in stored]
    if as_json:
        print_json(found)  # without warnings: a program reads the dates itself
        return
    headings = ("public_id", "member", "scopes", "created", "expires", "last_used", "revoked")
    rows = [[",".join(t[h]) if h == "scopes" else t[h] for h in headings] for t in found]
    print_table(headings, rows, "There is no token yet; see `hub token issue`.")
    for caution in cautions:
        warn(caution)


@token.command("revoke")
@click.argument("public_id")
@json_option
def revoke_token(public_id: str, as_json: bool) -> None:
    """Stop the token PUBLIC_ID at once."""
    with opened() as service:
        administer.revoke_token(service, public_id)
    print_json({"public_id": public_id}) if as_json else click.echo(f"{public_id} is revoked.")


# --- keys ---------------------------------------------------------------------------------------


@click.group()
def key() -> None:
    """Register, list and revoke members' public keys."""


def _key(found: RegisteredKey) -> dict[str, Any]:
    return {
        "thumbprint": found.thumbprint,
        "alg": found.alg,
        "member": found.member,
        "purpose": found.purpose.value,
        "registered": _date(found.registered_at),
        "revoked": _date(found.revoked_at),
    }


@key.command()
@click.argument("member")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--purpose", required=True, type=click.Choice([purpose.value for purpose in Purpose]))
@click.option(
    "--endorsement",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="For a later agreement key: the JWS by the previous key (`hub keygen --endorse`).",
)
@json_option
def register(member: str, file: Path, purpose: str, endorsement: Path | None, as_json: bool) -> None:
    """Register the public key in FILE (JWK or PEM) as a key of MEMBER, for one purpose."""
    # Policy 5: the operator registers the first agreement key alone; a later key needs the endorsement.
    jws = None if endorsement is None else _text(endorsement)
    with opened() as service:
        found = administer.register_key(service, member, file.read_bytes(), Purpose(purpose), jws)
    print_json(_key(found)) if as_json else click.echo(f"{found.thumbprint} ({found.alg}) is registered.")


@key.command()
@click.argument("member")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--reason", required=True, help="What happened to the old key. The confirming cert reads this.")
@json_option
def recover(member: str, file: Path, reason: str, as_json: bool) -> None:
    """Replace the lost agreement key of the cert MEMBER by the public key in FILE (JWK or PEM).

    The new key is valid after the cert of another nation confirms the key (`hub recovery confirm`). If
    MEMBER's nation has agreements, that nation must be a party of one of these. The lost key is then
    revoked. Before the confirmation `hub key revoke` withdraws the new key.
    """
    # The key signs nothing before the confirmation: the operator alone must not replace a cert's key
    # (hub/README: lost-agreement-key).
    with opened() as service:
        found = request_recovery(service, member, file.read_bytes(), reason)
    if as_json:
        print_json(
            {
                "thumbprint": found.thumbprint,
                "alg": found.alg,
                "member": found.member,
                "previous": found.previous,
                "requested": _date(found.requested_at),
            }
        )
    else:
        click.echo(f"{found.thumbprint} ({found.alg}) waits to be confirmed by another nation's cert.")


def _text(path: Path) -> str:
    # A compact JWS is ASCII (RFC 7515). The signature itself is verified in `administer.register_key`.
    try:
        return path.read_text("ascii").strip()
    except UnicodeDecodeError as error:
        raise Unprocessable(
            f"{path}: is no compact JWS; give the file that `hub keygen --endorse` wrote."
        ) from error


@key.command("list")
@json_option
def list_keys(as_json: bool) -> None:
    """List all keys, revoked keys too."""
    # Revoked keys too: signatures made before the revocation stay valid, and are verified with these keys.
    with opened() as service:
        found = [_key(one) for one in administer.list_keys(service)]
    if as_json:
        print_json(found)
        return
    headings = ("thumbprint", "alg", "member", "purpose", "registered", "revoked")
    rows = [[one[heading] for heading in headings] for one in found]
    print_table(headings, rows, "There is no key yet; see `hub key register`.")


@key.command("revoke", cls=ThumbprintCommand)
@click.argument("thumbprint")
@click.option("--reason", required=True, help="Stored with the key.")
@json_option
def revoke_key(thumbprint: str, reason: str, as_json: bool) -> None:
    """Stop the key THUMBPRINT at once. Earlier signatures of the key stay valid."""
    with opened() as service:
        administer.revoke_key(service, thumbprint, reason)
    print_json({"thumbprint": thumbprint}) if as_json else click.echo(f"{thumbprint} is revoked.")
