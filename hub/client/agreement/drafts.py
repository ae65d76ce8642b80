"""Agreement documents from files: TOML as authors write, or JSON as a hub keeps."""

from __future__ import annotations

import math
import tomllib
from datetime import UTC, date, datetime, time
from typing import Any, Final

import orjson

from hub.client.errors import ClientError
from hub.client.input.reading import refuse_ambiguous
from hub.model import JsonObject

_GREATEST_INTEGER: Final = 2**53 - 1


def read_agreement(name: str, data: bytes) -> JsonObject:
    """Return the agreement document of a TOML or JSON file, with the times of TOML as RFC 3339 text in UTC.

    Raises ClientError for other texts, and for values without an exact JSON form: a date or a time of day
    alone, a time without an offset, a number beyond 2^53-1 or not finite, a key twice.
    """
    # No key of TOML begins with a brace: the two forms cannot be confused.
    if data.lstrip().startswith(b"{"):
        return _json(name, data)
    try:
        return {
            key: _json_value(f"{name}: {key}", value) for key, value in tomllib.loads(data.decode()).items()
        }
    except UnicodeDecodeError as error:
        raise ClientError(f"{name}: not UTF-8: save the file as UTF-8 text") from error
    except RecursionError as error:
        raise ClientError(f"{name}: nested too deeply") from error
    except ValueError as error:  # from tomllib, or from int() for too many digits
        raise ClientError(f"{name}: not TOML: {error}") from error


def _json(name: str, data: bytes) -> JsonObject:
    try:
        document: JsonObject = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ClientError(f"{name}: not JSON: {error}") from error
    # RFC 8259 section 4 leaves the meaning of a repeated key open: two readers could sign different
    # documents.
    refuse_ambiguous(name, data)
    return document


def _json_value(place: str, value: Any) -> Any:
    match value:
        case dict():
            return {key: _json_value(f"{place}, {key}", item) for key, item in value.items()}
        case list():
            return [_json_value(f"{place} {number}", item) for number, item in enumerate(value, 1)]
        case datetime():
            return _instant(place, value)
        case date() | time():
            raise ClientError(f"{place}: write date, time and offset, as in 2026-01-01T00:00:00Z")
        case float() if not math.isfinite(value):
            raise ClientError(f"{place}: {value} is no number that JSON can carry")
        # RFC 8785 writes every number as an IEEE 754 double: beyond 2^53-1 digits are lost.
        case int() if abs(value) > _GREATEST_INTEGER:
            raise ClientError(f"{place}: an integer beyond 2^53-1: write it as a string")
        case _:
            return value


def _instant(place: str, value: datetime) -> str:
    if value.tzinfo is None:
        raise ClientError(f"{place}: a time without an offset: write Z at its end if it is in UTC")
    try:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except OverflowError as error:
        raise ClientError(f"{place}: the time lies beyond the calendar in UTC") from error
