"""The reference names everything that can be configured."""

from __future__ import annotations

from pathlib import Path

from orchestrator.configuration import OrchestratorSettings
from orchestrator.configuration.catalog import CATALOG, CATEGORY_GRACE, CATEGORY_RECOVERY
from orchestrator.configuration.keys import LABEL_KEYS, SHARED_KEYS, YAML_SERVICE_KEYS
from orchestrator.configuration.settings import FILE_KEYS

REFERENCE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")


def test_every_variable_is_in_the_reference() -> None:
    assert [
        name for name in OrchestratorSettings.model_fields if f"`ORCHESTRATOR_{name.upper()}`" not in REFERENCE
    ] == []


def test_every_key_is_in_the_reference_and_marked_where_it_can_be_shared() -> None:
    for key in {*LABEL_KEYS, *YAML_SERVICE_KEYS}:
        marked = f"| `{key}` *shared* |" if key in SHARED_KEYS else f"| `{key}` |"
        assert marked in REFERENCE


def test_every_top_level_key_is_in_the_reference() -> None:
    assert [key for key in FILE_KEYS if f"`{key}`" not in REFERENCE] == []


def test_the_references_catalog_has_the_catalogs_figures() -> None:
    for known in CATALOG.values():
        row = f"| `{known.name}` | {known.display_name} | {known.category} | {known.port} | "
        assert f"{row}`ORCHESTRATOR_{known.variable.upper()}` | {known.grace:g} s |" in REFERENCE


def test_the_references_categories_have_their_figures() -> None:
    for category, recovery in CATEGORY_RECOVERY.items():
        waits = f"{recovery.backoff_base:g} s | {recovery.backoff_max:g} s | {CATEGORY_GRACE[category]:g} s |"
        assert f"| {category} | {recovery.max_failures} | {waits}" in REFERENCE
