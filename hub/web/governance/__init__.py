"""Members, agreements, decisions and disclosures over HTTP, as JSON.

The member-side commands use these addresses. Reading needs a token; reading agreements needs scope `govern`
or an auditor's token. So do simulations and explanations by POST, which change nothing. Every change is a
POST signed (RFC 9421) with the nation's `agreement` key. It goes to `actions` as received: the signature is
verified there before the body is parsed.
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
_NAME_SHOWN: Final = 60  # characters of a parameter's name in an error


def install(app: Flask) -> None:
    """Serve /governance/ from `app`."""
    app.register_blueprint(_governance)


# Authentication and rate limits come before every view.
_governance.before_request(admit_json)


@_governance.get("/members/")
def members() -> Response:
    """Return the certs of all nations with their agreement keys, and all members of the caller's nation."""
    return _json({"members": agree.participants(service(), caller())})


@_governance.get(_AGREEMENTS)
def agreements() -> Response:
    """Return the agreements of the nation of a cert with scope `govern`; to an auditor all agreements."""
    return _json({"agreements": agree.listing(service(), caller())})


@_governance.post(_AGREEMENTS)
def propose() -> Response:
    """Propose an agreement: 201 with its view and its new id."""
    return _json(agree.propose(service(), caller(), received()), 201)  # RFC 9110 section 15.3.2


@_governance.get(_AGREEMENT)
def agreement(agreement_id: str) -> Response:
    """Return one agreement; 404 to every nation outside, as for an absent one (policy 5)."""
    return _json(agree.show(service(), caller(), agreement_id))


@_governance.post(f"{_AGREEMENT}signatures/")
def sign(agreement_id: str) -> Response:
    """Add the nation's signature; the last signature puts the agreement in force (policy 5)."""
    return _json(agree.sign(service(), caller(), received(), agreement_id))


@_governance.post(f"{_AGREEMENT}termination/")
def terminate(agreement_id: str) -> Response:
    """Terminate the agreement, from the next request received (policy 5)."""
    return _json(agree.terminate(service(), caller(), received(), agreement_id))


@_governance.post(f"{_AGREEMENT}suspension/")
def suspend(agreement_id: str) -> Response:
    """Suspend the agreement, from the next request received, until the nation resumes it (policy 5)."""
    return _json(agree.suspend(service(), caller(), received(), agreement_id))


@_governance.post(f"{_AGREEMENT}resumption/")
def resume(agreement_id: str) -> Response:
    """End the nation's suspension."""
    return _json(agree.resume(service(), caller(), received(), agreement_id))


@_governance.get("/recoveries/")
def recoveries() -> Response:
    """Return the keys that shall follow lost keys, as far as the caller is concerned; to an auditor all."""
    return _json({"recoveries": recover.listing(service(), caller())})


@_governance.post("/recoveries/<string:thumbprint>/confirmation/")
def confirm(thumbprint: str) -> Response:
    """Put another nation's new agreement key in force, and revoke the lost key."""
    return _json(recover.confirm(service(), caller(), received(), thumbprint))


@_governance.post("/simulations/")
def simulation() -> Response:
    """Return the releases and withdrawals of the agreement in the body. Nothing is written."""
    return _json(simulate.simulate(service(), caller(), received().body))  # unsigned: nothing changes


@_governance.get("/explanations/")
def explanation() -> Response:
    """Return the decision on an object for each nation; 404 without the right to ask, as for no object."""
    asked = _parameters("object", "version", "to")
    version, recipient = asked.get("version"), asked.get("to")
    key = None if version is None else version_key(version)
    # Refused rather than ignored: the answer would be on another version than asked.
    if version is not None and key is None:
        raise BadFilter("version: give it as the object has it, such as 2026-01-31T08:00:00.000Z")
    if recipient is not None and recipient not in service().registry.nations:
        raise BadFilter(f"to: give one nation of {', '.join(sorted(service().registry.nations))}")
    to = None if recipient is None else NationCode(recipient)
    return _json(explain.explain(service(), caller(), ExplanationRequest(StixId(asked["object"]), key, to)))


@_governance.post("/explanations/")
def explanations() -> Response:
    """Return the decisions on up to 1,000 objects, in the order of the body. Nothing is written."""
    asked = explain.questions(received().body)
    explained = explain.explain_many(service(), caller(), asked)
    # Each explained object counts like a polled object.
    rate_limits().charge(caller(), len(asked))
    return _json({"explanations": explained})


@_governance.get("/submissions/")
def submitted() -> Response:
    """Return the newest submissions first: the caller's, a cert's nation's, or all to an auditor."""
    _parameters("limit", "next", "since")
    asked = submissions.SubmissionsRequest(
        limit=filters.limit(request.args, submissions.MOST),
        since=filters.moment(request.args, "since"),
        next=filters.cursor(request.args),
    )
    return _json(submissions.listing(service(), caller(), asked))


@_governance.get("/submissions/<string:submission_id>/")
def submission(submission_id: str) -> Response:
    """Return the outcomes of a submission's objects; 404 without the right to know, as for no submission."""
    return _json(submissions.show(service(), caller(), submission_id))


@_governance.get("/disclosures/")
def disclosed() -> Response:
    """Return the members that fetched an object, or their number; 404 without the right to ask."""
    # INVARIANT: no right and no object give the same bytes (policy 9): `disclosures` raises NotFound for
    # both.
    asked = _parameters("object")
    return _json({"disclosures": disclosures.of_object(service(), caller(), StixId(asked["object"]))})


def _parameters(*known: str) -> dict[str, str]:
    """Return the query parameters. Raises BadFilter for an unknown, repeated, empty or missing parameter."""
    # An ignored parameter could widen the answer.
    for name, values in request.args.lists():
        if name not in known:
            raise BadFilter(
                f"{name[:_NAME_SHOWN]}: not a parameter of this address; it takes {', '.join(known)}"
            )
        if len(values) > 1:
            raise BadFilter(f"{name}: give it once")
    asked = {name: request.args[name] for name in known if name in request.args}
    # PostgreSQL stores no NUL, and no id has an unprintable character.
    if unprintable := [name for name, value in asked.items() if not value or not value.isprintable()]:
        raise BadFilter(f"{unprintable[0]}: empty or unprintable")
    if "object" in known and "object" not in asked:
        raise BadFilter("object: give the STIX id to ask about")
    return asked


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, content_type=JSON)
