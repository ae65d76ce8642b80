"""Two at once, made on purpose: one is held between deciding and writing while the other is done."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import select

from hub.actions.access import accept
from hub.actions.agreement import agree
from hub.actions.checks import check
from hub.actions.operation import work
from hub.actions.submission import delete, submit
from hub.errors import Conflict
from hub.model import MemberId, Receipt, StixId
from hub.store.database import epochs
from hub.store.ledger import pages
from hub.store.members import members
from hub.store.schema.tables import release
from tests import stix_objects
from tests.actions.pausing import Pause, without_turns
from tests.named_objects import address, campaign, identifier, malware, relation, report
from tests.patience import PATIENCE_SECONDS
from tests.world import World, build, clause, paged


@pytest.fixture
def pause(monkeypatch: pytest.MonkeyPatch) -> Pause:
    """Holds a submission that is decided, in its nation's turn: what remains is the commit."""
    return Pause(monkeypatch, submit, "decide")


@pytest.fixture
def overtaken(monkeypatch: pytest.MonkeyPatch, pause: Pause) -> Pause:
    """Holds a submission that is decided, while others of its nation do not wait for its turn."""
    without_turns(monkeypatch)
    return pause


def _together(*acts: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(len(acts)) as pool:
        return [future.result(PATIENCE_SECONDS) for future in [pool.submit(act) for act in acts]]


def _succeeded(receipt: Receipt) -> list[bool]:
    return [outcome.succeeded for outcome in receipt.outcomes]


# --- agreements -----------------------------------------------------------------------------------


def test_what_was_decided_before_an_agreement_came_into_force_is_decided_again(
    world: World, pause: Pause
) -> None:
    view = world.agree(["US", "KR"], clause("US", "KR"), signers=())
    world.account("kr-cert")
    world.sign(view, "US")
    item = malware("a")
    pause.while_held(lambda: world.push("us-cert", item), lambda: world.sign(view, "KR"))
    assert world.sees("kr-cert", item)  # written after the start, so submitted after it


def test_what_was_decided_before_an_agreement_ended_is_decided_again(world: World, pause: Pause) -> None:
    view = world.agree(["US", "KR"], clause("US", "KR"))
    item = malware("a")
    pause.while_held(lambda: world.push("us-cert", item), lambda: world.terminate(view, "KR"))
    assert not world.sees("kr-cert", item)
    world.agree(["US", "KR"], clause("US", "KR"))
    assert not world.sees("kr-cert", item)


def test_what_a_terminated_period_justified_is_not_carried_over(world: World, pause: Pause) -> None:
    """One agreement ends and another begins while a submission waits: the second alone justifies."""
    first = world.agree(["US", "KR"], clause("US", "KR", audience="partner"))
    item = malware("a")

    def change() -> None:
        world.terminate(first, "KR")
        world.agree(["US", "KR"], clause("US", "KR", audience="cert"))

    pause.while_held(lambda: world.push("us-cert", item), change)
    assert world.readers(item, ["kr-cert", "kr-partner"]) == ["kr-cert"]


@pytest.mark.parametrize("comes", ["its next version", "a container of it"])
def test_what_was_decided_before_a_step_of_history_gives_no_version_two_rows(
    world: World, monkeypatch: pytest.MonkeyPatch, comes: str
) -> None:
    """The step writes rows that the submission, decided before it, knows nothing of."""
    first = campaign("a", None)
    world.accepted("us-cert", first)
    world.clock.wait(seconds=1)
    world.agree(["US", "KR"], clause("US", "KR", history=True))
    world.clock.wait(seconds=1)
    second = campaign("a", version=2) if comes == "its next version" else report("r", first, tlp="amber")
    without_turns(monkeypatch)
    pause = Pause(monkeypatch, submit, "decide")
    pause.while_held(lambda: world.push("us-cert", second), lambda: work.work(world.service))
    with world.service.store.read() as connection:
        columns = release.c.version_id, release.c.is_newest, release.c.stix_id
        is_served = release.c.recipient == "KR", release.c.origin == "US", release.c.withdrawn_at.is_(None)
        rows = connection.execute(select(*columns).where(*is_served)).all()
    assert len({row.version_id for row in rows}) == len(rows) == 2
    assert len([row for row in rows if row.is_newest and row.stix_id == first["id"]]) == 1
    assert check.check(world.service).faults == []


def test_two_signers_at_once_are_both_heard(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    view = world.agree(["US", "KR"], clause("US", "KR"), signers=())
    world.account("kr-cert")
    barrier, verify = threading.Barrier(2), agree.verify_request

    def verify_together(*arguments: Any) -> Any:
        evidence = verify(*arguments)
        barrier.wait(PATIENCE_SECONDS)
        return evidence

    with monkeypatch.context() as patch:
        patch.setattr(agree, "verify_request", verify_together)
        views = _together(lambda: world.sign(view, "US"), lambda: world.sign(view, "KR"))
    assert sorted(view["state"] for view in views) == ["in force", "proposed"]
    assert agree.show(world.service, world.caller("us-cert"), view["id"])["signed_by"] == ["KR", "US"]
    world.accepted("us-cert", malware("a"))
    assert world.sees("kr-cert", malware("a"))


def test_a_signature_and_a_termination_at_once_leave_it_ended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = world.sign(world.agree(["US", "KR"], clause("US", "KR"), signers=()), "US")
    world.account("kr-cert")
    pause = Pause(monkeypatch, agree, "verify_request")
    with pytest.raises(Conflict):
        pause.while_held(lambda: world.sign(view, "KR"), lambda: world.terminate(view, "US"))
    world.accepted("us-cert", malware("a"))
    assert not world.sees("kr-cert", malware("a"))


def test_a_poll_sees_one_moment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is withdrawn and replaced while a page is on its way is in it as it was recorded, once."""
    world.agree(["US", "KR"], clause("US", "KR"))
    world.accepted("us-cert", malware("a"))
    pause = Pause(monkeypatch, pages, "bodies")  # asked for behind what is recorded
    query = world.query("kr-cert", "US")
    page = pause.while_held(
        lambda: paged.objects(world.service, query),
        lambda: world.accepted("us-cert", malware("a", "amber", 2), malware("b")),
    )
    assert [json.loads(row.body) for row in page.rows] == [malware("a")]


# --- what the submitter knows of others -----------------------------------------------------------


def test_what_arrives_in_between_is_not_passed_on(world: World, pause: Pause) -> None:
    """Another nation's submissions are not held off by those of the own nation (policy 8)."""
    world.agree(["KR", "US"], clause("KR", "US"))
    world.account("us-agency")
    world.account("kr-agency")
    receipt = pause.while_held(
        lambda: world.push("us-agency", campaign("a", "green", 2)),
        lambda: world.accepted("kr-agency", campaign("a", "amber")),
    )
    assert [one.message for one in receipt.outcomes] == ["received from KR; only KR may share it."]


def test_what_refers_to_what_arrives_in_between_is_handled_like_it(world: World, pause: Pause) -> None:
    world.agree(["KR", "US", "JP"], clause("KR", "US"), clause("US", ["KR", "JP"], max_tlp="amber"))
    world.account("us-agency")
    world.account("kr-agency")
    edge = relation(campaign("a"), campaign("b"))
    pause.while_held(
        lambda: world.push("us-agency", edge), lambda: world.accepted("kr-agency", campaign("a", "amber"))
    )
    assert world.readers(edge, ("jp-cert", "kr-agency")) == ["kr-agency"]


def test_an_identity_that_is_registered_in_between_is_nobody_elses_to_name(
    world: World, pause: Pause
) -> None:
    world.account("us-agency")
    world.account("kr-agency")
    named = StixId(identifier("identity", "feed"))

    def register() -> None:
        with world.service.store.write() as connection:
            assert members.add_identity(connection, MemberId("kr-agency"), named, world.clock())

    submitted = campaign("a", created_by_ref=named)
    receipt = pause.while_held(lambda: world.push("us-agency", submitted), register)
    assert _succeeded(receipt) == [False]


# --- objects of one nation ------------------------------------------------------------------------

_HOME, _ALL = ["us-cert"], ["us-cert", "us-partner", "kr-cert"]
_PAIRS = [
    ("us-cert", "us-cert", _HOME),
    ("us-agency", "us-agency", _HOME),
    ("us-cert", "us-agency", _ALL),  # the cert decides for its nation: it takes over nothing (policy 2.7)
]


@pytest.mark.parametrize(("referring", "referred", "expected"), _PAIRS)
@pytest.mark.parametrize("held", ["reference", "object"])
def test_a_relationship_and_the_red_object_it_names(
    world: World, overtaken: Pause, referring: str, referred: str, expected: list[str], held: str
) -> None:
    world.agree(["US", "KR"], clause("US", "KR"))
    secret = malware("secret", "red")
    edge = relation(malware("a"), secret)
    world.account(referring)
    world.account(referred)
    acts = [lambda: world.push(referring, edge), lambda: world.push(referred, secret)]
    first, second = acts if held == "reference" else reversed(acts)
    assert _succeeded(overtaken.while_held(first, second)) == [True]
    readers = ["us-cert", "us-partner", "kr-cert"]
    assert world.readers(edge, readers) == expected
    assert world.readers(secret, readers) == ["us-cert"]


@pytest.mark.parametrize("held", ["container", "content"])
def test_a_container_and_the_content_it_tightens(world: World, overtaken: Pause, held: str) -> None:
    world.agree(["US", "KR"], clause("US", "KR"))
    content = malware("content", None)
    container = report("container", content, tlp="red")
    world.account("us-cert")
    acts = [lambda: world.push("us-cert", container), lambda: world.push("us-cert", content)]
    first, second = acts if held == "container" else reversed(acts)
    overtaken.while_held(first, second)
    assert world.readers(content, ["us-cert", "us-agency", "kr-cert"]) == ["us-cert"]


def test_two_first_submissions_of_one_version_are_one(world: World, overtaken: Pause) -> None:
    world.account("us-cert")
    item = malware("a")
    receipt = overtaken.while_held(
        lambda: world.push("us-cert", item), lambda: world.accepted("us-cert", item)
    )
    assert _succeeded(receipt) == [True]
    assert len(world.rows("us-cert")) == 1


def test_of_two_contents_under_one_version_the_first_to_commit_stays(world: World, overtaken: Pause) -> None:
    world.account("us-cert")
    held, other = malware("a", description="held"), malware("a", description="other")
    receipt = overtaken.while_held(
        lambda: world.push("us-cert", held), lambda: world.accepted("us-cert", other)
    )
    assert _succeeded(receipt) == [False]
    assert [json.loads(row.body) for row in world.rows("us-cert")] == [other]


@pytest.mark.parametrize(("held", "other"), [(1, 2), (2, 1)])
def test_of_two_versions_the_later_is_the_newest_whoever_commits_first(
    world: World, overtaken: Pause, held: int, other: int
) -> None:
    world.agree(["US", "KR"], clause("US", "KR"))
    versions = {1: malware("a", "green", 1), 2: malware("a", "amber", 2)}
    overtaken.while_held(
        lambda: world.push("us-cert", versions[held]), lambda: world.accepted("us-cert", versions[other])
    )
    for id, expected in {"us-agency": [versions[2]], "us-partner": [], "kr-agency": [versions[2]]}.items():
        assert [json.loads(row.body) for row in world.rows(id)] == expected


def test_two_contents_of_an_observable_become_two_versions(world: World, overtaken: Pause) -> None:
    world.account("us-cert")
    held, other = address("192.0.2.1", x_from="held"), address("192.0.2.1", x_from="other")
    overtaken.while_held(lambda: world.push("us-cert", held), lambda: world.accepted("us-cert", other))
    assert [json.loads(row.body) for row in world.rows("us-cert")] == [held]
    assert world.sees("us-cert", other)


def test_two_members_first_submissions_of_one_id_are_two_records(world: World, overtaken: Pause) -> None:
    world.account("us-cert")
    world.account("us-agency")
    overtaken.while_held(
        lambda: world.push("us-cert", malware("a", x_by="cert")),
        lambda: world.accepted("us-agency", malware("a", x_by="agency")),
    )
    assert [json.loads(row.body)["x_by"] for row in world.rows("us-cert")] == ["agency", "cert"]


def test_submissions_of_two_nations_do_not_hold_each_other_up(world: World, pause: Pause) -> None:
    world.agree(["US", "KR"], clause("US", "KR"), clause("KR", "US"))
    pause.while_held(
        lambda: world.push("us-cert", malware("u")), lambda: world.accepted("kr-cert", malware("k"))
    )
    for id in ("us-cert", "kr-cert"):
        rows = world.rows(id)
        assert [json.loads(row.body)["name"] for row in rows] == ["k", "u"]
        assert rows[0].date_added < rows[1].date_added


# --- background work ------------------------------------------------------------------------------


def test_two_passes_of_work_do_not_meet(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.accepted("us-cert", malware("a"))
    pause = Pause(monkeypatch, work, "_withdraw_ended")
    reports: list[work.WorkReport] = []
    first = pause.while_held(
        lambda: work.work(world.service), lambda: reports.append(work.work(world.service))
    )
    assert first.is_done
    assert [report.is_done for report in reports] == [False]
    assert work.work(world.service).is_done


@pytest.mark.parametrize("act", [submit, delete])
def test_what_was_decided_in_one_epoch_is_decided_again_in_another(
    database_url: str, monkeypatch: pytest.MonkeyPatch, act: ModuleType
) -> None:
    """All that is counted may be as high in a restored database, and the rows others."""
    small = build(database_url)
    small.push("us-cert", stix_objects.malware(1))
    # Between decision and locks: SQLite decides before the transaction, PostgreSQL within it.
    place: Any = (accept, "once") if small.service.store.is_sqlite else (act, "hold")
    goes_on, decide = getattr(*place), act.decide
    decisions: list[Any] = []

    def later(*arguments: Any, **named: Any) -> Any:
        with small.service.store.write() as connection:
            epochs.begin(connection, small.clock.now, small.clock.now)
        return goes_on(*arguments, **named)

    def counted(*arguments: Any) -> Any:
        decisions.append(decide(*arguments))
        return decisions[-1]

    monkeypatch.setattr(*place, later)
    monkeypatch.setattr(act, "decide", counted)
    if act is submit:
        small.push("us-cert", stix_objects.malware(2))
    else:
        small.delete("us-cert", stix_objects.stix_id("malware", 1))
    assert len(decisions) == 2
    small.close()
