"""Members, agreements, decisions and disclosures over HTTP, as JSON: what the member-side commands use.

Reading needs a token, of agreements one of scope govern or an auditor's, and so do a simulation and a POST
that asks for explanations, which change nothing. Every change is a POST signed (RFC 9421) with the
nation's `agreement` key, and goes to `actions` as received: the signature is verified there, before the
body is parsed.
"""

from __future__ import annotations

from typing import Any, Final

import orjson
from flask import Blueprint, Flask, Response, request

from hub.actions.agreement import agree, recover, simulate
from hub.actions.oversight import disclosures, explain
from hub.actions.oversight.explain import ExplanationRequest
from hub.actions.submission import submissions
from hub.errors import BadFilter
from hub.model import NationCode, StixId, version_key
from hub.web.taxii import filters
from hub.web.taxii.identity import caller, rate_limits, service
from hub.web.taxii.negotiation import JSON, admit_json, received

_governance = Blueprint("governance", __name__, url_prefix="/governance")

_AGREEMENTS: Final = "/agreements/"
_AGREEMENT: Final = "/agreements/<string:agreement_id>/"
_NAME_SHOWN: Final = 60  # characters of a stranger's parameter name that a message repeats


def install(app: Flask) -> None:
    """Serve /governance/ from `app`."""
    app.register_blueprint(_governance)


_governance.before_request(admit_json)


@_governance.get("/members/")
def members() -> Response:
    """Return the certs of every nation with the thumbprints of their keys, and the caller's own nation."""
    return _json({"members": agree.participants(service(), caller())})


@_governance.get(_AGREEMENTS)
def agreements() -> Response:
    """Return the agreements that the nation of a cert that governs is party to; to an auditor all."""
    return _json({"agreements": agree.listing(service(), caller())})


@_governance.post(_AGREEMENTS)
def propose() -> Response:
    """Propose an agreement: 201 with its view, in which the hub has given it an id."""
    return _json(agree.propose(service(), caller(), received()), 201)


@_governance.get(_AGREEMENT)
def agreement(agreement_id: str) -> Response:
    """Return one agreement; 404 to whoever is not party to it, as for one that does not exist."""
    return _json(agree.show(service(), caller(), agreement_id))


@_governance.post(f"{_AGREEMENT}signatures/")
def sign(agreement_id: str) -> Response:
    """Add the nation's signature; the agreement comes into force with the last one."""
    return _json(agree.sign(service(), caller(), received(), agreement_id))


@_governance.post(f"{_AGREEMENT}termination/")
def terminate(agreement_id: str) -> Response:
    """End the agreement, from the next request received."""
    return _json(agree.terminate(service(), caller(), received(), agreement_id))


@_governance.post(f"{_AGREEMENT}suspension/")
def suspend(agreement_id: str) -> Response:
    """Suspend the agreement, from the next request received, until the nation resumes it."""
    return _json(agree.suspend(service(), caller(), received(), agreement_id))


@_governance.post(f"{_AGREEMENT}resumption/")
def resume(agreement_id: str) -> Response:
    """Take the nation's suspension back."""
    return _json(agree.resume(service(), caller(), received(), agreement_id))


@_governance.get("/recoveries/")
def recoveries() -> Response:
    """Return the keys that are to follow lost ones, as far as they concern the caller; to an auditor all."""
    return _json({"recoveries": recover.listing(service(), caller())})


@_governance.post("/recoveries/<string:thumbprint>/confirmation/")
def confirm(thumbprint: str) -> Response:
    """Let another nation's new agreement key be valid, and its lost one revoked."""
    return _json(recover.confirm(service(), caller(), received(), thumbprint))


@_governance.post("/simulations/")
def simulation() -> Response:
    """Return what the agreement in the body would release and withdraw; nothing is written."""
    return _json(simulate.simulate(service(), caller(), received().body))


@_governance.get("/explanations/")
def explanation() -> Response:
    """Return the decision on an object for each nation; 404 to whoever may not ask, as for no object."""
    asked = _parameters("object", "version", "to")
    version, recipient = asked.get("version"), asked.get("to")
    key = None if version is None else version_key(version)
    if version is not None and key is None:
        raise BadFilter("version: give it as the object has it, such as 2026-01-31T08:00:00.000Z")
    if recipient is not None and recipient not in service().registry.nations:
        raise BadFilter(f"to: give one nation of {', '.join(sorted(service().registry.nations))}")
    to = None if recipient is None else NationCode(recipient)
    return _json(explain.explain(service(), caller(), ExplanationRequest(StixId(asked["object"]), key, to)))


@_governance.post("/explanations/")
def explanations() -> Response:
    """Return the decisions on up to 1,000 objects, in the order of the body; nothing is written."""
    asked = explain.questions(received().body)
    told = explain.explain_many(service(), caller(), asked)
    rate_limits().charge(caller(), len(asked))
    return _json({"explanations": told})


@_governance.get("/submissions/")
def submitted() -> Response:
    """Return the caller's submissions, to a cert its nation's, to an auditor all; the newest first."""
    _parameters("limit", "next", "since")
    wish = submissions.SubmissionsRequest(
        limit=filters.limit(request.args, submissions.MOST),
        since=filters.moment(request.args, "since"),
        next=filters.cursor(request.args),
    )
    return _json(submissions.listing(service(), caller(), wish))


@_governance.get("/submissions/<string:submission_id>/")
def submission(submission_id: str) -> Response:
    """Return what became of each object of one of them; 404 to whoever may not know, as for none."""
    return _json(submissions.show(service(), caller(), submission_id))


@_governance.get("/disclosures/")
def disclosed() -> Response:
    """Return who has fetched an object, or how many have; 404 to whoever may not ask, as for no object."""
    asked = _parameters("object")
    return _json({"disclosures": disclosures.of_object(service(), caller(), StixId(asked["object"]))})


def _parameters(*known: str) -> dict[str, str]:
    """Return the query parameters; BadFilter for any other, for one given twice, without a known `object`."""
    for name, values in request.args.lists():
        if name not in known:
            raise BadFilter(
                f"{name[:_NAME_SHOWN]}: not a parameter of this address; it takes {', '.join(known)}"
            )
        if len(values) > 1:
            raise BadFilter(f"{name}: give it once")
    asked = {name: request.args[name] for name in known if name in request.args}
    if unspeakable := [name for name, value in asked.items() if not value or not value.isprintable()]:
        raise BadFilter(f"{unspeakable[0]}: empty or unprintable")
    if "object" in known and "object" not in asked:
        raise BadFilter("object: give the STIX id to ask about")
    return asked


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, content_type=JSON)
