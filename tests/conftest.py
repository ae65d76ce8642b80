"""Fixtures for every test. A test with `database_url` runs once on each kind of database."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import budgets, compiled, installed, kept, lock_order, postgres, scratch

# Each run has the same worlds, and no result depends on the clock. A slow machine may try fewer worlds: see
# budgets. More examples: --hypothesis-profile=thorough.
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
    """Give all workers one folder for the temporary cluster. The process that starts the workers owns it."""
    # A developer's own configuration must not reach a test.
    for name in [name for name in os.environ if name.startswith("HUB_") and "_TEST_" not in name]:
        del os.environ[name]
    compiled.use()
    lock_order.RECORDER.listen()
    if not hasattr(config, "workerinput"):
        scratch.use()
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else every started server compiles the hub
        os.environ[_HOME] = str(postgres.make_home(scratch.folder()))


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        postgres.remove(Path(os.environ.pop(_HOME)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the slowest folders first, so that no worker has a slow file at the end."""
    items.sort(key=lambda item: _LONG.index(name) if (name := item.path.parent.name) in _LONG else len(_LONG))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Limit every property to its time."""
    with budgets.bounded(pyfuncitem.obj):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Discard lock violations by threads of an earlier test."""
    lock_order.RECORDER.violations()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test in which any thread took locks out of order."""
    result = yield
    lock_order.held_to()
    return result


@pytest.fixture(scope="session")
def postgres_server() -> str:
    """The URL of a PostgreSQL server for new databases: HUB_TEST_POSTGRES, else the tests' own cluster."""
    return os.environ.get("HUB_TEST_POSTGRES") or postgres.ensure_started(Path(os.environ[_HOME]))


@pytest.fixture(scope="session")
def kept_postgresql(postgres_server: str) -> Iterator[kept.KeptDatabase]:
    """The PostgreSQL database for the tests of `database_url`, used by one test after another."""
    with kept.kept(postgres_server) as database:
        yield database


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the present tables, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "hub.db"
    kept.migrated(path)
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a migrated database without rows and without other connections."""
    if request.param == "sqlite":
        return kept.copied(request.getfixturevalue("migrated_sqlite"), tmp_path / "hub.db")
    database: kept.KeptDatabase = request.getfixturevalue("kept_postgresql")
    return database.emptied(alone=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a new database without tables, for tests of migrations and `hub init`."""
    if request.param == "sqlite":
        (tmp_path / "hub.db").touch(mode=0o600)
        yield f"sqlite:///{tmp_path / 'hub.db'}"
        return
    with postgres.database(request.getfixturevalue("postgres_server")) as url:
        yield url


@pytest.fixture
def postgresql_url(postgres_server: str) -> Iterator[str]:
    """The URL of a new, empty PostgreSQL database, for functions that SQLite lacks."""
    with postgres.database(postgres_server) as url:
        yield url


@pytest.fixture(scope="session")
def installed_commands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of an installed wheel, separate from the checkout."""
    return installed.install(tmp_path_factory.mktemp("installed"))
