"""Reading and recording as one transaction of its own, on the driver itself.

What is done so states by itself what it depends on (epoch, closing, configuration). So no statement has to
read the state of the hub first. On PostgreSQL one statement is the whole transaction, COMMIT included.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, Final, TypeVar

from sqlalchemy import PoolProxiedConnection

from hub.store.database import statements
from hub.store.database.commits import CommitAdmission
from hub.store.database.statements import Ask

Done = TypeVar("Done")

# Values of a statement's SELECT: they hold until its COMMIT, whatever the role says, and so does a notice
# that no standby confirms the COMMIT.
SETTINGS: Final = (
    "set_config('synchronous_commit', 'on', true), set_config('client_min_messages', 'warning', true)"
)


def run(pooled: PoolProxiedConnection, admission: CommitAdmission, act: Callable[[Ask], Done]) -> Done | None:
    """Return what `act` returns, once its COMMIT is done. None: no COMMIT is admitted at the moment.

    On PostgreSQL `act` asks one statement, which selects `SETTINGS`. Raises the errors of the driver: then
    perhaps the record was made, and nothing was read; CommitInDoubt as `commits.commit`.
    """
    driver: Any = pooled.driver_connection
    if isinstance(driver, sqlite3.Connection):
        return _on_sqlite(driver, act)
    with admission.admit_alone(driver, pooled.info, pooled.invalidate) as is_admitted:
        return act(lambda statement, given: statements.ask(driver, statement, given)) if is_admitted else None


def _on_sqlite(driver: sqlite3.Connection, act: Callable[[Ask], Done]) -> Done:
    # INVARIANT: nobody writes between these statements, so they are one moment (I3).
    driver.execute("BEGIN IMMEDIATE")
    try:
        done = act(lambda statement, given: statements.run(driver, statement, given))
        driver.execute("COMMIT")
    except BaseException:
        if driver.in_transaction:  # also after a COMMIT that failed
            driver.execute("ROLLBACK")
        raise
    return done
