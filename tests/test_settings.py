"""The start stops on anything that is not understood, and says where and what to do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hub.errors import SettingsError
from hub.model import Limits, NationCode, Tlp
from hub.settings import load

CONFIG = Path(__file__).parents[1] / "config"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration of our own: an empty hub.toml beside the nations of the checkout."""
    shutil.copy(CONFIG / "nations.toml", tmp_path)
    file = tmp_path / "hub.toml"
    file.touch()
    return file


def environ(config: Path, **variables: str) -> dict[str, str]:
    return {"HUB_CONFIG": str(config), "HUB_HOME": str(config.parent)} | variables


BAD = [
    ("database_url", '"mysql://localhost/hub"', "sqlite:///FILE"),
    ("database_url", '"sqlite://"', "sqlite:///FILE"),  # in memory: each worker would have its own
    ("database_url", '"sqlite:///:memory:"', "sqlite:///FILE"),
    ("database_url", '"sqlite:///hub.db?mode=ro"', "sqlite:///FILE"),
    ("database_url", '"postgresql://localhost/hub"', "postgresql+psycopg://"),
    ("database_url", "7", "text"),
    ("secrets_dir", '""', "text"),
    ("secrets_dir", '"a\\u0000b"', "text"),
    ("public_url", '"hub.example"', "http(s)://HOST"),
    ("public_url", '"ftp://hub.example"', "http(s)://HOST"),
    ("public_url", '"https://hub.example/taxii"', "without a path"),
    ("public_url", '"https://hub.example?x=1"', "without a path"),
    ("public_url", '"https://user@hub.example"', "http(s)://HOST"),
    ("public_url", '"https://Hub.Example"', "lower case"),
    ("public_url", '"https://hub.example:0"', "http(s)://HOST:PORT"),
    ("public_url", '"https://hub.example:65536"', "http(s)://HOST:PORT"),
    ("public_url", '"https://hub.example:443"', "leave out the port"),
    ("api_root", '"a/b"', "one path segment"),
    ("api_root", '"Ünion"', "one path segment"),
    ("api_root", '".."', "one path segment"),
    *[("api_root", f'"{word}"', "none of") for word in ("taxii2", "governance", "log")],
    *[("api_root", f'"{word}"', "none of") for word in ("healthz", "readyz", "metrics")],
    ("page_limit", "0", "whole number from 1 to 100000"),
    ("page_limit", "100001", "whole number from 1 to 100000"),
    ("page_limit", "true", "whole number"),
    ("page_limit", '"1000"', "whole number"),
    ("page_bytes", "1.5", "whole number"),
    ("max_content_length", "-1", "whole number"),
    ("max_object_bytes", "1073741825", "whole number"),
    ("requests_per_minute", "-1", "whole number from 0 to 1000000000"),
    ("objects_per_minute", "true", "whole number"),
    ("require_signature", '"false"', "true or false"),
    ("require_signature", "false", "only where environment is development"),
    ("environment", '"test"', "production or development"),
    ("page_size", "5", "unknown key page_size; remove it"),
]


@pytest.mark.parametrize(("key", "value", "remedy"), BAD)
def test_a_bad_value_stops_the_start_and_names_file_key_and_remedy(
    config: Path, key: str, value: str, remedy: str
) -> None:
    config.write_text(f"{key} = {value}\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load(environ(config))
    sentence = str(caught.value)
    assert sentence.startswith(f"{config}: ")
    assert key in sentence
    assert remedy in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("variable", "value", "remedy"),
    [
        ("HUB_PAGE_LIMIT", "many", "whole number"),
        ("HUB_PAGE_LIMIT", "-1", "whole number"),
        ("HUB_PAGE_LIMIT", "٣", "whole number"),
        ("HUB_PAGE_LIMIT", "9" * 5_000, "whole number"),
        ("HUB_REQUIRE_SIGNATURE", "no", "true or false"),
        ("HUB_REQUIRE_SIGNATURE", "false", "only where environment is development"),
        ("HUB_API_ROOT", "log", "none of"),
    ],
)
def test_a_bad_variable_is_named(config: Path, variable: str, value: str, remedy: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{variable}: .*{remedy}"):
        load(environ(config, **{variable: value}))


def test_a_password_is_never_repeated(config: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(environ(config, HUB_DATABASE_URL="postgresql://hub:tr0ub4dor@localhost/hub"))
    assert "tr0ub4dor" not in str(caught.value)
    settings = load(environ(config, HUB_DATABASE_URL="postgresql+psycopg://hub:tr0ub4dor@localhost/hub"))
    assert "tr0ub4dor" not in repr(settings)


@pytest.mark.parametrize("name", ["hub.toml", "nations.toml"])
@pytest.mark.parametrize(
    ("content", "remedy"),
    [(None, "cannot be read"), (b"= 1\n", "not TOML"), (b'a = "\xff"\n', "not UTF-8")],
)
def test_a_file_that_cannot_be_read_is_named(
    config: Path, name: str, content: bytes | None, remedy: str
) -> None:
    file = config.with_name(name)
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        load(environ(config))
    assert str(caught.value).startswith(f"{file}: {remedy}")


US = "2084e5b0-60b5-4255-8d87-b1e02bce4eab"


@pytest.mark.parametrize(
    ("old", "new", "remedy"),
    [
        ('code = "KR"', 'code = "kr"', "nations[1].code must be two upper-case letters"),
        ('code = "KR"', 'code = "KOR"', "nations[1].code must be two upper-case letters"),
        ('code = "KR"', "code = 410", "nations[1].code must be two upper-case letters"),
        ('code = "KR"', 'code = "US"', "a code stands in two"),
        ('name = "Japan"', 'name = " "', "nations[2].name must be text"),
        ('name = "Japan"\n', "", "nations[2]: name is missing"),
        ('name = "Japan"', 'name = "Japan"\nflag = 1', "nations[2]: unknown key flag"),
        (
            'code = "US"\n',
            'code = "US"\ndefault_tlp = "clear"\n',
            "nations[0].default_tlp must be green, amber",
        ),
        (
            'code = "US"\n',
            'code = "US"\ndefault_tlp = "white"\n',
            "nations[0].default_tlp must be green, amber",
        ),
        (
            'code = "US"\n',
            'code = "US"\ndefault_tlp = "AMBER"\n',
            "nations[0].default_tlp must be green, amber",
        ),
        (f"identity--{US}", f"identity--{US.upper()}", "nations[0].identity_id must be identity--UUID"),
        (f"identity--{US}", f"campaign--{US}", "nations[0].identity_id must be identity--UUID"),
        (f"identity--{US}", "identity--2c4dda9b-ba55-426a-94aa-d17ddb3b24aa", "stands for two things"),
        (
            'collection_id = "f3dadca1-980b-4',
            'collection_id = "f3dadca1-980b-1',
            "nations[2].collection_id must be",
        ),
        (
            'rel_to_id = "marking-definition--b9ad',
            'rel_to_id = "statement--b9ad',
            "nations[2].rel_to_id must be",
        ),
        ("[hub]\n", "[hub]\nname = 1\n", "hub: unknown key name"),
        ("[released]\ncollection_id", "[released]\nid", "released: unknown key id"),
        ("[[nations]]", "[[nation]]", "unknown key nation"),
        ('"marking-definition--fa42', '"marking--fa42', "informative_markings[0] must be"),
    ],
)
def test_nations_that_cannot_be_told_apart_or_understood_stop_the_start(
    config: Path, old: str, new: str, remedy: str
) -> None:
    file = config.with_name("nations.toml")
    text = file.read_text(encoding="utf-8")
    if "default_tlp" in new:
        text = text.replace('default_tlp = "amber"\n', "")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load(environ(config))
    assert str(caught.value).startswith(f"{file}: ")
    assert remedy in str(caught.value)


def test_the_environment_wins_over_the_file(config: Path) -> None:
    config.write_text('page_limit = 7\npage_bytes = 9\nenvironment = "development"\n', encoding="utf-8")
    settings = load(environ(config, HUB_PAGE_LIMIT="8", HUB_REQUIRE_SIGNATURE="false", HUB_API_ROOT=""))
    assert (settings.page_limit, settings.page_bytes) == (8, 9)
    assert not settings.require_signature
    assert settings.api_root == "allied"  # an empty variable counts as absent
    assert (settings.limits.page_objects, settings.limits.page_bytes) == (8, 9)


def test_what_a_members_side_reads_is_none_of_the_hubs(config: Path) -> None:
    load(environ(config, HUB_URL="https://x", HUB_TOKEN="t", HUB_KEY="k", HUB_BUILD="7"))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("sqlite:///var/hub.db", "sqlite:///{home}/var/hub.db"),
        ("sqlite:////srv/hub.db", "sqlite:////srv/hub.db"),
        ("postgresql+psycopg://hub@db/hub", "postgresql+psycopg://hub@db/hub"),
    ],
)
def test_relative_paths_are_below_the_home(config: Path, given: str, expected: str) -> None:
    settings = load(environ(config, HUB_DATABASE_URL=given, HUB_SECRETS_DIR="keys"))
    assert settings.database_url == expected.format(home=config.parent)
    assert settings.secrets_dir == config.parent / "keys"


def test_the_home_is_the_working_directory_unless_named(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(config.parent)
    assert load({"HUB_CONFIG": "hub.toml"}).secrets_dir == config.parent / "var" / "secrets"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://hub.example/", "https://hub.example"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://hub.example:8443", "https://hub.example:8443"),
    ],
)
def test_the_public_url_is_scheme_and_host(config: Path, given: str, expected: str) -> None:
    assert load(environ(config, HUB_PUBLIC_URL=given)).public_url == expected


def test_the_checkout_starts_as_it_is() -> None:
    settings = load({})
    assert list(settings.registry.nations) == ["US", "KR", "JP", "AU", "IN"]
    assert {nation.default_tlp for nation in settings.registry.nations.values()} == {Tlp.AMBER}
    assert settings.require_signature
    assert settings.limits == Limits(requests_per_minute=6_000, objects_per_minute=1_000_000)


def test_a_sixth_nation_is_one_more_entry(config: Path) -> None:
    with config.with_name("nations.toml").open("a", encoding="utf-8") as file:
        file.write(
            '\n[[nations]]\ncode = "NZ"\nname = "New Zealand"\n'
            'collection_id = "0c7d1f5c-5a3c-4f0b-9d57-0b3f4d5a6e71"\n'
            'identity_id = "identity--0c7d1f5c-5a3c-4f0b-9d57-0b3f4d5a6e72"\n'
            'rel_to_id = "marking-definition--0c7d1f5c-5a3c-4f0b-9d57-0b3f4d5a6e73"\n'
        )
    nation = load(environ(config)).registry.nations[NationCode("NZ")]
    assert nation.collection_id == "0c7d1f5c-5a3c-4f0b-9d57-0b3f4d5a6e71"
    assert (nation.code, nation.default_tlp) == ("NZ", Tlp.AMBER)
