"""The docstring of hub/errors.py draws the whole tree of errors, and every refusal has a sentence."""

from __future__ import annotations

import inspect
import re
from http import HTTPStatus

import pytest

from hub import errors

CLASSES = [
    value for value in vars(errors).values() if inspect.isclass(value) and value.__module__ == errors.__name__
]
REFUSALS = [one for one in CLASSES if issubclass(one, errors.Refused) and one is not errors.Refused]
BRANCH = re.compile(r"^    ([│ ├└─]*)([A-Z][A-Za-z]+)(?: +(\d{3}))?", re.MULTILINE)
DRAWN = [(len(m[1]) // 4, m[2], m[3]) for m in BRANCH.finditer(errors.__doc__ or "")]


def parents() -> dict[str, str]:
    """Return the parent of each error in the drawing."""
    path: list[str] = []
    found = {}
    for depth, name, _ in DRAWN:
        del path[depth:]
        if path:
            found[name] = path[-1]
        path.append(name)
    return found


def test_the_drawing_is_the_tree() -> None:
    inherited = {one.__name__: one.__bases__[0].__name__ for one in CLASSES if one is not errors.HubError}
    assert parents() == inherited


def test_the_drawing_gives_the_status() -> None:
    for _, name, status in DRAWN:
        if status:
            assert getattr(errors, name).status == int(status), name


@pytest.mark.parametrize("refusal", REFUSALS)
def test_every_refusal_has_a_title_and_the_status_of_an_error(refusal: type[errors.Refused]) -> None:
    assert vars(refusal)["title"].strip()
    assert HTTPStatus(refusal.status) >= HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize("one", [one for one in CLASSES if one not in REFUSALS])
def test_every_other_class_says_what_it_is(one: type[Exception]) -> None:
    assert vars(one)["__doc__"]
