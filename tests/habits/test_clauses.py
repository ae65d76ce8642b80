"""Each rule names its clause of the policy, so that a change of the rule or clause leads to the other."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# These modules compute on values from rules, and decide nothing of the policy.
HELPERS = {
    "claims.py": {"uuid_version"},
    "configuration.py": {"document_of", "registry_of", "with_earlier", "differences"},
    "effective.py": {"together"},
    "forms.py": {"to_audience"},
    "judgement.py": {"by_record"},
    "justifications.py": {"in_force_part", "narrows", "simplify"},
    "others.py": {"by_id", "records"},
    "references.py": {"reached", "either"},
    "row_changes.py": {"changes_to"},
    "row_order.py": {"as_dated", "clearance_of"},
    "status.py": {"with_remarks", "receipted"},
}
RULES = sorted((ROOT / "hub/rules").rglob("[a-z]*.py"))


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_each_rule_names_its_clause(path: Path) -> None:
    functions = [
        node
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]
    silent = {one.name for one in functions if "policy" not in (ast.get_docstring(one) or "")}
    assert silent == HELPERS.get(path.name, set())
