"""What a member that sees no agreement is told of its own object: whether it leaves, and by what it does not.

Never to which nation nor under which agreement (policy 5): of every reason for which it stays at home one of
four words is left, and of all nations together.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hub.model import JsonObject, Obstacle


def leaving() -> JsonObject:
    """Return what is told of an object that some nation is, or is about to be, served in some form."""
    return {"decision": "leaves", "because": []}


# (hub/README: four-words)
def staying(agreed: Sequence[Collection[Obstacle]], others: Sequence[Collection[Obstacle]]) -> JsonObject:
    """Return what is told of an object that no nation sees, by what stands against it for each.

    Nations with which there is no agreement (`others`) count where there is one with none.
    """
    found = {word for own in agreed or others for word in own}
    return {"decision": "stays at home", "because": [word.value for word in Obstacle if word in found]}
