"""The release policy said a second time: plainly, over the whole world at once, and from the text alone.

Nothing here is taken from the hub's rules. Every question loops over everything; worlds are small.
Sections are those of the policy. Where it leaves a choice, less is disclosed:

2.1  "amberstrict" in one word is AMBER+STRICT.
2.3  A container without TLP hands down its default, and what it took itself, whichever is stricter.
     Each source of RED (label, container, other's object) that has no REL TO itself is addressed to nobody.
     A deleted container counts as it stood; none that comes later moves it.
     "In its own submission" are containers that were new or equal in it, refused ones aside.
     From what is held by then a name takes the strictest in every respect, from each its own.
     Given by several closed containers, a name is closed until all of them are open.
     It is loosened by what is laxer in something and stricter in nothing; else it stays.
     The first submission that brings a container uses up the default, be it laxer.
2.4  Namers are newest living versions, unmarked identities aside. RED namers that come later bring nobody out
     of home. A container that comes for an identity with namers may tighten it once, as it would the default.
2.7  What is taken from a colleague's record is all that held for it when it was shown last, for ever.
     A container goes without the unmarked names in its `object_refs` alone.
4    A copy is a way around an own record only while what it is a copy of is not deleted.
8    A record that began with a copy is a copy until all of it is deleted, and then has ended.
     A claim is that of the version shown last. Who has deleted versions alone is stopped as by a first one.
     Common ids are nobody's to overwrite, later versions included.
     What was ever shown above GREEN may not be passed on, though it was GREEN when it was shown last.
     An id is named by what refers to it; its own record does not name it. An ally's version came when the
     first of its record came that was shown.
     Two contents of one observable in one submission are one version: the second is refused.
     A version that stands in its place is compared as a whole, what it takes over included.
7    What is served in other forms counts by `about` (an answer goes to whom it answers), as before.
"""

from tests.oracle.agreements import OracleAgreement
from tests.oracle.forms import ServedForm
from tests.oracle.serving import Oracle
from tests.oracle.versions import Handling, OracleAccount, OracleOutcome, OracleVersion

__all__ = [
    "Handling",
    "Oracle",
    "OracleAccount",
    "OracleAgreement",
    "OracleOutcome",
    "OracleVersion",
    "ServedForm",
]
