"""What a decision on a nation's rows hangs on: made on a snapshot, it is looked at again under the locks."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from hub.actions.house import House
from hub.model import NationCode
from hub.rules.moments import Moment
from hub.store import agreements, submissions
from hub.store.agreements import Generation
from hub.store.connection import Connection


class Basis(NamedTuple):
    """While it is the same, deciding again gives the same, what follows from others' objects aside."""

    generation: Generation
    submissions: int  # of the nation
    moment: Moment

    @classmethod
    def of(cls, house: House, connection: Connection, origin: NationCode, now: datetime) -> Basis:
        """Return it as this transaction has it."""
        generation = agreements.generation(connection)
        moment = Moment.of(house.bindings.periods(connection), now)
        return cls(generation, submissions.count(connection, origin), moment)
