"""The next commands for an operator after `hub init`, by the state of the members."""

from __future__ import annotations

from typing import Final

from hub.actions.operation import administer
from hub.actions.service.service import Service
from hub.model import Kind, Member, NationCode, Purpose

_PURPOSES: Final = (Purpose.SUBMIT, Purpose.AGREEMENT)  # a cert needs a key for each


def next_steps(service: Service) -> list[str]:
    """Return lines: certs that are missing or cannot act yet, the commands for these, and `hub serve`."""
    certs = [one for one in administer.list_members(service) if one.kind is Kind.CERT]
    absent = [code for code in service.registry.nations if code not in {cert.nation for cert in certs}]
    lines = [line for cert in certs for line in _unfinished(service, cert)]
    if absent and not certs:
        lines += _first(absent[0])
    elif absent:
        lines.append(f"Without a CERT: {', '.join(absent)} (`hub member add ID --kind cert --nation CC`).")
    return [
        *lines,
        "To serve: hub serve",
        "To see who is there: hub member list, hub key list, hub token list",
    ]


def _first(nation: NationCode) -> list[str]:
    # The steps are printed for one nation only: the steps of the others differ in the code alone.
    cert = f"{nation.lower()}-cert"
    return [
        f"Next, a CERT for each nation; for {nation}:",
        "  on the CERT's machine, so that its private keys never leave it:",
        *(f"    hub keygen {purpose.value}.pem" for purpose in _PURPOSES),
        "  here, with the two files *.pub.jwk from there (compare the thumbprints by telephone):",
        f'    hub member add {cert} --nation {nation} --kind cert --name "National CERT"',
        *(f"    {_register(cert, purpose)}" for purpose in _PURPOSES),
        f"    {_issue(cert)}",
    ]


def _unfinished(service: Service, cert: Member) -> list[str]:
    keys = [key for key in administer.list_keys(service) if key.member == cert.id and key.revoked_at is None]
    missing = [purpose for purpose in _PURPOSES if purpose not in {key.purpose for key in keys}]
    lines = [_register(cert.id, purpose) for purpose in missing]
    if not any(t.member == cert.id and t.revoked_at is None for t in administer.list_tokens(service)):
        lines.append(_issue(cert.id))  # an expired token counts as issued: `hub token list` shows its end
    return [f"{cert.id} cannot act yet:", *(f"    {line}" for line in lines)] if lines else []


def _register(cert: str, purpose: Purpose) -> str:
    return f"hub key register {cert} {purpose.value}.pem.pub.jwk --purpose {purpose.value}"


def _issue(cert: str) -> str:
    return f"hub token issue {cert} --scope read,submit,govern"
