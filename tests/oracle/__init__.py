"""The release policy said a second time: plainly, over the whole world at once, and from the text alone.

Nothing here is taken from the hub's rules. Every question loops over everything; worlds are small.
Sections are those of the policy. Where it leaves a choice, the choice stands in a comment.
"""

from tests.oracle.sights import Oracle, Sight
from tests.oracle.treaties import Treaty
from tests.oracle.versions import Account, Handling, Outcome, Version

__all__ = ["Account", "Handling", "Oracle", "Outcome", "Sight", "Treaty", "Version"]
