"""What every test may ask for. A test that takes `database_url` runs once on each kind of database."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import budgets, compiled, installed, kept, lock_order, postgres, scratch

# The same worlds on every run and no clock in the result, though a slow machine may try fewer: see budgets.
# More examples: --hypothesis-profile=thorough.
settings.register_profile(
    "steady",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.function_scoped_fixture,
        HealthCheck.data_too_large,
    ],
)
settings.register_profile("thorough", deadline=None, max_examples=2_000)
settings.load_profile("steady")

# Folders of live servers and generated worlds: tens of seconds in one file.
_LONG = ["faults", "failover", "differential", "hostility", "cli", "soak", "properties"]
_HOME = "HUB_TEST_POSTGRES_HOME"


def pytest_configure(config: pytest.Config) -> None:
    """Give all workers one home for the throw-away cluster; the process that starts them owns it."""
    # A developer's own configuration must not reach a test.
    for name in [name for name in os.environ if name.startswith("HUB_") and "_TEST_" not in name]:
        del os.environ[name]
    compiled.use()
    lock_order.RECORDER.listen()
    if not hasattr(config, "workerinput"):
        scratch.use()
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # every server that is started would compile the hub
        os.environ[_HOME] = str(postgres.make_home(scratch.folder()))


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        postgres.remove(Path(os.environ.pop(_HOME)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the folders whose files take longest, so that no worker is left with one at the end."""
    items.sort(key=lambda item: _LONG.index(name) if (name := item.path.parent.name) in _LONG else len(_LONG))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Keep every property within its time."""
    with budgets.bounded(pyfuncitem.obj):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Judge nothing by what threads of an earlier test have left."""
    lock_order.RECORDER.violations()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test in which locks were taken out of order, in whichever thread."""
    result = yield
    lock_order.held_to()
    return result


@pytest.fixture(scope="session")
def postgres_server() -> str:
    """The URL of a PostgreSQL server on which databases may be made: HUB_TEST_POSTGRES, else our own."""
    return os.environ.get("HUB_TEST_POSTGRES") or postgres.ensure_started(Path(os.environ[_HOME]))


@pytest.fixture(scope="session")
def kept_postgresql(postgres_server: str) -> Iterator[kept.KeptDatabase]:
    """The PostgreSQL database that the tests of `database_url` have in turn."""
    with kept.kept(postgres_server) as database:
        yield database


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with today's tables, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "hub.db"
    kept.migrated(path)
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that is migrated and without rows, with nobody else connected."""
    if request.param == "sqlite":
        return kept.copied(request.getfixturevalue("migrated_sqlite"), tmp_path / "hub.db")
    database: kept.KeptDatabase = request.getfixturevalue("kept_postgresql")
    return database.emptied(alone=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a new database without tables, for tests of what makes them."""
    if request.param == "sqlite":
        (tmp_path / "hub.db").touch(mode=0o600)
        yield f"sqlite:///{tmp_path / 'hub.db'}"
        return
    with postgres.database(request.getfixturevalue("postgres_server")) as url:
        yield url


@pytest.fixture
def postgresql_url(postgres_server: str) -> Iterator[str]:
    """The URL of a fresh, empty PostgreSQL database, for what SQLite does not offer."""
    with postgres.database(postgres_server) as url:
        yield url


@pytest.fixture(scope="session")
def installed_commands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of an installed wheel, which does not see the checkout."""
    return installed.install(tmp_path_factory.mktemp("installed"))
