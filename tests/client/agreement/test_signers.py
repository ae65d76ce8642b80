"""By what a reader knows a nation's key: as its own, by a pin, by an endorsement that leads back to one."""

from __future__ import annotations

from typing import Any

import pytest

from hub.client.agreement.signers import Signers, Trust
from hub.proofs import documents, keys
from tests.client.loopback import cert

A, B, C, D = (keys.generate("ed25519") for _ in range(4))


def members(*own: keys.PrivateKey, endorsed: dict[int, str] | None = None) -> list[dict[str, Any]]:
    """KR's cert with these keys, some of them endorsed, and US's with D."""
    kr = cert("KR", *own)
    for number, jws in (endorsed or {}).items():
        kr["agreement_keys"][number]["endorsement"] = jws
    return [kr, cert("US", D), {"id": "kr-agency", "nation": "KR", "kind": "agency", "agreement_keys": []}]


def known(signers: Signers, *own: keys.PrivateKey) -> list[Trust]:
    return [signers.trust(signers.keys[key.thumbprint]) for key in own]


def endorse(new: keys.PrivateKey, old: keys.PrivateKey) -> str:
    return documents.endorse(new.public.jwk, old)


BY_THE_ONE_BEFORE = {1: endorse(B, A), 2: endorse(C, B)}


@pytest.mark.parametrize(
    ("pinned", "endorsed", "expected"),
    [
        ([], BY_THE_ONE_BEFORE, [Trust.UNPINNED] * 3),
        ([A], BY_THE_ONE_BEFORE, [Trust.PINNED, Trust.ENDORSED, Trust.ENDORSED]),
        ([A], {1: endorse(B, A)}, [Trust.PINNED, Trust.ENDORSED, Trust.OTHER]),
        ([A], {2: endorse(C, B)}, [Trust.PINNED, Trust.OTHER, Trust.OTHER]),
        # Anybody can make a key that endorses another's: nothing follows backwards.
        ([C], BY_THE_ONE_BEFORE, [Trust.OTHER, Trust.OTHER, Trust.PINNED]),
        ([A, C], BY_THE_ONE_BEFORE, [Trust.PINNED, Trust.ENDORSED, Trust.PINNED]),
        ([A], {1: endorse(C, A), 2: endorse(B, A)}, [Trust.PINNED, Trust.OTHER, Trust.OTHER]),
        ([A], {1: endorse(B, D), 2: "x"}, [Trust.PINNED, Trust.OTHER, Trust.OTHER]),
        ([D], BY_THE_ONE_BEFORE, [Trust.OTHER] * 3),
    ],
)
def test_a_key_is_known_by_a_pin_or_by_endorsements_that_begin_at_one(
    pinned: list[keys.PrivateKey], endorsed: dict[int, str], expected: list[Trust]
) -> None:
    pins = {"KR": frozenset(key.thumbprint for key in pinned)} if pinned else {}
    signers = Signers.read(members(A, B, C, endorsed=endorsed), pins, None)
    assert known(signers, A, B, C) == expected
    objections = list(signers.objections(["KR", "US"]))
    assert bool(objections) is (expected[-1] is Trust.OTHER)


def test_an_own_key_is_known_without_a_pin_and_tells_for_whom_one_signs() -> None:
    signers = Signers.read(members(A, B), {}, D.thumbprint)
    assert (signers.own_nation, known(signers, A, B, D)) == (
        *("US", [Trust.UNPINNED, Trust.UNPINNED, Trust.OWN]),
    )
    assert list(signers.objections(["KR", "US"])) == []
    own = Signers.read(members(A, B), {}, B.thumbprint)
    assert known(own, A, B) == [Trust.OTHER, Trust.OWN]  # an earlier key of one's own is pinned, or none


def test_a_key_that_is_pinned_for_one_nation_and_given_for_another_is_an_objection() -> None:
    pinned = {"US": frozenset([D.thumbprint])}
    moved = Signers.read([cert("JP", D), cert("US", A)], pinned, D.thumbprint)
    assert moved.own_nation == "JP"  # as the hub has it
    assert f"gives {D.thumbprint} for JP; it is pinned for US" in " ".join(moved.objections(["JP"]))
    assert list(Signers.read([cert("US", D)], pinned, D.thumbprint).objections(["US"])) == []


@pytest.mark.parametrize(
    ("given", "own", "sentence"),
    [
        ([cert("US", A)], D, "does not have your key"),
        ([cert("US", D, A)], D, "as revoked on 2026-02-01"),
        ([cert("US", D), cert("KR", D)], D, "twice"),
        ([cert("US", D), cert("US", A)], D, "gives 2 agreement keys for US"),
        ([cert("US", D), cert("US", A, id="x") | {"kind": "agency"}], D, None),  # no cert: not looked at
        ([], None, None),
        ([{}, {"kind": "cert"}, {"kind": "cert", "nation": 5}], None, None),
    ],
)
def test_what_a_hub_cannot_truly_say_of_keys_is_an_objection(
    given: list[dict[str, Any]], own: keys.PrivateKey | None, sentence: str | None
) -> None:
    signers = Signers.read(given, {}, None if own is None else own.thumbprint)
    told = " ".join(signers.objections(["US"]))
    assert (sentence or "") in told
    assert bool(told) is (sentence is not None)
