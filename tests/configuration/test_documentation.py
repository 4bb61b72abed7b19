"""The reference's tables are the product's: every key, variable, default and figure, and no other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Final

from orchestrator.configuration import OrchestratorSettings, notifications, values
from orchestrator.configuration.catalog import CATALOG, CATEGORY_GRACE, CATEGORY_RECOVERY
from orchestrator.configuration.keys import LABEL_KEYS, METHODS, SHARED_KEYS, YAML_SERVICE_KEYS, Key
from orchestrator.configuration.maintenance import WINDOW_KEYS
from orchestrator.configuration.playbooks import FOR_KEYS, PLAYBOOK_KEYS, STEPS, WHEN_KEYS
from orchestrator.configuration.resolve import resolve
from orchestrator.configuration.settings import FILE_KEYS
from orchestrator.core.model import Category, Check, CommandCheck, HttpCheck
from orchestrator.core.routing import Rules

REFERENCE: Final = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
TABLES: Final = re.findall(r"^(\|[^\n]+\|)\n\|[-|]+\|\n((?:\|[^\n]+\|\n)+)", REFERENCE, re.MULTILINE)
PLAIN: Final = re.compile(r"\[([^]]+)\]\([^)]*\)")
"""A link, whose words alone are compared."""


def _cells(row: str) -> list[str]:
    return [PLAIN.sub(r"\1", cell).strip() for cell in row.strip().removeprefix("|").removesuffix("|").split("|")]


def _table(first: str, column: str = "") -> list[list[str]]:
    """The rows of the one table whose heading begins with ``first``, and has ``column``."""
    found = [rows for heading, rows in TABLES if _cells(heading)[0] == first and column in [*_cells(heading), ""]]
    assert len(found) == 1, first
    return [_cells(row) for row in found[0].splitlines()]


def _variable(field: str) -> str:
    return f"`ORCHESTRATOR_{field.upper()}`"


# --- keys -----------------------------------------------------------------------------------------------------------

WITHOUT_A_FIGURE: Final = {
    "display_name": "the name",
    "port": "the only exposed one",
    "host": "worked out",
    "grace": "by category",
    "recovery.max_failures": "by category",
    "recovery.backoff_base": "by category",
    "recovery.backoff_max": "by category",
    "recovery.stable_after": "twice the last wait, at least 60 s",
    "recovery.retry_disabled_after": "never",
    "health.expect_status": f"`{HttpCheck('/').expect_status[0]}`",
}
"""Defaults that are worked out, differ by category, or belong to one method."""


def _default(key: str) -> str:
    if key in WITHOUT_A_FIGURE:
        return WITHOUT_A_FIGURE[key]
    if key in ("enable", "service", "match") or key.removeprefix("health.") in METHODS:
        return ""
    value = attrgetter(key)(resolve("x", []).spec)
    match value:
        case None | ():
            return ""
        case bool():
            return f"`{str(value).lower()}`"
        case float():
            return f"`{value:g}s`"
        case _:
            return f"`{value}`"


def _meaning(key: str) -> str:
    if key not in LABEL_KEYS:
        return f"YAML only: {YAML_SERVICE_KEYS[key].meaning}"
    if key not in YAML_SERVICE_KEYS:
        return f"label only: {LABEL_KEYS[key].meaning}"
    return LABEL_KEYS[key].meaning


def test_the_keys_of_a_service_are_the_products_with_defaults_and_meanings() -> None:
    rows = {row[0]: row[1:] for row in _table("key")}
    assert rows == {
        f"`{key}` *shared*" if key in SHARED_KEYS else f"`{key}`": [_default(key), _meaning(key)]
        for key in {**LABEL_KEYS, **YAML_SERVICE_KEYS}
    }


def test_the_figures_that_differ_by_category_differ() -> None:
    for key, words in WITHOUT_A_FIGURE.items():
        if words == "by category":
            assert len({attrgetter(key)(resolve(name, []).spec) for name in ("redis", "ai-llm", "loki")}) > 1


def test_the_top_level_keys_are_the_products() -> None:
    written = [word for row in _table("top-level key") for word in re.findall(r"`([a-z_]+)`", row[0])]
    sections = ("services", "defaults", "categories", "maintenance", "notifications", "playbooks")
    assert sorted(written) == sorted((*sections, *FILE_KEYS))


def test_the_keys_and_steps_of_a_playbook_are_the_products() -> None:
    known = {
        **{key: each.meaning for key, each in PLAYBOOK_KEYS.items()},
        **{f"for.{key}": each.meaning for key, each in FOR_KEYS.items()},
        **{f"when.{key}": each.meaning for key, each in WHEN_KEYS.items()},
    }
    written = {row[0].strip("`"): row[2] for row in _table("key of a playbook")}
    assert written.keys() - known.keys() == {"steps"}
    assert {key: written[key] for key in known} == known
    steps = {row[0].strip("`"): row[1:] for row in _table("step")}
    meanings = {step: each.meaning for step, each in STEPS.items()}
    assert {step: meaning for step, (_, meaning) in steps.items()} == meanings
    assert {step: set(re.findall("`([a-z]+)`", keys)) for step, (keys, _) in steps.items()} == {
        step: set(each.keys) for step, each in STEPS.items()
    }


def test_the_keys_of_a_window_are_the_products() -> None:
    written = {row[0]: row[2] for row in _table("key of a window")}
    assert written == {f"`{key}`": known.meaning for key, known in WINDOW_KEYS.items()}


def test_the_keys_of_notifications_are_the_products() -> None:
    for heading, keys in {
        "key of notifications": {**notifications.PARTS, **_meanings(notifications.FIGURE_KEYS)},
        "key of a channel": _meanings(notifications.CHANNEL_KEYS),
        "key of a route": _meanings(notifications.ROUTE_KEYS),
        "key of quiet hours": _meanings(notifications.QUIET_KEYS),
        "key of the digest": _meanings(notifications.DIGEST_KEYS),
    }.items():
        assert {row[0]: row[2] for row in _table(heading)} == {f"`{key}`": words for key, words in keys.items()}


def test_the_figures_of_notifications_are_the_products() -> None:
    rules = Rules()
    written = {row[0]: row[1] for heading in ("key of notifications", "key of the digest") for row in _table(heading)}
    figures = {"settle": rules.settle, "reminder": rules.reminder, "within": rules.digest.within}
    assert {key: values.Duration()(written[f"`{key}`"].strip("`")) for key in figures} == figures
    assert written["`after`"] == f"`{rules.digest.after}`"


def _meanings(keys: Mapping[str, Key]) -> dict[str, str]:
    return {key: known.meaning for key, known in keys.items()}


# --- variables ------------------------------------------------------------------------------------------------------

PORTS: Final = {known.variable for known in CATALOG.values()}
WORKED_OUT: Final = {
    "docker_host": "found",
    "project": "all",
    "config": "found",
    "state": "`/var/lib/container-orchestrator/state.db` for root, else "
    "`~/.local/state/container-orchestrator/state.db` (`XDG_STATE_HOME`)",
}


def _default_of(field: str) -> str:
    if field in WORKED_OUT:
        return WORKED_OUT[field]
    match OrchestratorSettings.model_fields[field].default:
        case None:
            return ""
        case bool(value):
            return f"`{str(value).lower()}`"
        case float(value):
            return f"`{value:g}`"
        case value:
            return f"`{value}`"


def test_the_variables_are_the_products_with_defaults_and_meanings() -> None:
    *rows, ports = _table("variable", "default")
    assert {row[0]: row[1:] for row in rows} == {
        _variable(name): [_default_of(name), field.description]
        for name, field in OrchestratorSettings.model_fields.items()
        if name not in PORTS
    }
    assert ports[0] == "`ORCHESTRATOR_POSTGRES_PORT` and so on"


def test_a_ports_variable_has_the_catalogs_port_as_its_default() -> None:
    for known in CATALOG.values():
        assert OrchestratorSettings.model_fields[known.variable].default == known.port


# --- catalog and categories -----------------------------------------------------------------------------------------


def _asked(check: Check | None) -> str:
    match check:
        case HttpCheck(path):
            return f"GET `{path}`"
        case CommandCheck(command):
            return f"`{command}`"
        case _:
            return "engine or running"


def _names(names: Sequence[str]) -> str:
    if len(names) > 2 and all(name.startswith("ai-") for name in names):
        assert set(names) == {known.name for known in CATALOG.values() if known.category is Category.AI}
        return "the five `ai-` services"
    return ", ".join(f"`{name}`" for name in names)


def test_the_catalog_is_the_products() -> None:
    assert _table("service", "shown as") == [
        [
            f"`{known.name}`",
            known.display_name,
            known.category,
            str(known.port),
            _variable(known.variable),
            f"{known.grace:g} s",
            _asked(known.check),
            _names(known.requires),
            _names(known.wants),
        ]
        for known in CATALOG.values()
    ]


def test_the_categories_are_the_products() -> None:
    assert _table("category") == [
        [
            category,
            str(recovery.max_failures),
            f"{recovery.backoff_base:g} s",
            f"{recovery.backoff_max:g} s",
            f"{CATEGORY_GRACE[category]:g} s",
        ]
        for category, recovery in CATEGORY_RECOVERY.items()
    ]


def test_the_ways_of_discovery_are_the_products() -> None:
    words = OrchestratorSettings.model_json_schema()["properties"]["discovery"]["enum"]
    assert [row[0] for row in _table("`ORCHESTRATOR_DISCOVERY`")] == [f"`{word}`" for word in words]
