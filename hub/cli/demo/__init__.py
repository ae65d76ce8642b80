"""`hub demo`: five nations, their agreements, and who sees what and why, on a real server in one minute."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

import click

from hub.cli.demo import others, polled, reasons, recalled, simulated
from hub.cli.demo.printed import DemoOutput, DemoReport
from hub.cli.demo.sample import load_sample, report_path
from hub.cli.demo.server import claim_address, serving
from hub.cli.demo.setup import MEMBERS, DemoHub, conclude_agreements, home_folder, start_hub
from hub.cli.output import json_option, print_json
from hub.errors import HubError

_ENDED: Final = "us-kr"
_FORESEEN: Final = "us-jp"
_ENDED_BY: Final = "kr-cert"


@click.command()
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep everything in this fresh folder. Without it, a temporary one is used and removed.",
)
@click.option("--serve", is_flag=True, help="Leave the hub running at the end, until Ctrl-C, to try it.")
@json_option
def demo_command(home: Path | None, serve: bool, as_json: bool) -> None:
    """Show the whole hub: members, agreements, signed pushes, polls by all, and the reason for each refusal.

    Exits with 0 only if every member was served exactly what the policy lets it see.
    """
    if serve and as_json:
        raise click.UsageError("--serve talks to a person, --json to a program: choose one.")
    output = DemoOutput(is_quiet=as_json)
    claimed, url = claim_address()
    with home_folder(home) as folder:
        output.heading(f"A hub at {url}: five nations, {len(MEMBERS)} members, three agreements")
        with start_hub(folder, url) as demo_hub, serving(demo_hub, claimed) as process:
            report = tell(output, demo_hub)
            if serve and not report.differences:
                _stay(output, demo_hub, report, process)
    if as_json:
        print_json(report.to_json())
    if report.differences:
        raise HubError(f"{len(report.differences)} answers were not as the policy says")


def tell(output: DemoOutput, demo_hub: DemoHub) -> DemoReport:
    """Play the story on a hub that is being served, and return what happened.

    1. The nations conclude their agreements.
    2. Members push; one agreement more is simulated, signed, and brings what was told; everybody polls.
    3. Some of what is withheld, and why; who sees one object by which clause, and who has fetched it.
    4. One party ends an agreement; everybody polls again.
    5. An object is deleted; whoever had fetched it is told, and nobody else.
    6. An ally and a company try what only the source of an object may do.
    """
    report = DemoReport(load_sample())
    report.agreements = conclude_agreements(demo_hub)  # 1
    for name, view in report.agreements.items():
        output.line(f"{name:<8} {view['state']}, signed by {', '.join(view['signed_by'])}")

    polled.push_all(demo_hub, report.sample)  # 2
    report.simulation = simulated.sign_foreseen(demo_hub, report.sample, _FORESEEN)
    report.agreements[_FORESEEN] = report.simulation.agreement
    output.heading(f"hub agreement simulate {_FORESEEN}.toml, before it is signed: what it would release")
    for line in report.simulation.lines():
        output.line(line)
    output.line(f"Signed by {', '.join(report.simulation.agreement['signed_by'])}: it came.")
    report.before = polled.look(demo_hub, report.sample)
    output.heading("Pushed and signed over TAXII 2.1, then polled by all: who sees how many")
    output.matrix(report.sample, report.before)

    output.heading("Withheld, and why")  # 3
    for question in report.sample.questions:
        reason = reasons.reason(demo_hub, question)
        report.reasons.append((question, reason))
        output.reason(report.sample, question, reason)
    report.accounts = [reasons.account(demo_hub, group) for group in report.sample.groups]
    report.account = reasons.shown(report.sample, report.accounts)
    output.heading(f"hub explain and hub disclosures, asked by {report.account.asked_by}")
    output.account(report.sample, report.account, report.agreements)

    with demo_hub.member(_ENDED_BY, governs=True) as hub:  # 4
        report.ended = hub.terminate(report.agreements[_ENDED]["id"])
    report.after = polled.look(demo_hub, report.sample, after=True)
    output.heading(f"{_ENDED} is {report.ended['ended']}. The next poll, objects in all:")
    output.changes(report.before, report.after)
    report.recall = recalled.take_back(demo_hub, report.account)  # 5
    output.heading(f"{report.recall.deleted_by} deletes {report.sample.name(report.recall.id)}")
    output.recall(report.recall)
    report.others = others.try_all(demo_hub, report.sample)  # 6
    output.heading("Objects of others: nobody speaks for another, or passes on what is not free to share")
    output.others(report.others)
    output.heading("Verdict")
    output.result(report.differences, 2 * len(MEMBERS), len(report.accounts))
    return report


def _stay(
    output: DemoOutput, demo_hub: DemoHub, report: DemoReport, process: subprocess.Popen[bytes]
) -> None:
    output.heading("The hub goes on until Ctrl-C. In another terminal, as us-agency:\n")
    output.invitation(demo_hub, str(report_path("apt1.json")), next(iter(report.sample.groups[0].objects)))
    try:
        process.wait()
    except KeyboardInterrupt:
        return
    raise HubError(f"the demo's server ended by itself; its log is {demo_hub.home / 'server.log'}")
