"""Reads the hub's configuration once: `config/hub.toml`, the environment and `config/nations.toml`.

`config/hub.toml` documents every key. Any fault stops the start with one SettingsError. The error names the
file (or the variable), the key and the remedy; no message repeats a value with a possible password.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from hub.errors import SettingsError
from hub.model import Limits, Nation, NationCode, Registry, StixId, Tlp

# Path segments of the hub itself: no API root may have such a name.
RESERVED_SEGMENTS: Final = frozenset({"taxii2", "governance", "log", "healthz", "readyz", "metrics"})

_MAX_PAGE_OBJECTS: Final = 100_000
_MAX_BYTES: Final = 1_073_741_824  # 1 GiB: above it a worker's memory is the limit, not a setting
_MAX_PER_MINUTE: Final = 1_000_000_000
_MAX_PORT: Final = 65_535
_SQLITE: Final = "sqlite:///"
_POSTGRESQL: Final = "postgresql+psycopg://"
_UUID: Final = "[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_BOOLEANS: Final = {"true": True, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The checked configuration. Paths are absolute, and `public_url` has no path."""

    registry: Registry
    nations_file: Path = field(default=Path("config/nations.toml"), compare=False)  # the file of `registry`
    # Database URLs stay out of repr, and so out of logs: they may hold a password.
    database_url: str = field(default="sqlite:///var/hub.db", repr=False)
    secrets_dir: Path = Path("var/secrets")
    public_url: str = "http://127.0.0.1:8000"
    api_root: str = "allied"
    page_limit: int = 1_000  # objects
    page_bytes: int = 8_388_608  # (hub/README: page-8-mib)
    max_content_length: int = 10_485_760  # bytes
    max_object_bytes: int = 2_097_152
    max_objects: int = 10_000  # of one POST
    requests_per_minute: int = 6_000  # of one member; 0: no limit
    objects_per_minute: int = 1_000_000
    require_signature: bool = True
    environment: str = "production"

    @property
    def limits(self) -> Limits:
        """The bounds on requests, in the terms of the layers below."""
        return Limits(
            page_objects=self.page_limit,
            page_bytes=self.page_bytes,
            max_body_bytes=self.max_content_length,
            max_object_bytes=self.max_object_bytes,
            max_objects=self.max_objects,
            requests_per_minute=self.requests_per_minute,
            objects_per_minute=self.objects_per_minute,
        )


def load(environ: Mapping[str, str]) -> Settings:
    """Return the settings described by `environ` and its files.

    HUB_CONFIG names the file (default: `config/hub.toml` of the checkout, else the installed copy);
    `nations.toml` is read in the same folder. HUB_<KEY> wins over the file; an empty variable counts as
    absent. Relative paths are below HUB_HOME (default: the working directory). Raises SettingsError.
    """
    home = Path(environ.get("HUB_HOME") or ".").absolute()
    named = environ.get("HUB_CONFIG")
    file = home / named if named else _default_file()
    given = _in_file(file) | _in_environment(environ)
    values = {key: _CHECKS[key](f"{place}: {key}", value) for key, (place, value) in given.items()}
    nations = file.with_name("nations.toml")
    settings = Settings(registry=_registry(nations), nations_file=nations, **values)
    _check_together(settings, {key: place for key, (place, _) in given.items()})
    return replace(
        settings,
        database_url=_below(home, settings.database_url),
        secrets_dir=home / settings.secrets_dir,
    )


def _default_file() -> Path:
    # In a checkout `_config` is a link to `config/`, in an installed package a copy of it.
    return Path(__file__).with_name("_config").resolve() / "hub.toml"


def _below(home: Path, database_url: str) -> str:
    if not database_url.startswith(_SQLITE):
        return database_url
    return _SQLITE + str(home / database_url.removeprefix(_SQLITE))


# --- where values come from -----------------------------------------------------------------------


def _in_file(file: Path) -> dict[str, tuple[str, Any]]:
    table = _table(str(file), _parsed(file), optional=frozenset(_CHECKS))
    return {key: (str(file), value) for key, value in table.items()}


def _in_environment(environ: Mapping[str, str]) -> dict[str, tuple[str, Any]]:
    # Other HUB_ variables are ignored: commands use this prefix too (HUB_URL, HUB_TOKEN, HUB_DEBUG).
    found = {key: (f"HUB_{key.upper()}", environ.get(f"HUB_{key.upper()}", "")) for key in _CHECKS}
    return {key: (name, _typed(_DEFAULTS[key], text)) for key, (name, text) in found.items() if text}


def _typed(default: object, text: str) -> object:
    """Return `text` as a value of the type of `default`, or unchanged: the check then refuses the text."""
    if isinstance(default, bool):
        return _BOOLEANS.get(text, text)
    if isinstance(default, int) and re.fullmatch(r"[0-9]{1,18}", text):
        return int(text)
    return text


def _parsed(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file}: not TOML, correct it: {error}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{file}: not UTF-8, save it as such") from None
    except OSError as error:
        remedy = "make it readable, or let HUB_CONFIG name another configuration"
        raise SettingsError(f"{file}: cannot be read ({error.strerror}); {remedy}") from None


def _table(
    place: str,
    value: object,
    *,
    required: frozenset[str] = frozenset(),
    optional: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SettingsError(f"{place} must be a table")
    if unknown := sorted(value.keys() - required - optional):
        known = ", ".join(sorted(required | optional))
        raise SettingsError(f"{place}: unknown key {unknown[0]}; remove it, the keys are {known}")
    if missing := sorted(required - value.keys()):
        raise SettingsError(f"{place}: {missing[0]} is missing; add it")
    return value


# --- one key ----------------------------------------------------------------------------------------


def _text(place: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise SettingsError(f"{place} must be text on one line")
    return value


def _flag(place: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise SettingsError(f"{place} must be true or false")
    return value


def _between(lowest: int, highest: int) -> Callable[[str, object], int]:
    def check(place: str, value: object) -> int:
        if type(value) is not int or not lowest <= value <= highest:  # a bool is an int, but no number
            raise SettingsError(f"{place} must be a whole number from {lowest} to {highest}")
        return value

    return check


def _database_url(place: str, value: object) -> str:
    url = _text(place, value)
    if url.startswith(_POSTGRESQL):
        return url
    path = url.removeprefix(_SQLITE)
    # In memory each worker would have its own database; options after `?` are set by the hub.
    if path in {url, "", ":memory:"} or "?" in path or path.startswith("file:"):
        raise SettingsError(f"{place} must be {_SQLITE}FILE or {_POSTGRESQL}USER:PASSWORD@HOST/DATABASE")
    return url


def _folder(place: str, value: object) -> Path:
    return Path(_text(place, value))


def _public_url(place: str, value: object) -> str:
    url = _text(place, value).removesuffix("/")
    # Lower case, as sent by clients: a signature's target URI is compared letter by letter (RFC 9421 2.2.2).
    pattern = r"https?://(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?"
    match = re.fullmatch(pattern, url)
    if not match or not 0 < int(match[1] or 1) <= _MAX_PORT:
        raise SettingsError(
            f"{place} must be http(s)://HOST or http(s)://HOST:PORT, in lower case, without a path"
        )
    if urlsplit(url).port == {"http": 80, "https": 443}[urlsplit(url).scheme]:
        raise SettingsError(f"{place} must leave out the port that its scheme implies, as clients do")
    return url


def _api_root(place: str, value: object) -> str:
    segment = _text(place, value)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,63}", segment) or segment in RESERVED_SEGMENTS:
        reserved = ", ".join(sorted(RESERVED_SEGMENTS))
        raise SettingsError(
            f"{place} must be one path segment of letters, digits and ._~-, and none of {reserved}"
        )
    return segment


def _environment(place: str, value: object) -> str:
    if value not in {"production", "development"}:
        raise SettingsError(f"{place} must be production or development")
    return str(value)


_CHECKS: Final[Mapping[str, Callable[[str, object], Any]]] = {
    "database_url": _database_url,
    "secrets_dir": _folder,
    "public_url": _public_url,
    "api_root": _api_root,
    "page_limit": _between(1, _MAX_PAGE_OBJECTS),
    "page_bytes": _between(1, _MAX_BYTES),
    "max_content_length": _between(1, _MAX_BYTES),
    "max_object_bytes": _between(1, _MAX_BYTES),
    "max_objects": _between(1, _MAX_PAGE_OBJECTS),
    "requests_per_minute": _between(0, _MAX_PER_MINUTE),
    "objects_per_minute": _between(0, _MAX_PER_MINUTE),
    "require_signature": _flag,
    "environment": _environment,
}
_DEFAULTS: Final = {f.name: f.default for f in fields(Settings) if f.default is not MISSING}


def _check_together(settings: Settings, places: Mapping[str, str]) -> None:
    # INVARIANT: in production every write is signed: an unsigned write proves nothing.
    if not settings.require_signature and settings.environment != "development":
        place = places["require_signature"]
        raise SettingsError(f"{place}: require_signature may be false only where environment is development")


_MARKINGS: Final = ("marking-definition", "extension-definition")

# --- nations ----------------------------------------------------------------------------------------


def _registry(file: Path) -> Registry:
    required = frozenset({"informative_markings", "hub", "released", "nations"})
    optional = frozenset({"public_sources"})
    table = _table(str(file), _parsed(file), required=required, optional=optional)
    hub = _table(f"{file}: hub", table["hub"], required=frozenset({"identity_id"}))
    released = _table(f"{file}: released", table["released"], required=frozenset({"collection_id"}))
    registry = Registry(
        nations=_nations(file, table["nations"]),
        hub_identity_id=_stix_id(f"{file}: hub.identity_id", hub["identity_id"], "identity"),
        released_collection_id=_uuid4(f"{file}: released.collection_id", released["collection_id"]),
        informative_markings=_ids(f"{file}: informative_markings", table["informative_markings"], *_MARKINGS),
        public_sources=_ids(f"{file}: public_sources", table.get("public_sources", []), "identity"),
    )
    _check_distinct(file, registry)
    return registry


def _nations(file: Path, value: object) -> dict[NationCode, Nation]:
    if not isinstance(value, list) or not value:
        raise SettingsError(f"{file}: nations must be one [[nations]] table per nation")
    nations = [_nation(f"{file}: nations[{index}]", entry) for index, entry in enumerate(value)]
    found = {nation.code: nation for nation in nations}
    if len(found) != len(nations):
        raise SettingsError(f"{file}: a code stands in two [[nations]]; remove one of them")
    return found


def _nation(place: str, value: object) -> Nation:
    required = frozenset({"code", "name", "collection_id", "identity_id", "rel_to_id"})
    table = _table(place, value, required=required, optional=frozenset({"default_tlp", "unmarked"}))
    if not isinstance(table["code"], str) or not re.fullmatch(r"[A-Z]{2}", table["code"]):
        raise SettingsError(f"{place}.code must be two upper-case letters (ISO 3166-1 alpha-2)")
    return Nation(
        code=NationCode(table["code"]),
        name=_text(f"{place}.name", table["name"]),
        collection_id=_uuid4(f"{place}.collection_id", table["collection_id"]),
        identity_id=_stix_id(f"{place}.identity_id", table["identity_id"], "identity"),
        rel_to_id=_stix_id(f"{place}.rel_to_id", table["rel_to_id"], "marking-definition"),
        default_tlp=_default_tlp(f"{place}.default_tlp", table.get("default_tlp", Tlp.AMBER.label)),
        unmarked_stays_home=_unmarked(f"{place}.unmarked", table.get("unmarked", "default")),
    )


def _default_tlp(place: str, value: object) -> Tlp:
    tlp = Tlp.of(value) if isinstance(value, str) else None
    if not tlp:  # Tlp.CLEAR is false like None: unmarked never means public (policy 2.4)
        raise SettingsError(f"{place} must be green, amber, amber+strict or red")
    return tlp


def _unmarked(place: str, value: object) -> bool:
    if value not in ("default", "home"):
        raise SettingsError(f"{place} must be default (handled by default_tlp) or home (kept in its nation)")
    return value == "home"


def _uuid4(place: str, value: object) -> str:
    # TAXII 2.1 asks for a version 4 UUID as the id of a collection.
    if not re.fullmatch(_UUID.replace("[1-8]", "4"), str(value)):
        raise SettingsError(f"{place} must be a random UUID (version 4) in lower case")
    return str(value)


def _stix_id(place: str, value: object, *types: str) -> StixId:
    if not re.fullmatch(f"(?:{'|'.join(types)})--{_UUID}", str(value)):
        wanted = " or ".join(f"{name}--UUID" for name in types)
        raise SettingsError(f"{place} must be {wanted}, in lower case")
    return StixId(str(value))


def _ids(place: str, value: object, *types: str) -> frozenset[StixId]:
    if not isinstance(value, list):
        raise SettingsError(f"{place} must be a list of ids")
    return frozenset(_stix_id(f"{place}[{index}]", entry, *types) for index, entry in enumerate(value))


def _check_distinct(file: Path, registry: Registry) -> None:
    """Refuse an id with two meanings: an answer or a marking would be taken for another's."""
    owned = [registry.released_collection_id, registry.hub_identity_id]
    owned += [*registry.informative_markings, *registry.public_sources]
    for nation in registry.nations.values():
        owned += [nation.collection_id, nation.identity_id, nation.rel_to_id]
    if twice := sorted({one for one in owned if owned.count(one) > 1}):
        raise SettingsError(f"{file}: {twice[0]} stands for two things; give each an id of its own")
