"""hub/README.md lists each stored value beside submissions, with the reason and an existing test."""

from __future__ import annotations

import re
from pathlib import Path

from hub.store.schema import (
    allowance_tables,
    configuration_tables,
    disclosure_tables,
    fact_set_tables,
    recall_tables,
    registration_tables,
    rendition_tables,
    tables,
)

ROOT = Path(__file__).parents[2]
MAP = (ROOT / "hub" / "README.md").read_text(encoding="utf-8")
SECTION = re.split(r"^## ", MAP, flags=re.MULTILINE)
(MECHANISMS,) = (part for part in SECTION if part.startswith("What each mechanism is for\n"))
ROWS = [line.strip("|").split("|") for line in MECHANISMS.splitlines() if line.startswith("| ")]
PLACES = (
    *(allowance_tables, configuration_tables, disclosure_tables, recall_tables),
    *(registration_tables, rendition_tables, fact_set_tables),
)
# What names a row, says what was submitted, signed or registered, by whom and when, or is a decision itself.
PLAIN = set(
    re.findall(
        r"\w+",
        """
    agreement_id alg at body classes clause clause_index code confirmed_at confirmed_by content_id created_at
    date_added deflated deletion_id document endorsement id identity index justification_id jwk jws kind made
    members message name nation previous proposed_at proposed_by public_id purpose reason recall_id recipient
    registered_at requested_at scopes signed_at statement stix_id submission_id submitted_at succeeded target
    thumbprint typ type version version_id
    """,
    )
)


def test_every_table_and_every_column_that_is_not_plain_has_a_line() -> None:
    assert all(place.metadata is tables.metadata for place in PLACES)
    told = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", " ".join(row[0] for row in ROWS)))))
    kept = {table.name for table in tables.metadata.sorted_tables}
    kept |= {column.name for table in tables.metadata.sorted_tables for column in table.columns}
    assert kept - PLAIN - told == set()


def test_every_line_names_what_needs_it_and_a_test_that_exists() -> None:
    tests = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
    known = set(re.findall(r"^ *def (test_\w+)", tests, flags=re.MULTILINE))
    for mechanism, need, test, *rest in ROWS[1:]:
        assert not rest, mechanism
        if not mechanism.strip().startswith("**"):
            assert need.strip(), mechanism
            named = re.findall(r"`(\w+)`", test)
            assert named or test.strip() == "none", mechanism
            assert known.issuperset(named), mechanism
