"""A nation's cert makes, signs and ends agreements: what its administrator does, with its own key.

And what every member may ask of the hub about an object: who sees it and why, and who has fetched it.
"""

from __future__ import annotations

import math
import tomllib
from datetime import UTC, date, datetime, time
from typing import Any, Final

import orjson

from hub.client import answers
from hub.client.connection import JSON, Connection
from hub.client.errors import ClientError
from hub.model import JsonObject
from hub.proofs import documents, keys

_HEADERS: Final = {"Accept": JSON, "Content-Type": JSON}
_GREATEST_INTEGER: Final = 2**53 - 1


def read_agreement(name: str, data: bytes) -> JsonObject:
    """Return the agreement document that a TOML file spells, its times as RFC 3339 text in UTC.

    Raises ClientError for what is not TOML and for values that have no exact JSON form: a date or a
    time of day alone, a time without an offset, a number that is not finite or beyond 2^53-1.
    """
    try:
        return {
            key: _json_value(f"{name}: {key}", value) for key, value in tomllib.loads(data.decode()).items()
        }
    except UnicodeDecodeError as error:
        raise ClientError(f"{name}: not UTF-8: save the file as UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        raise ClientError(f"{name}: not TOML: {error}") from error


class Governance:
    """The agreements of one hub as one of its members may see and change them.

    Agreements need a token of scope `govern`, or an auditor's; changing also the nation's `agreement` key.
    Every answer is the hub's view of an agreement. Raises ClientError for whatever is refused.
    """

    def __init__(self, connection: Connection, base_url: str, key: keys.PrivateKey | None) -> None:
        self._connection = connection
        self._agreements_url = f"{base_url}/governance/agreements/"
        self._simulations_url = f"{base_url}/governance/simulations/"
        self._members_url = f"{base_url}/governance/members/"
        self._explanations_url = f"{base_url}/governance/explanations/"
        self._disclosures_url = f"{base_url}/governance/disclosures/"
        self._recoveries_url = f"{base_url}/governance/recoveries/"
        self._key = key

    def members(self) -> list[JsonObject]:
        return answers.parts(self._connection.get(self._members_url, {"Accept": JSON}), "members")

    def agreements(self) -> list[JsonObject]:
        return answers.parts(self._connection.get(self._agreements_url, {"Accept": JSON}), "agreements")

    def agreement(self, agreement_id: str) -> JsonObject:
        view = self._connection.get(self._url(agreement_id), {"Accept": JSON})
        if view.get("id") != agreement_id:
            raise ClientError(
                f"the hub answered with another agreement than {agreement_id}: nothing was signed"
            )
        return view

    def simulate(self, document: JsonObject) -> JsonObject:
        """Return what an agreement would release and withdraw if it came into force now."""
        return self._connection.post(self._simulations_url, _HEADERS, data=orjson.dumps(document))

    def explanation(self, stix_id: str, version: str | None, recipient: str | None) -> JsonObject:
        """Return the hub's decision on a version for each nation; under `records` if the id has several."""
        given = {"object": stix_id, "version": version, "to": recipient}
        asked = {name: value for name, value in given.items() if value is not None}
        found = self._connection.get(self._explanations_url, {"Accept": JSON}, asked)
        for one in answers.parts(found, "records") if "records" in found else [found]:
            answers.parts(one, "decisions")
        return found

    def disclosures(self, stix_id: str) -> list[JsonObject]:
        """Return which members have fetched an object, the earliest first, or how many have."""
        found = self._connection.get(self._disclosures_url, {"Accept": JSON}, {"object": stix_id})
        return answers.parts(found, "disclosures")

    def recoveries(self) -> list[JsonObject]:
        """Return the keys that are to follow certs' lost ones, as far as they concern the own nation."""
        return answers.parts(self._connection.get(self._recoveries_url, {"Accept": JSON}), "recoveries")

    def confirm_recovery(self, member: str, thumbprint: str) -> JsonObject:
        """Confirm that the key with this thumbprint is the other nation's cert's, in place of a lost one.

        Both are what the people of that cert have said, never what the hub says: nothing is signed where it
        differs.
        """
        waiting: list[Any] = [
            one.get("statement") for one in self.recoveries() if one.get("thumbprint") == thumbprint
        ]
        if not waiting:
            raise ClientError(
                f"no key {thumbprint} waits for your confirmation: compare it with what {member} has told you"
            )
        statement, named = waiting[0], {"typ": "recover", "member": member, "thumbprint": thumbprint}
        is_whole = isinstance(statement, dict) and statement.keys() == {*named, "hub", "nation", "previous"}
        if not is_whole or any(statement[name] != value for name, value in named.items()):
            raise ClientError(
                f"the hub has the key {thumbprint} for another than {member}: nothing was signed"
            )
        jws = documents.sign_recovery(statement, self._own_key())
        return self._post(f"{self._recoveries_url}{thumbprint}/confirmation/", {"jws": jws})

    def propose(self, document: JsonObject) -> JsonObject:
        """Propose an agreement; the answer has the id that the hub gave it. It signs nothing."""
        return self._post(self._agreements_url, document)

    def sign(self, agreement_id: str) -> JsonObject:
        """Sign the whole document for the own nation. It comes into force when every party has."""
        document = self._document(self.agreement(agreement_id), agreement_id)
        return self._event(
            "signatures/", agreement_id, {"typ": "sign", "agreement": document, "previous": None}
        )

    def suspend(self, agreement_id: str) -> JsonObject:
        """Suspend the agreement for every party, until the own nation resumes it."""
        return self._next_event("suspension/", agreement_id, "suspend")

    def resume(self, agreement_id: str) -> JsonObject:
        """Take the own nation's suspension back; it binds again when nobody's is left."""
        return self._next_event("resumption/", agreement_id, "resume")

    def terminate(self, agreement_id: str) -> JsonObject:
        """End the agreement for every party, from the next request that the hub receives."""
        return self._next_event("termination/", agreement_id, "terminate")

    def _next_event(self, path: str, agreement_id: str, typ: str) -> JsonObject:
        view = self.agreement(agreement_id)
        document = self._document(view, agreement_id)
        payload = {"typ": typ, "agreement": document, "previous": view.get("last_event")}
        return self._event(path, agreement_id, payload)

    def _document(self, view: JsonObject, agreement_id: str) -> JsonObject:
        document = view.get("document")
        if not isinstance(document, dict) or document.get("id") != agreement_id:
            raise ClientError(
                f"the document that the hub gave for {agreement_id} is another's: nothing was signed"
            )
        return document

    def _event(self, path: str, agreement_id: str, payload: JsonObject) -> JsonObject:
        return self._post(
            self._url(agreement_id) + path, {"jws": documents.sign_document(payload, self._own_key())}
        )

    def _post(self, url: str, body: JsonObject) -> JsonObject:
        self._own_key()  # asked for here: the hub would refuse, less helpfully
        # Not repeatable: a proposal whose answer was lost would be made twice.
        return self._connection.post(url, _HEADERS, data=orjson.dumps(body), is_repeatable=False)

    def _own_key(self) -> keys.PrivateKey:
        if self._key is None:
            raise ClientError(
                "agreements are changed with the nation's agreement key: give its file (--key, HUB_KEY)"
            )
        return self._key

    def _url(self, agreement_id: str) -> str:
        # The id becomes a segment of the path: nothing in it may lead elsewhere.
        if not agreement_id or not all(c.isascii() and (c.isalnum() or c == "-") for c in agreement_id):
            raise ClientError(f"{agreement_id!r} is no agreement id: see `hub agreement list`")
        return f"{self._agreements_url}{agreement_id}/"


def _json_value(place: str, value: Any) -> Any:
    match value:
        case dict():
            return {key: _json_value(f"{place}.{key}", item) for key, item in value.items()}
        case list():
            return [_json_value(f"{place}[{index}]", item) for index, item in enumerate(value)]
        case datetime():
            return _instant(place, value)
        case date() | time():
            raise ClientError(f"{place}: write date, time and offset, as in 2026-01-01T00:00:00Z")
        case float() if not math.isfinite(value):
            raise ClientError(f"{place}: {value} is no number that JSON can carry")
        case int() if abs(value) > _GREATEST_INTEGER:
            raise ClientError(f"{place}: an integer beyond 2^53-1: write it as a string")
        case _:
            return value


def _instant(place: str, value: datetime) -> str:
    if value.tzinfo is None:
        raise ClientError(f"{place}: a time without an offset: write Z at its end if it is in UTC")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
