"""What the hub tells about a case at its end: explanations, recalls, and that nothing is out of order."""

from __future__ import annotations

from hub.actions.checks import check
from hub.actions.oversight import explain
from hub.actions.oversight.explain import ExplanationRequest
from hub.errors import NotFound
from hub.model import StixId, version_key
from tests.oracle import OracleVersion
from tests.policy.cases import Deviates, Json, UnreadableCase
from tests.policy.playing import CasePlay
from tests.properties.test_explanations import AUDITOR, ask, expected
from tests.properties.unrecorded import unrecorded
from tests.stix_objects import stix_id

_ABSENT = StixId(stix_id("malware", 4_711))


def hold_to_explanations(play: CasePlay) -> None:
    """See that levels and reasons are those of the case, and that explanations say what polls do."""
    _agree_with_polls(play)
    for label, level in play.case.levels.items():
        version = _version(play, label)
        record = _record(play, label)
        if not version.level == record["effective_tlp"] == level:
            told = f"oracle: {version.level}, hub: {record['effective_tlp']}"
            raise Deviates(f"{play.place}: {label}\n  case: {level}, {told}")
    for question, words in play.case.why.items():
        label, _, nation = question.rpartition(" to ")
        (decision,) = [one for one in _record(play, label)["decisions"] if one["nation"] == nation]
        told = _told(play, decision)
        if words not in told:
            raise Deviates(f"{play.place}: {question}\n  case: {words}\n  hub:  {told}")
    for label, words in play.case.owner_hears.items():
        told = _owner_hears(play, label)
        if told != words:
            raise Deviates(f"{play.place}: the submitter of {label} hears\n  case: {words}\n  hub:  {told}")


def hold_to_what_is_told(play: CasePlay) -> None:
    """See what is left out of what is served in another form, and who is told what who asks."""
    for label, names in play.case.lacks.items():
        bodies = [
            body for m in play.readers for form, _, body in play.served(m) if play.label(*form) == label
        ]
        if not bodies or any(name in body for body in bodies for name in names):
            raise Deviates(f"{play.place}: {label} lacks {names}\n  hub:  {bodies or 'nobody is served it'}")
    for question, words in play.case.asks.items():
        reader, _, name = question.partition(" about ")
        told = _answer(play, reader, play.case_objects.id(name))
        if words not in told or (words == "nothing") != (told == "nothing"):
            raise Deviates(f"{play.place}: {question}\n  case: {words}\n  hub:  {told}")


def _answer(play: CasePlay, reader: str, id: str) -> str:
    """What the reader is told; what there is no answer to is told as what nobody ever submitted is."""
    assert play.world is not None
    caller = play.world.callers[reader]
    told, absent = explain.explain_many(
        play.world.service, caller, [ExplanationRequest(StixId(id)), ExplanationRequest(_ABSENT)]
    )
    if "error" in told:
        return "nothing" if told["error"] == absent["error"] else str(told["error"])
    return "; ".join(_told(play, one) for r in told.get("records", [told]) for one in r["decisions"])


def _told(play: CasePlay, decision: Json) -> str:
    if decision["decision"] == "withhold":
        return str(decision["reason"])
    names = {play.made[n]["id"]: name for name, n in play.names.items() if play.made[n] is not None}
    by = f" by {names[decision['agreement']]}, clause {decision['clause']}" if decision["agreement"] else ""
    return f"released{by}, from {decision['clearance']} up"


def _owner_hears(play: CasePlay, label: str) -> str:
    version = _version(play, label)
    assert play.world is not None
    asked = ExplanationRequest(StixId(version.id), version_key(version.text))
    try:
        found = explain.explain(play.world.service, play.world.callers[version.member], asked)
    except NotFound:
        return "nothing"
    records = found.get("records", [found])
    abroad = next(one["abroad"] for one in records if "abroad" in one)
    return ": ".join([abroad["decision"], *([", ".join(abroad["because"])] if abroad["because"] else [])])


def _agree_with_polls(play: CasePlay) -> None:
    """Who is told to be served an object is served it, and abroad nobody else is."""
    assert play.world is not None
    served = {
        reader: {
            (key[0][:2].upper(), *key[1:3])
            for key, _, _ in play.served(reader)
            if not key[3].startswith("link:")
        }
        for reader in play.readers
    }
    for id, text in {(v.id, v.text) for v in play.oracle.versions}:
        records = ask(play.world, AUDITOR, id, text)
        for reader in play.readers:
            home = reader[:2].upper()
            explained = {(one["origin"], id, text) for one in records if _is_told(reader, one)}
            seen = {one for one in served[reader] if one[1:] == (id, text)}
            if not explained <= seen or {one for one in seen - explained if one[0] != home}:
                raise Deviates(f"{play.place}: {reader} is served {seen}, and explained {explained}")


def _is_told(reader: str, record: Json) -> bool:
    """Whether every member of the reader's nation and clearance is served it, in whatever form."""
    (own,) = [one for one in record["decisions"] if one["nation"] == reader[:2].upper()]
    forms = [own | form for form in own.get("renditions", [])]
    return any(expected(reader, {"decisions": [one]}) for one in (own, *forms))


def _version(play: CasePlay, label: str) -> OracleVersion:
    found = [v for v in play.oracle.versions if play.label(*v.key) == label]
    if len(found) != 1:
        known = sorted({play.label(*v.key) for v in play.oracle.versions})
        raise UnreadableCase(f"{play.place}: {label} is not one of {known}")
    return found[0]


def _record(play: CasePlay, label: str) -> Json:
    assert play.world is not None
    version = _version(play, label)
    records = ask(play.world, AUDITOR, version.id, version.text)
    found = [one for one in records if one.get("member", version.member) == version.member]
    if len(found) != 1:
        raise Deviates(f"{play.place}: {label} is explained {len(found)} times to an auditor")
    return found[0]


def hold_to_recalls(play: CasePlay) -> None:
    """See that exactly the members that the case names are told to forget exactly these objects."""
    if not any("polls" in step for step in play.case.steps):
        return  # nobody has fetched anything
    assert play.world is not None
    play.work()
    told: dict[str, set[str]] = {}
    with unrecorded():
        for member in play.readers:
            refs = {ref for note in play.world.notes(member) for ref in note["object_refs"]}
            told |= {member: {play._name(ref) for ref in refs}} if refs else {}
    said = {member: set(objects) for member, objects in play.case.recalled.items()}
    if told != said:
        raise Deviates(f"{play.place}: recalled\n  case: {said}\n  hub:  {told}")


def hold_to_soundness(play: CasePlay) -> None:
    assert play.world is not None
    faults = check.check(play.world.service).faults
    if faults:
        raise Deviates(f"{play.place}: hub check finds {faults}")
