"""Where the hub and others differ on domain, relationship and meta objects, and why.

Each name begins with the section of STIX 2.1 by which the hub decides (`by_the_text`).
"""

from __future__ import annotations

from typing import Any

import pytest

from hub.stix.validity import validation
from hub.stix.validity.schemas import OBSERVABLE_TYPES
from tests.stix.by_the_text import ACCEPTED, REFUSED
from tests.stix.opinions import examples, mutations, python_stix2, validator

# The hub accepts, python-stix2 does not read.
UNREAD = {
    "2.16 nanoseconds": "the text allows any number of digits, Python's datetime holds six",
    "2.9 keys as references in the old container": "the text lets the old container's ids be any strings",
    "7.2.1 a type of one's own": "the types of the text are a SHOULD; python-stix2 wants a class for each",
    "7.2.1 a type that begins with statement": "as above",
}
# The hub accepts, stix2-validator does not.
NOT_VALID = {
    "2.3 a key with capitals": "keys of extensions are ids or given names by a SHOULD",
    "3.2 another name of an extension": "as above",
    "2.5.2 a CVE id by another source": "that the source is cve is a rule of vulnerability (4.18)",
    "2.5.2 cve with nothing but a URL": "as above",
    "2.5.2 a capec id beside a tool": "that the source is capec is a rule of attack-pattern (4.1)",
    "3.8 phone_numbers is not reserved": "the text reserves phone_number",
    "4.14 a custom type that begins like another": "its expression is not anchored",
    "4.14 the old container": "it stumbles: it wants an id in each observable",
    "4.14 custom types in the old container": "as above",
    "2.9 keys as references in the old container": "as above",
    "7.1 of a statement": "its list of languages lacks zh-Hant",
    "7.2.1 a type that begins with statement": "its expression is not anchored",
    "7.2.3 a language": "it wants marking_ref where lang stands instead",
}
# The hub refuses what neither of the others does.
REFUSED_HERE_ALONE = {
    "2.5.2 a null": "they do not look at names and values inside an external reference",
    "3.2 defanged": "they take it for a custom property; the text forbids it",
    "3.8 phone_number": "the validator reserves phone_numbers",
    "4.14 relationships alone": "one observable must be there",
    "4.16 a bundle reported": "a bundle is no STIX object",
    "5.1 to an extension": "both ends are domain objects or observables",
}
# The hub refuses, python-stix2 reads: it looks at types, and hardly at what words may say.
READ = {
    *REFUSED_HERE_ALONE,
    "3.1 a name with a hyphen",
    "3.2 created without milliseconds",
    "3.2 a language by its name",
    "3.2 a language with an underscore",
    "3.2 a country for a language",
    "3.2 a key that is none",
    "3.8 severity",
    "3.8 username",
    "3.8 action",
    "4.1 a CAPEC id by another source",
    "4.1 capec with another id",
    "4.12 a url for a sample",
    "4.14 a tool in the container",
    "4.18 a CVE id by another source",
    "4.18 cve with another id",
    "7.1 a language by its name",
    "7.1 a text for a dictionary",
    "7.1 of a bundle",
    "7.2.1 marked by itself",
    "7.2.3 a language by its own name",
    "7.3 properties without their kind",
    "7.3 an extension without its kind",
    "3.2 modified before it was made",
}
# The hub refuses, stix2-validator does not: it hardly looks at what references name.
VALID = {
    *REFUSED_HERE_ALONE,
    "11.1 an argument of python-stix2",
    "11.1 another at depth",
    "2.5.2 a hash of another name",
    "3.2 an extension of another type",
    "3.2 made by malware",
    "3.2 marked by an identity",
    "4.10 a negative distance",
    "4.11 a tool for a sample",
    "4.11 no identifier for a sample",
    "4.12 malware captured",
    "5.2 of a file",
    "7.2.1 a definition without its type",
    "7.2.1 an empty statement",
    "7.2.3 both",
    "7.3 by nobody",
}


def test_python_stix2_reads_what_the_text_allows_but_for_this():
    assert {name for name, obj in ACCEPTED.items() if python_stix2(obj)} == UNREAD.keys()


def test_the_validator_passes_what_the_text_allows_but_for_this():
    assert {name for name, obj in ACCEPTED.items() if validator(obj)} == NOT_VALID.keys()


def test_python_stix2_refuses_what_the_text_forbids_but_for_this():
    assert {name for name, (obj, _) in REFUSED.items() if not python_stix2(obj)} == READ


def test_the_validator_refuses_what_the_text_forbids_but_for_this():
    assert {name for name, (obj, _) in REFUSED.items() if not validator(obj)} == VALID
    assert REFUSED_HERE_ALONE.keys() == READ & VALID


# --- python-stix2 reads whatever the hub accepts -------------------------------------------------------


def is_known(opinion: str) -> bool:
    """Whether this is one of `UNREAD` in another dress, or a bad selector.

    A bad selector closes an object rather than refuse it, so that no ally gets it (policy 2.5).
    """
    return "must be a valid marking type" in opinion or "elector" in opinion


def test_every_object_of_the_examples_passes_and_is_read():
    objects = examples()
    assert len(objects) > 100
    assert [obj["id"] for obj in objects if validation.fault(obj) or python_stix2(obj)] == []


def a_sample_of_each_type() -> dict[str, dict[str, Any]]:
    found = {obj["type"]: obj for obj in reversed(examples()) if obj["type"] not in OBSERVABLE_TYPES}
    return found | {name: obj for name, obj in ACCEPTED.items() if name not in UNREAD}


SAMPLES = a_sample_of_each_type()


@pytest.mark.parametrize("name", SAMPLES)
def test_whatever_is_accepted_of_a_changed_object_is_read(name):
    unread = {}
    for obj in mutations(SAMPLES[name]):
        if validation.fault(obj) is None and (opinion := python_stix2(obj)) and not is_known(opinion):
            unread[opinion] = obj
    assert unread == {}
