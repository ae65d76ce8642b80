"""Who is served what, and why or why not, as the rules say it of the rows in memory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from hub.model import SUBMITTED, Clearance, Member, NationCode, ObjectVersion, View
from hub.rules.release.deciding import widest
from hub.rules.release.justifications import NEVER, is_visible, lowest_clearance
from tests.policy import rules_loading as load
from tests.policy.rules_memory import RulesMemory, RulesRow
from tests.policy.rules_player import inquire


def served(memory: RulesMemory, member: Member, now: datetime) -> list[RulesRow]:
    """The rows that a poll of the member would return: what stands for it, and what it submitted itself."""
    who = member.reader
    in_force = load.context(memory, who.nation, now).in_force
    return [
        row
        for row in memory.ledger(who.nation)
        if row.withdrawn_at is None
        and (is_visible(row.justification, who, in_force) or memory.versions[row.version].member == member.id)
    ]


def told(
    memory: RulesMemory, version: ObjectVersion, nation: NationCode, names: Mapping[str, str], now: datetime
) -> str:
    """By which agreement, called by its name, a nation sees the version, and from whom up; or why not."""
    origin = memory.nation(version.member)
    anew, context = inquire(memory, origin, now), load.context(memory, origin, now)
    if reasons := anew.reasons(version, nation):
        return "; ".join(reasons)
    judged = anew.judgements[version.key].get(View(nation), frozenset({NEVER}))
    (row,) = [row for row in _rows(memory, version, nation) if row.form == SUBMITTED]
    clearance = lowest_clearance(row.justification | judged, context.in_force)
    period = widest(context.candidate(version), nation, context.periods, now)
    by = "" if period is None else f" by {names[period.agreement_id]}, clause {period.clause_index + 1}"
    return f"released{by}, from {'nobody' if clearance is None else clearance.label} up"


def owner_hears(memory: RulesMemory, version: ObjectVersion, now: datetime) -> str:
    """What the submitter is told: whether it leaves its nation, and if not, by which obstacles (policy 5)."""
    origin = memory.nation(version.member)
    anew = inquire(memory, origin, now)
    abroad = [nation for nation in memory.nations if nation != origin]
    if any(not anew.reasons(version, to) or _in_other_forms(memory, version, to, now) for to in abroad):
        return "leaves"
    return f"stays at home: {', '.join(word.value for word in anew.stays_by(version, abroad))}"


def _in_other_forms(
    memory: RulesMemory, version: ObjectVersion, nation: NationCode, now: datetime
) -> list[Clearance]:
    in_force = load.context(memory, nation, now).in_force
    others = [row for row in _rows(memory, version, nation) if row.form != SUBMITTED]
    found = (lowest_clearance(row.justification, in_force) for row in others)
    return [clearance for clearance in found if clearance is not None]


def _rows(memory: RulesMemory, version: ObjectVersion, nation: NationCode) -> list[RulesRow]:
    return [r for r in memory.ledger(nation) if r.version == version.key and r.withdrawn_at is None]
