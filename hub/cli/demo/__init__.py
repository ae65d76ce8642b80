"""`hub demo`: five nations share objects under agreements on a real server, in one minute."""

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

# Agreements, by the names of their files in config/agreements.
_ENDED: Final = "us-kr"
_SIMULATED: Final = "us-jp"
_ENDED_BY: Final = "kr-cert"


@click.command()
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep all files in this new folder. Default: a temporary folder, removed at the end.",
)
@click.option(
    "--serve", is_flag=True, help="Keep the hub running at the end, until Ctrl-C, for your own tests."
)
@json_option
def demo_command(home: Path | None, serve: bool, as_json: bool) -> None:
    """Run a demonstration of the hub: members, agreements, signed pushes, polls, and reasons for refusals.

    Exit code 0 only if every member was served exactly the objects that the policy releases.
    """
    if serve and as_json:
        raise click.UsageError("--serve talks to a person, --json to a program: choose one.")
    output = DemoOutput(is_quiet=as_json)
    # The address comes first: the hub's settings need its public URL.
    claimed, url = claim_address()
    with home_folder(home) as folder:
        output.heading(f"A hub at {url}: five nations, {len(MEMBERS)} members, three agreements")
        with start_hub(folder, url) as demo_hub, serving(demo_hub, claimed) as process:
            report = run_demo(output, demo_hub)
            if serve and not report.differences:
                _serve_on(output, demo_hub, report, process)
    if as_json:
        print_json(report.to_json())
    if report.differences:
        raise HubError(f"{len(report.differences)} answers were not as the policy says")


def run_demo(output: DemoOutput, demo_hub: DemoHub) -> DemoReport:
    """Run all steps of the demo on a running hub, print each, and return the results.

    1. The nations conclude their agreements.
    2. Members push. A further agreement is simulated and signed. All members poll.
    3. Print examples of withheld objects with the reasons. Explain one object, and print its disclosures.
    4. One party ends an agreement. All members poll again.
    5. A member deletes an object. Each member that fetched the object gets a note, and no other member.
    6. An ally and a company try acts that the policy reserves to the source of an object.
    """
    report = DemoReport(load_sample())
    report.agreements = conclude_agreements(demo_hub)  # 1
    for name, view in report.agreements.items():
        output.line(f"{name:<8} {view['state']}, signed by {', '.join(view['signed_by'])}")

    polled.push_all(demo_hub, report.sample)  # 2
    report.simulation = simulated.simulate_and_sign(demo_hub, report.sample, _SIMULATED)
    report.agreements[_SIMULATED] = report.simulation.agreement
    output.heading(f"hub agreement simulate {_SIMULATED}.toml, before it is signed: what it would release")
    for line in report.simulation.lines():
        output.line(line)
    output.line(f"Signed by {', '.join(report.simulation.agreement['signed_by'])}: it came.")
    report.before = polled.poll_all(demo_hub, report.sample)
    output.heading("Pushed and signed over TAXII 2.1, then polled by all: who sees how many")
    output.matrix(report.sample, report.before)

    output.heading("Withheld, and why")  # 3
    for question in report.sample.questions:
        reason = reasons.reason(demo_hub, question)
        report.reasons.append((question, reason))
        output.reason(report.sample, question, reason)
    report.explained = [reasons.explain(demo_hub, group) for group in report.sample.groups]
    report.printed = reasons.to_print(report.sample, report.explained)
    output.heading(f"hub explain and hub disclosures, asked by {report.printed.asked_by}")
    output.explained(report.sample, report.printed, report.agreements)

    with demo_hub.member(_ENDED_BY, governs=True) as hub:  # 4
        report.ended = hub.terminate(report.agreements[_ENDED]["id"])
    report.after = polled.poll_all(demo_hub, report.sample, after=True)
    output.heading(f"{_ENDED} is {report.ended['ended']}. The next poll, objects in all:")
    output.changes(report.before, report.after)
    report.recall = recalled.delete_and_poll(demo_hub, report.printed)  # 5
    output.heading(f"{report.recall.deleted_by} deletes {report.sample.name(report.recall.id)}")
    output.recall(report.recall)
    report.others = others.try_all(demo_hub, report.sample)  # 6
    output.heading("Objects of others: nobody speaks for another, or passes on what is not free to share")
    output.others(report.others)
    output.heading("Result")
    output.result(report.differences, 2 * len(MEMBERS), len(report.explained))
    return report


def _serve_on(
    output: DemoOutput, demo_hub: DemoHub, report: DemoReport, process: subprocess.Popen[bytes]
) -> None:
    output.heading("The hub goes on until Ctrl-C. In another terminal, as us-agency:\n")
    output.commands_to_try(
        demo_hub, str(report_path("apt1.json")), next(iter(report.sample.groups[0].objects))
    )
    # Ctrl-C ends this command; `serving` then ends the server, which runs in its own session.
    try:
        process.wait()
    except KeyboardInterrupt:
        return
    raise HubError(f"the demo's server ended by itself; its log is {demo_hub.home / 'server.log'}")
