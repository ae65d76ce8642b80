"""Agreements of a nation: made, signed and ended by its cert, with the cert's own key.

Every member may ask which readers see an object, why, and which members have fetched the object.
"""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from hub.client.agreement import reviewing
from hub.client.agreement.pins import NO_PINS, Pins
from hub.client.agreement.reviewing import Finding, Review, StoppedSteps
from hub.client.agreement.signers import Signers, check
from hub.client.errors import ClientError, Unreachable
from hub.client.http import answers
from hub.client.http.connection import JSON, Connection, segment
from hub.client.input.writing import json_bytes
from hub.model import JsonObject
from hub.proofs import documents, keys

_HEADERS: Final = {"Accept": JSON, "Content-Type": JSON}
# Statuses of a hub that does not show an agreement: only parties see it (policy 5).
_NOT_SHOWN: Final = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
_ADDRESSES: Final = {
    "sign": "signatures/",
    "suspend": "suspension/",
    "resume": "resumption/",
    "terminate": "termination/",
}


class Governance:
    """The agreements of one hub, as far as one member may see and change agreements.

    Agreements need a token of scope `govern`, or an auditor's token. A change also needs the nation's
    `agreement` key. A `Review` is verified here; a `JsonObject` is the hub's word. `pins` are the keys that
    people of the nations have named. Every method raises ClientError for a refusal.
    """

    def __init__(
        self, connection: Connection, base_url: str, key: keys.PrivateKey | None, pins: Pins = NO_PINS
    ) -> None:
        self.pins = pins
        self._connection = connection
        self._agreements_url = f"{base_url}/governance/agreements/"
        self._simulations_url = f"{base_url}/governance/simulations/"
        self._members_url = f"{base_url}/governance/members/"
        self._explanations_url = f"{base_url}/governance/explanations/"
        self._disclosures_url = f"{base_url}/governance/disclosures/"
        self._recoveries_url = f"{base_url}/governance/recoveries/"
        self._key = key

    def members(self) -> list[JsonObject]:
        """Return the cert of each nation with its agreement keys, and the members of the own nation."""
        return answers.parts(self._connection.get(self._members_url, {"Accept": JSON}), "members")

    def agreements(self) -> list[JsonObject]:
        """Return the agreements that this member may see."""
        return answers.parts(self._connection.get(self._agreements_url, {"Accept": JSON}), "agreements")

    def agreement(self, agreement_id: str) -> JsonObject:
        """Return the hub's view of an agreement. Raises ClientError when the view has another id."""
        view = self._connection.get(self._url(agreement_id), {"Accept": JSON})
        if view.get("id") != agreement_id:
            raise ClientError(
                f"the hub answered with another agreement than {agreement_id}: nothing was signed"
            )
        return view

    def simulate(self, document: JsonObject) -> JsonObject:
        """Return the releases and withdrawals that would follow if the agreement came into force now."""
        answer = self._connection.post(
            self._simulations_url, _HEADERS, data=json_bytes(document, "the agreement")
        )
        for part in ("released", "withdrawn", "examples"):
            answers.parts(answer, part)
        if "recent" in answer:  # an older hub does not send this part
            answers.parts(answers.part(answer, "recent"), "released")
        return answer

    def explanation(self, stix_id: str, version: str | None, recipient: str | None) -> JsonObject:
        """Return the hub's decision on a version for each nation; under `records` if the id has several."""
        given = {"object": stix_id, "version": version, "to": recipient}
        asked = {name: value for name, value in given.items() if value is not None}
        found = self._connection.get(self._explanations_url, {"Accept": JSON}, asked)
        for one in answers.parts(found, "records") if "records" in found else [found]:
            answers.parts(one, "decisions")
        return found

    def disclosures(self, stix_id: str) -> list[JsonObject]:
        """Return the members that have fetched an object, the earliest first, or only their number."""
        found = self._connection.get(self._disclosures_url, {"Accept": JSON}, {"object": stix_id})
        return answers.parts(found, "disclosures")

    def recoveries(self) -> list[JsonObject]:
        """Return the new keys that shall follow lost keys of certs, as far as the own nation is concerned."""
        return answers.parts(self._connection.get(self._recoveries_url, {"Accept": JSON}), "recoveries")

    def confirm_recovery(self, member: str, thumbprint: str) -> JsonObject:
        """Confirm the key with this thumbprint as the new key of another nation's cert, after a loss.

        `member` and `thumbprint` come from the people of that cert, never from the hub. Where the hub's
        statement differs, nothing is signed and ClientError is raised.
        """
        waiting: list[Any] = [
            one.get("statement") for one in self.recoveries() if one.get("thumbprint") == thumbprint
        ]
        if not waiting:
            raise ClientError(
                f"no key {thumbprint} waits for your confirmation: compare it with what {member} has told you"
            )
        statement, named = waiting[0], {"typ": "recover", "member": member, "thumbprint": thumbprint}
        # INVARIANT: the signed statement names the given member and thumbprint, and has the expected members
        # alone.
        is_whole = isinstance(statement, dict) and statement.keys() == {*named, "hub", "nation", "previous"}
        if not is_whole or any(statement[name] != value for name, value in named.items()):
            raise ClientError(
                f"the hub has the key {thumbprint} for another than {member}: nothing was signed"
            )
        jws = documents.sign_recovery(statement, self._own_key())
        return self._post(f"{self._recoveries_url}{thumbprint}/confirmation/", {"jws": jws})

    def signers(self) -> Signers:
        """Return the agreement keys that the hub names, with the user's own knowledge of each key."""
        own = None if self._key is None else self._key.thumbprint
        return Signers.read(self.members(), self.pins, own)

    def review(self, agreement_id: str) -> Review:
        """Return an agreement as verified here: document, signatures, and the superseded agreement."""
        return self._reviewed(self.agreement(agreement_id), self.signers())

    def propose(self, document: JsonObject) -> Review:
        """Propose an agreement and return the proposal under its new id. Nothing is signed.

        Raises ClientError where a party's key differs from the pinned key, and where the hub keeps another
        document than the document sent.
        """
        signers = self.signers()
        parties = document.get("parties")
        nations = [one for one in parties if isinstance(one, str)] if isinstance(parties, list) else []
        check(signers.objections(nations))
        view = self._post(self._agreements_url, document)
        self._url(str(view.get("id")))  # the id goes into a command for the user to type
        kept = self._document(view, str(view.get("id")))
        if differing := reviewing.other_members(document, kept):
            raise ClientError(
                f"The hub keeps another document under {kept['id']} than was proposed: it differs in "
                f"{', '.join(differing)}. Sign nothing of it; `hub agreement terminate {kept['id']}`."
            )
        return self._reviewed(view, signers)

    def take(self, reviewed: Review, step: str) -> Review:
        """Take a step on the reviewed document, and return the review of the hub's answer.

        `step` is a member of `reviewing.STEPS`. Raises ClientError, and signs nothing, for each objection of
        the review to the step. Raises ClientError, too, when the hub answers with another document than the
        signed document, or without the step.
        """
        key = self._own_key()
        check(reviewed.objections(step))
        # INVARIANT: the signed document is the reviewed document, never fetched again (policy 5: "What is
        # signed is what was read").
        previous = None if step == "sign" else reviewed.last_event
        payload = {"typ": step, "agreement": reviewed.document, "previous": previous}
        jws = documents.sign_document(payload, key)
        view = self._post(self._url(reviewed.id) + _ADDRESSES[step], {"jws": jws})
        document = self._document(view, reviewed.id)
        if reviewing.digest_of(document) != reviewed.digest:
            raise ClientError(
                f"the hub answered with another document than the one that was signed, {reviewed.digest}: "
                "show it to the other parties"
            )
        former, problem = reviewed.former, reviewed.former_problem
        taken = reviewing.review(view, reviewed.signers, datetime.now(UTC), former, problem)
        # The answer is verified like any view: success of the request does not prove that the hub kept the
        # step.
        if not taken.has(jws):
            raise ClientError(
                f"the hub has taken your {step!r} and does not give it among the steps of {reviewed.id}: it "
                "may not have kept it; look with `hub agreement show`, and tell its operator and the parties"
            )
        return taken

    def _reviewed(self, view: JsonObject, signers: Signers) -> Review:
        """Return the review of a view, with the review of the superseded agreement."""
        document = self._document(view, str(view.get("id")))
        now, former, problem = datetime.now(UTC), None, None
        not_fetched = Finding("it is not looked at", StoppedSteps.NOTHING)  # one step back alone is fetched
        if "supersedes" in document:
            try:
                before = self.agreement(str(document["supersedes"]))
                self._document(before, str(document["supersedes"]))
                former = reviewing.review(before, signers, now, None, not_fetched)
            except Unreachable:
                raise
            except ClientError as error:
                # Only parties see the former agreement (policy 5). A new party must be able to sign all the
                # same.
                stops = StoppedSteps.NOTHING if error.status in _NOT_SHOWN else StoppedSteps.GIVING
                problem = Finding(str(error), stops)
        return reviewing.review(view, signers, now, former, problem)

    def _document(self, view: JsonObject, agreement_id: str) -> JsonObject:
        document = _writable(view).get("document")
        if not isinstance(document, dict) or document.get("id") != agreement_id:
            raise ClientError(
                f"the document that the hub gave for {agreement_id} is another's: nothing was signed"
            )
        return document

    def _post(self, url: str, body: JsonObject) -> JsonObject:
        self._own_key()  # a clearer sentence than the hub's refusal
        # Not repeatable: after a lost answer, a second attempt would make a second proposal.
        return self._connection.post(
            url, _HEADERS, data=json_bytes(body, "the agreement"), is_repeatable=False
        )

    def _own_key(self) -> keys.PrivateKey:
        if self._key is None:
            raise ClientError(
                "agreements are changed with the nation's agreement key: give its file (--key, HUB_KEY)"
            )
        return self._key

    def _url(self, agreement_id: str) -> str:
        named = segment(agreement_id, "no agreement id: see `hub agreement list`")
        return f"{self._agreements_url}{named}/"


def _writable(answer: JsonObject) -> JsonObject:
    """Return the answer if orjson can write the answer as JSON again, which excludes endless nesting."""
    json_bytes(answer, "the hub's answer cannot be read: it")
    return answer
