"""What members do: submit, delete, propose agreements and sign them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from hub.actions.agreement import agree
from hub.actions.submission import delete, submit
from hub.model import (
    Deletion,
    HttpRequest,
    NationCode,
    Outcome,
    Receipt,
    StixId,
    Submission,
    format_instant,
)
from hub.proofs import documents
from hub.proofs.keys import PrivateKey
from tests.stix_objects import Json
from tests.world.agreements import agreement
from tests.world.members import TAXII, URL, Members, cert


class Acts(Members):
    """The acts of the members."""

    # --- submissions ---

    def submission(self, member: str, *objects: Any, key: PrivateKey | None = None) -> Submission:
        """A submission of the objects as one envelope, signed if the service asks for signatures."""
        account, nation = self.account(member), self.nation_of(member)
        body = json.dumps({"objects": objects}).encode()
        request = HttpRequest("POST", URL + self.collection_path(nation), {"content-type": TAXII}, body)
        if self.service.require_signature:
            request = self.with_signature(request, key or account.submit_key)
        return Submission(account.caller, nation, request)

    def push(self, member: str, *objects: Any) -> Receipt:
        return submit.submit(self.service, self.submission(member, *objects))

    def accepted(self, member: str, *objects: Any) -> None:
        """Push objects that are expected to succeed."""
        failed = [outcome for outcome in self.push(member, *objects).outcomes if not outcome.succeeded]
        assert not failed

    def one(self, member: str, item: Any) -> Outcome:
        """Push one object, and return its outcome."""
        (outcome,) = self.push(member, item).outcomes
        return outcome

    def refusals(self, member: str, *objects: Json) -> list[str | None]:
        """Push after a second; return for each object None, or the sentence with which it is refused."""
        self.clock.wait()
        outcomes = self.push(member, *objects).outcomes
        return [None if outcome.succeeded else outcome.message for outcome in outcomes]

    def remarks(self, member: str, *objects: Json) -> list[str]:
        """Push objects that are accepted, after a second; return what the status says of each."""
        self.clock.wait()
        outcomes = self.push(member, *objects).outcomes
        assert all(outcome.succeeded for outcome in outcomes), outcomes
        return [outcome.message or "" for outcome in outcomes]

    def delete(self, member: str, id: str, origin: str | None = None, **filters: Any) -> None:
        """Delete an object of the member's nation, or of `origin`; `filters` as in a Deletion."""
        account = self.account(member)
        nation = NationCode(origin) if origin else self.nation_of(member)
        request = HttpRequest("DELETE", f"{URL}{self.collection_path(nation)}{id}/", {})
        if self.service.require_signature:
            request = self.with_signature(request, account.submit_key)
        delete.delete(self.service, Deletion(account.caller, nation, request, StixId(id), **filters))

    # --- agreements ---

    def propose(self, member: str, document: Json) -> Json:
        """Propose an agreement; return it as the member sees it."""
        return agree.propose(self.service, self.caller(member), self.governing(member, document))

    def agree(
        self,
        parties: Sequence[str],
        *clauses: Json,
        valid_from: datetime | None = None,
        valid_until: datetime | None = None,
        signers: Sequence[str] | None = None,
        **terms: Any,
    ) -> Json:
        """Propose and let all who must (or only `signers`) sign; return it as the first party sees it.

        It is valid from yesterday and for a year unless said otherwise; `terms` are those of the document.
        """
        document = agreement(
            *clauses,
            parties=list(parties),
            valid_from=format_instant(valid_from or self.clock.now - timedelta(days=1)),
            valid_until=format_instant(valid_until or self.clock.now + timedelta(days=365)),
            **{name: value for name, value in terms.items() if value is not None},
        )
        view = self.propose(cert(parties[0]), document)
        for party in view["to_sign"] if signers is None else signers:
            view = self.sign(view, party)
        return view

    def sign(self, view: Json, by: str) -> Json:
        """Sign for a nation; `by` is its code, or the id of its cert, here and in each later step."""
        return self._signed_step(agree.sign, "sign", by, view)

    def suspend(self, view: Json, by: str) -> Json:
        return self._signed_step(agree.suspend, "suspend", by, self.show(view, by))

    def resume(self, view: Json, by: str) -> Json:
        return self._signed_step(agree.resume, "resume", by, self.show(view, by))

    def terminate(self, view: Json, by: str) -> Json:
        return self._signed_step(agree.terminate, "terminate", by, self.show(view, by))

    def show(self, view: Json, by: str) -> Json:
        return agree.show(self.service, self.caller(cert(by)), view["id"])

    def jws(self, by: str, view: Json, typ: str, previous: str | None = None) -> str:
        """The event as the cert of a nation signs it."""
        payload = {"typ": typ, "agreement": view["document"], "previous": previous}
        return documents.sign_document(payload, self.account(cert(by)).govern_key)

    def step(self, act: Callable[..., Json], by: str, agreement_id: str, jws: str) -> Json:
        """Send a signed event, whatever it says, in a request of the nation's cert."""
        member = cert(by)
        return act(self.service, self.caller(member), self.governing(member, {"jws": jws}), agreement_id)

    def governing(self, member: str, document: Json) -> HttpRequest:
        """A request about agreements, signed by a cert."""
        return self.signed(self.account(member).govern_key, "/governance/agreements/", document)

    def _signed_step(self, act: Callable[..., Json], typ: str, by: str, view: Json) -> Json:
        previous = None if typ == "sign" else view["last_event"]
        return self.step(act, by, view["id"], self.jws(by, view, typ, previous))
