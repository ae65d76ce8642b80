"""`hub demo`: five nations, their agreements, and who sees what and why, on a real server in one minute."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

import click

from hub.cli.demo import others, reasons, recalled, simulated, watching
from hub.cli.demo.printed import DemoOutput, DemoReport
from hub.cli.demo.sample import load_sample, report_path
from hub.cli.demo.scene import MEMBERS, DemoHub, conclude_agreements, home_folder, set_scene
from hub.cli.demo.server import claim_address, serving
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
    stage = DemoOutput(is_quiet=as_json)
    claimed, url = claim_address()
    with home_folder(home) as folder:
        stage.heading(f"A hub at {url}: five nations, {len(MEMBERS)} members, three agreements")
        with set_scene(folder, url) as scene, serving(scene, claimed) as process:
            story = tell(stage, scene)
            if serve and not story.differences:
                _stay(stage, scene, story, process)
    if as_json:
        print_json(story.to_json())
    if story.differences:
        raise HubError(f"{len(story.differences)} answers were not as the policy says")


def tell(stage: DemoOutput, scene: DemoHub) -> DemoReport:
    """Play the story on a hub that is being served, and return what happened.

    1. The nations conclude their agreements.
    2. Members push; one agreement more is simulated, signed, and brings what was told; everybody polls.
    3. Some of what is withheld, and why; who sees one object by which clause, and who has fetched it.
    4. One party ends an agreement; everybody polls again.
    5. An object is deleted; whoever had fetched it is told, and nobody else.
    6. An ally and a company try what only the source of an object may do.
    """
    story = DemoReport(load_sample())
    story.agreements = conclude_agreements(scene)  # 1
    for name, view in story.agreements.items():
        stage.line(f"{name:<8} {view['state']}, signed by {', '.join(view['signed_by'])}")

    watching.push_all(scene, story.sample)  # 2
    story.simulation = simulated.sign_foreseen(scene, story.sample, _FORESEEN)
    story.agreements[_FORESEEN] = story.simulation.agreement
    stage.heading(f"hub agreement simulate {_FORESEEN}.toml, before it is signed: what it would release")
    for line in story.simulation.lines():
        stage.line(line)
    stage.line(f"Signed by {', '.join(story.simulation.agreement['signed_by'])}: it came.")
    story.before = watching.look(scene, story.sample)
    stage.heading("Pushed and signed over TAXII 2.1, then polled by all: who sees how many")
    stage.matrix(story.sample, story.before)

    stage.heading("Withheld, and why")  # 3
    for question in story.sample.questions:
        reason = reasons.reason(scene, question)
        story.reasons.append((question, reason))
        stage.reason(story.sample, question, reason)
    story.accounts = [reasons.account(scene, group) for group in story.sample.groups]
    story.account = reasons.shown(story.sample, story.accounts)
    stage.heading(f"hub explain and hub disclosures, asked by {story.account.asked_by}")
    stage.account(story.sample, story.account, story.agreements)

    with scene.member(_ENDED_BY, governs=True) as hub:  # 4
        story.ended = hub.terminate(story.agreements[_ENDED]["id"])
    story.after = watching.look(scene, story.sample, after=True)
    stage.heading(f"{_ENDED} is {story.ended['ended']}. The next poll, objects in all:")
    stage.changes(story.before, story.after)
    story.recall = recalled.take_back(scene, story.account)  # 5
    stage.heading(f"{story.recall.deleted_by} deletes {story.sample.name(story.recall.id)}")
    stage.recall(story.recall)
    story.others = others.try_all(scene, story.sample)  # 6
    stage.heading("Objects of others: nobody speaks for another, or passes on what is not free to share")
    stage.others(story.others)
    stage.heading("Verdict")
    stage.result(story.differences, 2 * len(MEMBERS), len(story.accounts))
    return story


def _stay(stage: DemoOutput, scene: DemoHub, story: DemoReport, process: subprocess.Popen[bytes]) -> None:
    stage.heading("The hub goes on until Ctrl-C. In another terminal, as us-agency:\n")
    stage.invitation(scene, str(report_path("apt1.json")), next(iter(story.sample.groups[0].objects)))
    try:
        process.wait()
    except KeyboardInterrupt:
        return
    raise HubError(f"the demo's server ended by itself; its log is {scene.home / 'server.log'}")
