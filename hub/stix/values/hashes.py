"""Checks a hash value against the form of the algorithm named by its key (STIX 2.1 section 2.7)."""

from __future__ import annotations

import re
from typing import Final

from hub.stix.values.places import shown

# Names are compared without hyphens and case: people write SHA256 and sha-256 beside SHA-256. Beside
# hash-algorithm-ov these are the algorithms checked by python-stix2: a value refused there would make a whole
# answer unreadable.
_HEX_DIGITS: Final = {
    "MD5": ("MD5", (32,)),
    "MD6": ("MD6", (32, 40, 56, 64, 96, 128)),
    "RIPEMD160": ("RIPEMD-160", (40,)),
    "SHA1": ("SHA-1", (40,)),
    "SHA224": ("SHA-224", (56,)),
    "SHA256": ("SHA-256", (64,)),
    "SHA384": ("SHA-384", (96,)),
    "SHA512": ("SHA-512", (128,)),
    "SHA3224": ("SHA3-224", (56,)),
    "SHA3256": ("SHA3-256", (64,)),
    "SHA3384": ("SHA3-384", (96,)),
    "SHA3512": ("SHA3-512", (128,)),
    "WHIRLPOOL": ("WHIRLPOOL", (128,)),
}
_USUAL_DIGITS: Final = {"MD5": 32, "SHA-1": 40, "SHA-256": 64, "SHA-512": 128}  # the hashes of real senders
_HEX: Final = re.compile(r"[0-9A-Fa-f]*")
_FORMS: Final = {
    # Blocks of 64 characters at most, and 128 in all: the bound of python-stix2 and of the OASIS schema.
    "SSDEEP": (
        re.compile(r"(?=.{3,128}\Z)[0-9]+:[A-Za-z0-9+/]{0,64}:[A-Za-z0-9+/]{0,64}"),
        "; write it as 96:s4Ud1Lj96tHHlZDrwciQmA:s4Ud1Lj96tHHlZ",
    ),
    # The 35 bytes of STIX, and the prefix T1 of TLSH since version 4.
    "TLSH": (
        re.compile(r"(?:[Tt]1)?[0-9A-Fa-f]{70}"),
        ": it has 70 hexadecimal digits, and may have T1 before them",
    ),
}


def hash_fault(algorithm: str, value: str) -> str | None:
    """Return why `value` is no hash of `algorithm`, as the end of a sentence, or None.

    An algorithm unknown here gives None: hash-algorithm-ov is open.
    """
    name = re.sub("[-_]", "", algorithm).upper()
    if name in _FORMS:
        form, said = _FORMS[name]
        return None if form.fullmatch(value) else f"{shown(value)} is no {name} hash{said}"
    if name not in _HEX_DIGITS:
        return None
    known, lengths = _HEX_DIGITS[name]
    if not _HEX.fullmatch(value):
        return (
            f"{shown(value)} is no {known} hash: it has other characters than the digits 0-9 and a-f; "
            "write its digits alone"
        )
    if len(value) in lengths:
        return None
    needed = " or ".join(map(str, lengths))
    fits = " or ".join(name for name, digits in _USUAL_DIGITS.items() if digits == len(value))
    remedy = f"name it {fits} if it is one" if fits else "write the whole hash"
    return (
        f"{shown(value)} is no {known} hash: it has {len(value)} digits, and {known} has {needed}; {remedy}"
    )
