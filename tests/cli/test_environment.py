"""What the environment gives, and what a mistyped name is told; ids and codes as they are typed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hub.cli.environment import known_names, unknown
from tests.cli.conftest import Run
from tests.cli.results import json_of

ROOT = Path(__file__).parents[2]


# --- variables --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("HUB_TOKN", "HUB_TOKN is set, and nothing reads it; is HUB_TOKEN meant?"),
        ("HUB_DATABASE", "HUB_DATABASE is set, and nothing reads it; is HUB_DATABASE_URL meant?"),
        ("HUB_REQUIRE_SIGNATURES", "is HUB_REQUIRE_SIGNATURE meant?"),
        ("HUB_token", "HUB_token is set, and nothing reads it; is HUB_TOKEN meant?"),
        ("HUB_QQQQQQQQ", "HUB_QQQQQQQQ is set, and nothing reads it"),
    ],
)
def test_a_variable_that_nothing_reads_is_told_with_the_nearest_name(name: str, said: str) -> None:
    (sentence,) = unknown({name: "a secret", "HUB_TOKEN": "t"})
    assert sentence.endswith(said)
    assert "a secret" not in sentence


def test_known_variables_those_of_tests_and_others_are_told_nothing() -> None:
    names = [*known_names(), "HUB_TEST_EXAMPLES", "PATH", "GITHUB_TOKEN"]
    assert unknown(dict.fromkeys(names, "x")) == []


def test_every_variable_that_the_code_names_is_known() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "hub").rglob("*.py"))
    named = set(re.findall(r"\bHUB_[A-Z][A-Z_]+\b", code)) - {"HUB_TEST_"}
    assert named <= known_names()


def test_it_is_told_once_on_stderr_and_the_command_goes_on(run: Run) -> None:
    result = run("init", "--json", env={"HUB_PUBLIC_ULR": "https://x"})
    assert json_of(result)["nations"]
    assert result.stderr == "hub: HUB_PUBLIC_ULR is set, and nothing reads it; is HUB_PUBLIC_URL meant?\n"


@pytest.mark.parametrize("command", [("poll", "us"), ("push", "us", "x"), ("agreement", "list")])
def test_a_missing_token_names_its_variable(run: Run, command: tuple[str, ...]) -> None:
    result = run(*command)
    assert result.exit_code == 2
    assert "Give --token or set HUB_TOKEN." in result.stderr


# --- codes and ids ----------------------------------------------------------------------------------


def test_a_nations_code_may_be_typed_in_lower_case(run: Run) -> None:
    run("init")
    added = json_of(
        run("member", "add", "us-cert", "--nation", "us", "--kind", "cert", "--name", "C", "--json")
    )
    assert added["nation"] == "US"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (
            ("member", "add", "US-CERT", "--nation", "US", "--kind", "cert", "--name", "C"),
            "use 2 to 63 of a-z",
        ),
        (("member", "suspend", "US-CERT"), "no member 'US-CERT'"),
        (("token", "issue", "US-CERT"), "no member 'US-CERT'"),
        (("member", "identity", "us-cert", "IDENTITY--00000000-0000-4000-8000-000000000000"), "lower case"),
    ],
)
def test_an_id_is_never_folded(run: Run, command: tuple[str, ...], said: str) -> None:
    run("init")
    run("member", "add", "us-cert", "--nation", "US", "--kind", "cert", "--name", "C")
    result = run(*command)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr


# --- what comes next --------------------------------------------------------------------------------


def test_init_says_what_to_type_until_a_cert_can_act(run: Run, tmp_path: Path) -> None:
    first = run("init").stdout
    typed = [line.strip() for line in first.splitlines() if line.startswith("    ")]
    assert [line.split()[1] for line in typed] == ["keygen", "keygen", "member", "key", "key", "token"]
    assert "hub serve" in first
    add, *rest = typed[2:]
    json_of(run(*_words(add), "--json"))
    second = run("init").stdout
    assert "us-cert cannot act yet:" in second
    assert [line.strip() for line in second.splitlines() if line.startswith("    ")] == rest
    assert "Without a CERT: KR, JP, AU, IN" in second
    for line in typed[:2]:
        run("keygen", tmp_path / _words(line)[1])
    for line in rest:
        words = [str(tmp_path / word) if word.endswith(".jwk") else word for word in _words(line)]
        json_of(run(*words, "--json"))
    assert "cannot act yet" not in run("init").stdout


def _words(line: str) -> list[str]:
    return [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', line)][1:]
