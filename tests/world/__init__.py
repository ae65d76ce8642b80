"""A small alliance in one line: a hub on a real database, its members with keys and tokens, a clock to set.

world = build(database_url)
world.push("us-agency", indicator(tlp="amber"))
world.agree(["US", "KR"], clause("US", "KR", "amber"))
assert stix_id("indicator") in world.ids("kr-cert")

`build` registers a member of every kind in each nation; `build_empty` registers a member when a test names
it for the first time.
"""

from tests.nations import CODES, KINDS, START, registry
from tests.world.agreements import agreement, clause, parties_of
from tests.world.building import Copies, World, build, build_empty
from tests.world.clock import Clock
from tests.world.members import TAXII, URL, Account, cert, jwk, key_of
from tests.world.polls import EVERY_VERSION, NEWEST, Poller, Seen

__all__ = [
    "CODES",
    "EVERY_VERSION",
    "KINDS",
    "NEWEST",
    "START",
    "TAXII",
    "URL",
    "Account",
    "Clock",
    "Copies",
    "Poller",
    "Seen",
    "World",
    "agreement",
    "build",
    "build_empty",
    "cert",
    "clause",
    "jwk",
    "key_of",
    "parties_of",
    "registry",
]
