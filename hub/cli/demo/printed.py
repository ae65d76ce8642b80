"""Output of the demo: a matrix of readers and objects, the reasons, and the changes by each step."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hub.cli.demo.others import AttemptsOfOthers
from hub.cli.demo.polled import PollOfAll
from hub.cli.demo.reasons import ShownObject
from hub.cli.demo.recalled import RecalledObject
from hub.cli.demo.sample import Group, Sample, SampleQuestion
from hub.cli.demo.setup import MEMBERS, DemoHub
from hub.cli.demo.simulated import Simulation
from hub.model import JsonObject

_SENTENCE: Final = 60  # characters of a sentence that shares a line with other words
_WIDTH: Final = 100  # columns, when the output is no terminal


@dataclass(slots=True)
class DemoReport:
    """The results of all steps, in order. `agreements` are views, by the names of their files."""

    sample: Sample
    agreements: dict[str, JsonObject] = field(default_factory=dict)
    simulation: Simulation | None = None
    before: PollOfAll | None = None
    reasons: list[tuple[SampleQuestion, str]] = field(default_factory=list)
    explained: list[ShownObject] = field(default_factory=list)  # one for each group
    printed: ShownObject | None = None  # the only one that is printed
    ended: JsonObject = field(default_factory=dict)
    after: PollOfAll | None = None
    recall: RecalledObject | None = None
    others: AttemptsOfOthers | None = None

    @property
    def differences(self) -> list[str]:
        """A sentence for each served, explained or recorded value that deviates from the policy."""
        served = [d for poll in (self.before, self.after) if poll is not None for d in poll.differences]
        # A value is None until its step of the demo has run.
        predicted = [] if self.simulation is None else self.simulation.differences()
        explained = (d for one in self.explained for d in one.differences())
        recalled = [] if self.recall is None else self.recall.differences()
        tried = [] if self.others is None else self.others.differences()
        return [*predicted, *served, *explained, *recalled, *tried]

    def to_json(self) -> JsonObject:
        """Return all results as one JSON value."""
        return {
            "agreements": [
                {"id": a["id"], "title": a["title"], "state": a["state"]} for a in self.agreements.values()
            ],
            "simulated": [] if self.simulation is None else self.simulation.to_json(),
            "submitted": [
                {
                    "source": group.source,
                    "submitter": group.submitter,
                    "handled_as": group.handled_as,
                    "count": len(group.objects),
                    "seen": self._seen(self.before, group),
                    "seen_after": self._seen(self.after, group),
                }
                for group in self.sample.groups
            ],
            "withheld": [{"reader": q.reader, "id": q.id, "reason": reason} for q, reason in self.reasons],
            "explained": None if self.printed is None else self.printed.explained,
            "disclosed": None if self.printed is None else list(self.printed.disclosed),
            "terminated": {
                "id": self.ended["id"],
                "title": self.ended["title"],
                "ended": self.ended["ended"],
            },
            "recalled": None
            if self.recall is None
            else {
                "id": self.recall.id,
                "told": sorted(self.recall.notes),
                "disclosed": self.recall.disclosed,
            },
            "tried": [] if self.others is None else self.others.to_json(),
            "differences": self.differences,
        }

    def _seen(self, poll: PollOfAll | None, group: Group) -> dict[str, int]:
        return {} if poll is None else {reader: poll.count(reader, group) for reader in MEMBERS}


class DemoOutput:
    """Output for people: colour on a terminal, plain lines elsewhere, nothing with --json."""

    def __init__(self, *, is_quiet: bool) -> None:
        self._console = Console(
            highlight=False, quiet=is_quiet, width=None if sys.stdout.isatty() else _WIDTH, soft_wrap=False
        )

    def heading(self, text: str) -> None:
        self._console.print(Text(f"\n{text}", style="bold"))

    def line(self, text: str, style: str = "") -> None:
        self._console.print(Text(f"  {text}", style=style))

    def matrix(self, sample: Sample, poll: PollOfAll) -> None:
        """Print a row for each group of objects, a column for each reader, and the numbers seen."""
        table = Table(box=None, header_style="bold cyan", pad_edge=False, padding=(0, 1, 0, 0))
        for name in ("submitted", "by", "handled as"):
            table.add_column(name, no_wrap=True, vertical="bottom")
        for name in ("all", *map(_column, MEMBERS)):
            table.add_column(name, justify="right", no_wrap=True, vertical="bottom", min_width=3)
        for group in sample.groups:
            cells = [_cell(poll.count(reader, group), len(group.objects)) for reader in MEMBERS]
            size = str(len(group.objects))
            table.add_row(group.source, group.submitter, group.handled_as, size, *cells)
        self._console.print(table)
        self._console.print(Text("C cert, A agency, P partner; · none of them", style="dim"))

    def reason(self, sample: Sample, question: SampleQuestion, reason: str) -> None:
        """Print one withheld object with the first of its reasons, and the number of the others."""
        line = Text("  ✗ ", style="red")
        line.append(f"{question.reader:<9}", style="cyan")
        line.append(f"{question.id.partition('--')[0]}: {sample.name(question.id)}", style="default")
        origin, recipient = (MEMBERS[id][0] for id in (question.submitter, question.reader))
        # The line begins with the direction, which the hub's reason repeats.
        reason, *more = reason.split("; ")
        reason += f"; and {len(more)} more" if more else ""
        line.append(
            f"\n    {origin}→{recipient}: {reason.removeprefix(f'{origin}→{recipient}: ')}", style="yellow"
        )
        self._console.print(line)

    def explained(self, sample: Sample, shown: ShownObject, agreements: Mapping[str, JsonObject]) -> None:
        """Print the decisions on an object with clauses and reasons, and the members that fetched it."""
        explained = shown.explained
        kind, name = str(explained["object"]).partition("--")[0], sample.name(explained["object"])
        self.line(f"{kind}: {name}, TLP:{str(explained['effective_tlp']).upper()}", "cyan")
        names = {view["id"]: name for name, view in agreements.items()}
        withheld: dict[str, list[str]] = {}  # nations by reason: several nations often share a reason
        for one in explained["decisions"]:
            if one["decision"] == "withhold":
                withheld.setdefault(one["reason"], []).append(one["nation"])
                continue
            # No agreement: the decision for the object's own nation.
            by = (
                "at home"
                if one["agreement"] is None
                else f"{names[one['agreement']]}, clause {one['clause']}"
            )
            self.line(f"  ✓ {one['nation']} from {one['clearance']} up: {by}", "green")
        for reason, nations in withheld.items():
            self.line(f"  ✗ {', '.join(nations)}: {reason}", "yellow")
        fetched = ", ".join(reader for reader in MEMBERS if reader in shown.fetched_by)
        self.line(f"  fetched by {fetched}")

    def changes(self, before: PollOfAll, after: PollOfAll) -> None:
        """Print each reader with a changed number of objects, before and after."""
        for reader in MEMBERS:
            old, new = before.total(reader), after.total(reader)
            if old != new:
                line = Text(f"  {reader:<11}", style="cyan")
                line.append(f"{old:>4} → {new:<4}", style="bold default")
                line.append(f"{new - old:+} objects", style="red")
                self._console.print(line)
        same = [reader for reader in MEMBERS if before.total(reader) == after.total(reader)]
        self.line(f"unchanged: {', '.join(same)}", "dim")

    def recall(self, recall: RecalledObject) -> None:
        """Print the members that got the note, and the disclosures of the note to its source."""
        notified = [reader for reader in MEMBERS if reader in recall.notes]
        self.line(f"a note came to {', '.join(notified)}; agreement or not, they had fetched it", "green")
        confirmed = [reader for reader in MEMBERS if reader in recall.confirmed]
        self.line(f"hub disclosures: notified, and the note fetched: {', '.join(confirmed)}")

    def others(self, others: AttemptsOfOthers) -> None:
        """Print each attempt with the hub's sentence."""
        for one in others.tries:
            mark, style = ("✗", "yellow") if one.refusal else ("✓", "green")
            answer = _short(one.refusal) if one.refusal else "taken"
            line = Text(f"  {mark} ", style=style)
            line.append(f"{one.member:<11}", style="cyan").append(f"{one.act}: {answer}", style=style)
            self._console.print(line)
        if not others.changes:
            self.line(
                "  The copies did not change who sees the cert's objects, nor who gets its new version.",
                "green",
            )

    def result(self, differences: Sequence[str], checked: int, explained: int) -> None:
        """Print that all results agree with the policy, or each difference."""
        if not differences:
            self.line(f"✓ All {checked} polls returned exactly what the policy says.", "bold green")
            self.line("✓ The agreement that was simulated brought just what was told.", "bold green")
            self.line(f"✓ All {explained} explanations and disclosures agree with them.", "bold green")
            self.line("✓ The note came to everybody who had fetched it, and to nobody else.", "bold green")
            self.line(
                "✓ Nobody spoke for another, overwrote another or passed on what is not free to share.",
                "bold green",
            )
        for difference in differences:
            self.line(f"✗ {difference}", "bold red")

    def commands_to_try(self, demo_hub: DemoHub, file: str, id: str) -> None:
        """Print working commands for this hub, ready to be pasted."""
        # The token itself is not printed: a terminal keeps its lines for others to read.
        credentials = demo_hub.credentials["us-agency"]
        self._console.print(
            Text(
                f"export HUB_URL={demo_hub.url}\n"
                f"export HUB_TOKEN=$(cat {credentials.token}) HUB_KEY={credentials.submit_key}\n\n"
                f"hub push us {file}\n"
                "hub poll released | head -3\n"
                f"hub explain {id}\n"
                'curl -s -H "Authorization: Bearer $HUB_TOKEN" \\\n'
                '  -H "Accept: application/taxii+json;version=2.1" \\\n'
                f"  $HUB_URL/{demo_hub.service.api_root}/collections/\n"
                "python - <<'END'\n"
                "import os\n"
                "from hub.client import HubAuth\n"
                "from taxii2client.v21 import Server, as_pages\n"
                'auth = HubAuth(os.environ["HUB_TOKEN"], os.environ["HUB_KEY"])\n'
                'root = Server(os.environ["HUB_URL"] + "/taxii2/", auth=auth).default\n'
                'released = next(c for c in root.collections if c.alias == "released")\n'
                "for page in as_pages(released.get_objects, per_request=100):\n"
                '    print(len(page["objects"]), "objects")\n'
                "END\n"
            ),
            soft_wrap=True,
        )


def _column(reader: str) -> str:
    nation, _, kind = reader.partition("-")
    return f"{nation.upper()}\n{kind[0].upper()}"


def _cell(count: int, size: int) -> Text:
    if count == 0:
        return Text("·", style="dim")
    # Yellow: only a part of a group, which `PollOfAll.differences` reports too.
    return Text(str(count), style="green" if count == size else "yellow")


def _short(sentence: str) -> str:
    """Return a shorter sentence: without its examples, and, if still too long, only the first part."""
    short = sentence.partition(" (")[0].rstrip(".")
    return short if len(short) <= _SENTENCE else short.partition(";")[0]
