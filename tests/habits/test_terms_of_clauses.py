"""A term of a clause is named by the model, by the table of terms and by the rules that use it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from hub.model import Anonymise, Granular, clause_terms

HUB = Path(__file__).parents[2] / "hub"
# Those that a clause may leave out; its direction and ceiling are named wherever a clause is told.
OPTIONAL = {term.name for term in clause_terms.TERMS} - {"from", "to", "max_tlp"}
COMMON = {"types", "history"}  # they name other things, too: what is looked for is `clause.types`
KINDS = {Anonymise.__name__, Granular.__name__}
WORDS = OPTIONAL - COMMON | KINDS
NAMED_BY = {
    "model/__init__.py": KINDS,
    "model/agreements.py": KINDS,
    "model/clause_terms.py": WORDS,
    "rules/agreement/agreements.py": {"history"},  # what reaches back
    "rules/release/forms.py": KINDS | {"anonymise", "granular"},  # which forms there may be
    "rules/release/deciding.py": WORDS | COMMON,  # what is released
    "actions/release/history.py": {"audience"},  # from which clearance up an agreement may add anything
}


def named(module: Path) -> Iterator[str]:
    """Yield every string and name of a module, and common words where these belong to a clause."""
    for node in ast.walk(ast.parse(module.read_bytes())):
        match node:
            case ast.Attribute(value=ast.Name(id="clause") | ast.Attribute(attr="clause"), attr=name):
                yield name
            case ast.Constant(value=str(name)) | ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
                yield from {name} - COMMON
            case ast.Name(id=name) | ast.alias(name=name):
                yield from {name} & KINDS  # a variable may have any name


def test_a_term_is_named_by_the_model_the_table_and_the_rules_alone() -> None:
    found = {
        str(module.relative_to(HUB)): OPTIONAL.union(WORDS).intersection(named(module))
        for module in HUB.rglob("*.py")
    }
    assert {place: words for place, words in found.items() if words} == NAMED_BY
