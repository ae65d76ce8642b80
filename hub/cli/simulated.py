"""The answer of a simulation, printed for people: immediate changes, and later releases by each clause."""

from __future__ import annotations

from collections.abc import Sequence

from hub.cli.output import echo_whole, print_table
from hub.client.agreement import terms
from hub.model import JsonObject, clause_terms

_HEADINGS = ("", "direction", "type", "TLP", "for", "versions")


def show(document: JsonObject, answer: JsonObject) -> None:
    """Print the answer of a simulation of `document`."""
    # `echo_whole` for all lines with values: ids and types in the answer come from other nations.
    _say("What would change at once, of what has been submitted already:")
    rows = [*_rows(answer["released"], "+"), *_rows(answer["withdrawn"], "-")]
    print_table(_HEADINGS, rows, "Nothing would be released or withdrawn.")
    for example in answer["examples"]:
        change, origin, recipient, id = (example.get(n) for n in ("change", "origin", "recipient", "object"))
        _say(f"for example {change}: {origin} → {recipient} {id}")
    _say("What would cross later, of what is submitted from then on:")
    for number, clause in enumerate(terms.clauses(document), 1):
        words = {term.name: term.words for term in clause}
        limits = [words.get(name, "?") for name in clause_terms.IN_SHORT]
        _say(f"clause {number}: {words.get('from', '?')} → {words.get('to', '?')}, {'; '.join(limits)}")
    # The past days are an estimate of later releases. The objects of these days are not released.
    recent = answer.get("recent")
    if recent is None:  # an older hub
        return
    _say(f"What more would have crossed, had it been in force for the last {recent.get('days')} days,")
    _say("of what was submitted in them and is still held, as it is marked now:")
    if recent["released"] and recent["released"] == answer["released"]:
        _say("The same as at once.")
    else:
        print_table(_HEADINGS, _rows(recent["released"], "+"), "Nothing.")


def _rows(lines: Sequence[JsonObject], sign: str) -> list[tuple[str, ...]]:
    return [
        (
            sign,
            f"{line.get('origin')} → {line.get('recipient')}",
            str(line.get("type")),
            f"TLP:{str(line.get('tlp')).upper()}",
            f"{line.get('clearance')} and above",
            str(line.get("count")),
        )
        for line in lines
    ]


def _say(line: str) -> None:
    echo_whole(line)
