"""Migrations that have landed stay as they are.

Databases out there were made by them. One that is edited afterwards makes new databases differ from those,
under the same number: such a database is taken for current, and fails with each request. What has to change
is changed by a migration of its own, whose line is added here with it.
"""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path

import pytest

from hub.store.schema import schemas

VERSIONS = Path(schemas.__file__).parents[1] / "migrations" / "versions"
LANDED = {
    "0001_the_first_schema.py": "f080b2972f4423301dd8835eee58e37a033cbb0dd1f60c646fc3ea4c81acf7d3",
    "0002_deletions_and_disclosures.py": "aa68a1b19d9cda4655cd9becee008298489a5560a77a2fdeb3e1374b355e5b8d",
    "0003_the_life_of_agreements.py": "1016211dbbd31d4e214c0439463acc1616d4668848768ffe3ac5a45f895dc880",
    "0004_recalls.py": "d6dfaa45ca1d02caa6e4d642831efe1890a8a1baaca8e7e5eb9b9810b0f4e74d",
    "0005_renditions.py": "d12ae6f102609a1bc14c99b0949c06f41e9067cefcc2eb0a00ce8e66d46d7ebd",
    "0006_claims_copies_and_limits.py": "e1d2f986d6892d8e7f5f336921431b879dae4e1a072998c51a039f5a08e13e64",
    "0007_names_of_members.py": "b76ee01315577901210bfeb3380bc242f205c9d65a24803b50936e643ff1312b",
    "0008_counted_outcomes.py": "346025f496f00ee60ec9c1289206ee226b1d15e5e2b5577f86e01e9afe213923",
    "0009_key_recoveries.py": "4be521e073b9a8c327e638b32d7b531d53db7624fcc09d87ad2e0d6311731f26",
    "0010_as_shown.py": "352e8eb50c106392bbf2787c2b652c6ee10222f922e705caab25371bdaa009c0",
    "0011_epochs.py": "0a6e0cb9ca69b36e1a2d15d9c1820481233eeb5945ba8854065a288058c98997",
    "0012_configuration.py": "80648c8177ccc4064193e6ceaaaa2a7b70129edba0b18ee1ed751afa1834a0a3",
    "0013_unused.py": "da830556ea27c1b7983a1c5670186532fcf70e124c0356b5f74c6571f6470658",
    "0014_justified_rows.py": "f36f01c114e6fcee04bb343411aed5ed775196f01b9b143438f67f9213b59753",
    "0015_fact_sets.py": "8b26a1058fc9804181fe1a83f4fdc4fadc036645bf336e62cbb15e1800d32fec",
}
FILES = sorted(VERSIONS.glob("*.py"))


def test_every_migration_has_its_line() -> None:
    assert [file.name for file in FILES] == sorted(LANDED)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_landed_migration_is_what_it_was(file: Path) -> None:
    assert hashlib.sha256(file.read_bytes()).hexdigest() == LANDED[file.name]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_migration_hangs_on_nothing_of_the_hub_that_may_change(file: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            imported.add("." if node.level else str(node.module).partition(".")[0])
    assert imported <= {"alembic", "collections", "hashlib", "orjson", "secrets", "sqlalchemy"}
