"""Values taken out of an answer: what is missing or of another type is one sentence that names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hub.client import ClientError
from hub.client.http import answers

ANSWER: dict[str, Any] = {
    "text": "x", "number": 5, "flag": True, "part": {"a": 1}, "parts": [{}, {"a": 1}], "texts": ["a", "b"],
    "null": None, "mixed": ["a", {}, 5], "float": 1.5,
}  # fmt: skip
READERS: dict[str, Callable[..., Any]] = {
    name: getattr(answers, name) for name in ("text", "number", "flag", "part", "parts", "texts")
}


@pytest.mark.parametrize("name", READERS)
def test_what_is_there_is_given_as_it_is(name: str) -> None:
    assert READERS[name](ANSWER, name) == ANSWER[name]


@pytest.mark.parametrize("name", READERS)
def test_everything_else_is_refused_with_its_name(name: str) -> None:
    for other in {*ANSWER, "missing"} - {name}:
        with pytest.raises(ClientError, match=rf"`{other}(\[\d\])?`"):
            READERS[name](ANSWER, other)


def test_an_empty_list_is_a_list_of_anything() -> None:
    assert answers.texts({"a": []}, "a") == answers.parts({"a": []}, "a") == []


def test_what_is_optional_may_be_missing_or_null_but_not_of_another_type() -> None:
    assert answers.optional(answers.text, ANSWER, "missing") is None
    assert answers.optional(answers.text, ANSWER, "null") is None
    assert answers.optional(answers.text, ANSWER, "text") == "x"
    with pytest.raises(ClientError, match="`number` is a number, not a text"):
        answers.optional(answers.text, ANSWER, "number")
