"""The JSON schema of the configuration file, for editors: made of the same keys and readers as the loader's. Pure.

What the loader takes, the schema takes. It cannot say everything that the loader refuses: what contradicts another
value, a number written as text and out of range, a key written twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Any, Final, get_args

from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

from orchestrator.configuration import maintenance, notifications, playbooks, values
from orchestrator.configuration.catalog import CATALOG, starting_point
from orchestrator.configuration.keys import GROUPS, SHARED_KEYS, YAML_SERVICE_KEYS, Key
from orchestrator.configuration.settings import FILE_KEYS, OrchestratorSettings
from orchestrator.core import resources
from orchestrator.core.graph import RESOURCES
from orchestrator.core.model import Category
from orchestrator.core.playbooks import MOST_STEPS

Schema = dict[str, Any]

SHIPPED: Final = "orchestrator.schema.json"
"""The package's file with it."""

_NOTHING: Final[Schema] = {"type": "null"}
_MEANING: Final = {
    "services": "by service name: what is configured for it",
    "defaults": "for all services",
    "categories": "by category: for all its services",
    "maintenance": "recurring windows in which services are left alone",
    "notifications": "whom to tell of incidents, when, and of what",
    "playbooks": "by name: steps that are tried before a restart, or instead of one",
}


def json_schema() -> Schema:
    """Of the whole file, as JSON Schema 2020-12. ``null`` says nothing, wherever it is written."""
    shared = {"$ref": "#/$defs/shared"}
    process = {name: _of_setting(name, OrchestratorSettings.model_fields[name]) for name in FILE_KEYS}
    sections = {
        "services": _named(_services(), "services", _MEANING["services"]),
        "defaults": _named(shared, "defaults", _MEANING["defaults"]),
        "categories": _named(_mapping({name.value: shared for name in Category}), "categories", _MEANING["categories"]),
        "maintenance": _named(_windows(), "maintenance", _MEANING["maintenance"]),
        "notifications": _named(_notifications(), "notifications", _MEANING["notifications"]),
        "playbooks": _named(_playbooks(), "playbooks", _MEANING["playbooks"]),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Container Orchestrator: orchestrator.yaml",
        **_mapping({**sections, **process}),
        "$defs": {
            "service": _mapping(_nested(YAML_SERVICE_KEYS)),
            "shared": _mapping(_nested(SHARED_KEYS)),
        },
    }


def as_text() -> str:
    """As it is shipped and printed."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _mapping(properties: Mapping[str, Schema]) -> Schema:
    return {"type": ["object", "null"], "properties": dict(properties), "additionalProperties": False}


def _windows() -> Schema:
    """Not ``null`` in it: a window says from when to when."""
    return _list_of(_required(maintenance.WINDOW_KEYS, "from", "to"))


def _notifications() -> Schema:
    parts = {
        "channels": {
            "type": ["object", "null"],
            "additionalProperties": _required(notifications.CHANNEL_KEYS, "url"),
            "propertyNames": {"pattern": _whole(values.SERVICE_NAME.pattern)},
        },
        "routes": _list_of(_required(notifications.ROUTE_KEYS, "channels")),
        "quiet_hours": _list_of(_required(notifications.QUIET_KEYS, "from", "to")),
        "digest": _mapping(_keyed(notifications.DIGEST_KEYS)),
    }
    named = {part: _named(schema, part, notifications.PARTS[part]) for part, schema in parts.items()}
    return _mapping({**named, **_keyed(notifications.FIGURE_KEYS)})


def _keyed(keys: Mapping[str, Key]) -> Mapping[str, Schema]:
    return {name: _of_key(name, key) for name, key in keys.items()}


def _required(keys: Mapping[str, Key], *names: str) -> Schema:
    """A mapping that says nothing without these."""
    return {**_mapping(_keyed(keys)), "type": "object", "required": list(names)}


def _list_of(item: Schema) -> Schema:
    return {"type": ["array", "null"], "items": item}


def _playbooks() -> Schema:
    """One with all of its parts, or one of the catalog's that is done without."""
    keys = {name: _of_key(name, key) for name, key in playbooks.PLAYBOOK_KEYS.items()}
    parts = {
        **keys,
        "for": _mapping({name: _of_key(name, key) for name, key in playbooks.FOR_KEYS.items()}),
        "when": _mapping({name: _of_key(name, key) for name, key in playbooks.WHEN_KEYS.items()}),
        "steps": {"type": "array", "minItems": 1, "maxItems": MOST_STEPS, "items": _any(*_steps())},
    }
    whole = {**_mapping(parts), "type": "object", "required": ["for", "steps"]}
    without = {**_mapping({**parts, "enable": {"const": False}}), "type": "object", "required": ["enable"]}
    return {
        "type": ["object", "null"],
        "propertyNames": {"pattern": f"^(?:{playbooks.NAME.pattern})$"},
        "additionalProperties": _any(whole, without),
    }


def _steps() -> Iterator[Schema]:
    for word, form in playbooks.STEPS.items():
        keys = {name: _of_key(name, key) for name, key in form.keys.items()}
        given = {**_mapping(keys), "required": list(form.required)}
        if not form.required:
            yield {"const": word}
        shorter = of_reader(form.keys[form.short].reader)
        yield {
            "type": "object",
            "properties": {word: {"description": form.meaning, **_any(given, shorter)}},
            "required": [word],
            "additionalProperties": False,
        }


def _services() -> Schema:
    service = {"$ref": "#/$defs/service"}
    return {
        "type": ["object", "null"],
        # what the editor proposes; every other name is as good
        "properties": {name: {"title": known.display_name, **service} for name, known in CATALOG.items()},
        "additionalProperties": service,
        "propertyNames": {"pattern": _whole(values.SERVICE_NAME.pattern), "not": {"enum": sorted(RESOURCES)}},
    }


def _nested(keys: Mapping[str, Key]) -> Mapping[str, Schema]:
    """The keys of one service, with their groups as mappings."""
    alone = {name: _of_key(name, key) for name, key in keys.items() if "." not in name}
    groups = {group: _mapping(dict(_inner(group, keys))) for group in GROUPS}
    return {**alone, **groups}


def _inner(group: str, keys: Mapping[str, Key]) -> Iterator[tuple[str, Schema]]:
    for name, key in keys.items():
        if name.startswith(f"{group}."):
            yield name.removeprefix(f"{group}."), _of_key(name, key)


def _of_key(name: str, key: Key) -> Schema:
    return _named(_or_nothing(of_reader(key.reader)), name, key.meaning, _default(name))


def _named(schema: Schema, title: str, description: str, default: object = None) -> Schema:
    named = {"title": title, "description": description, **schema}
    return named if default is None else {**named, "default": default}


def _default(name: str) -> object:
    """What holds without the key, where that is one figure or word for every category."""
    try:
        found = {attrgetter(name)(starting_point("", category)) for category in Category}
    except AttributeError:  # a check method, match, enable: no field of its own
        return None
    only = found.pop()
    return None if found or only in ((), "") else only


def _of_setting(name: str, field: FieldInfo) -> Schema:
    """Of one of the process's own."""
    reader = next((each.func for each in _validators(field)), None)
    schema = _of_type(field.annotation) if reader is None else of_reader(reader)
    default = None if field.default_factory is not None else field.default
    return _named(_or_nothing(schema), name, field.description or "", default)


def _of_type(annotation: object) -> Schema:
    """Of what pydantic reads alone: one of some words, or a path."""
    words = get_args(annotation)
    return {"enum": list(words)} if words else {"type": "string"}


def _validators(field: FieldInfo) -> Iterator[BeforeValidator]:
    nested = (each for part in get_args(field.annotation) for each in getattr(part, "__metadata__", ()))
    return (each for each in (*field.metadata, *nested) if isinstance(each, BeforeValidator))


# --- one value ---------------------------------------------------------------------------------------------------


def of_reader(reader: Callable[..., object]) -> Schema:
    """What one reader takes."""
    match reader:
        case values.Duration(shortest, longest):
            return _any(
                {"type": "number", "minimum": shortest, "maximum": longest},
                _text(_one(values.PLAIN_SECONDS.pattern, values.DURATION.pattern)),
            )
        case values.WholeNumber(least, most):
            return _any({"type": "integer", "minimum": least, "maximum": most}, _text(values.INTEGER.pattern))
        case values.OneOf(words):
            return _any({"enum": list(words)}, _text(_words(words)))
        case _:
            return _READ[reader]


def _any(*schemas: Schema) -> Schema:
    return {"anyOf": list(schemas)}


def _or_nothing(schema: Schema) -> Schema:
    return {"anyOf": [*schema.get("anyOf", [schema]), _NOTHING]}


def _text(pattern: str) -> Schema:
    return {"type": "string", "pattern": _whole(pattern)}


def _whole(pattern: str) -> str:
    return rf"^\s*(?:{pattern})\s*$"


def _one(*patterns: str) -> str:
    return "|".join(f"(?:{pattern})" for pattern in patterns)


def _words(words: Iterable[str]) -> str:
    """Any of them, however its letters are written; JSON Schema's patterns know no flag for that."""
    return _one(*("".join(_letter(each) for each in word) for word in sorted(words)))


def _letter(character: str) -> str:
    lower, upper = re.escape(character.lower()), re.escape(character.upper())
    return lower if lower == upper else f"[{upper}{lower}]"


def _list_or_text(item: Schema, pattern: str) -> tuple[Schema, Schema]:
    """A list, or its items separated by commas; ``pattern`` is one item's."""
    separated = rf"(?:{pattern})?\s*(?:,\s*(?:{pattern})?\s*)*"
    return {"type": "array", "items": item}, {"type": ["string", "number"], "pattern": _whole(separated)}


_PORT: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": 65535}
_WRITTEN: Final[Schema] = {"type": ["string", "number"], "pattern": r"\S"}
_NAME: Final[Schema] = {"type": ["string", "number"], "pattern": _whole(values.SERVICE_NAME.pattern)}
_DEPENDENCY: Final = _one(values.SERVICE_NAME.pattern, resources.WRITTEN)
_CODE: Final = values.STATUS.pattern
_CODE_NUMBER: Final[Schema] = {"type": "integer", "minimum": 100, "maximum": 599}
_CODES: Final = rf"(?:{_CODE})\s*(?:,\s*(?:{_CODE})\s*)*"
_DECLINED: Final = _words(values.FALSE - {"0"})
_NETWORK: Final = _any(
    {"type": "boolean"}, _PORT, _text(_one(values.INTEGER.pattern, _DECLINED, _words(values.TRUE - {"1"})))
)

_READ: Final[Mapping[Callable[..., object], Schema]] = {
    values.text: _WRITTEN,
    values.port: _any(_PORT, _text(values.INTEGER.pattern)),
    values.size: _any(
        {"type": "number", "minimum": values.SMALLEST_SIZE, "maximum": values.LARGEST_SIZE}, _text(values.SIZE.pattern)
    ),
    values.switch: _any({"type": "boolean"}, {"enum": [0, 1]}, _text(_words(values.TRUE | values.FALSE))),
    values.host: {"type": ["string", "number"], "pattern": _whole(r"[^\s/]+")},
    values.service_names: _any(*_list_or_text(_NAME, values.SERVICE_NAME.pattern)),
    values.dependencies: _any(
        *_list_or_text({"type": ["string", "number"], "pattern": _whole(_DEPENDENCY)}, _DEPENDENCY)
    ),
    values.patterns: _any(_WRITTEN, {"type": "array", "minItems": 1, "items": _WRITTEN}),
    values.status_codes: _any(
        _CODE_NUMBER,
        _text(_CODES),
        {"type": "array", "minItems": 1, "items": _any(_CODE_NUMBER, _text(_CODE))},
    ),
    values.http_path: _any({"const": False}, _text(_one(r"/\S*", _DECLINED))),
    values.command: _any(
        {"const": False},
        _WRITTEN,
        {"type": "array", "minItems": 1, "items": {"type": ["string", "number", "boolean"]}},
    ),
    values.network_check: _NETWORK,
    maintenance.time_of_day: _text(maintenance.TIME.pattern),
    maintenance.days: _any(*_list_or_text({"type": "string"}, r"[A-Za-z]{3,9}")),
    maintenance.timezone: _WRITTEN,
    maintenance.categories: _any(*_list_or_text({"enum": list(Category)}, _words(Category))),
    notifications.address: {"type": "string", "pattern": _one(r"://", r"\$\{")},
    notifications.secret: {"type": ["string", "number"], "pattern": _one(r"\S.{15}", r"\$\{")},
    values.cache_keys: _any(_WRITTEN, {"type": "array", "minItems": 1, "items": _WRITTEN}),
    values.service_name: _NAME,
    playbooks.signal: _text(_words([f"{sig}{word}" for word in playbooks.SIGNALS for sig in ("", "SIG")])),
    playbooks.step_command: _any(
        _WRITTEN, {"type": "array", "minItems": 1, "items": {"type": ["string", "number", "boolean"]}}
    ),
    playbooks.texts: _any(_WRITTEN, {"type": "array", "items": _WRITTEN}),
    playbooks.rules: _any(*_list_or_text({"enum": list(playbooks.RULES)}, _words(playbooks.RULES))),
    values.postgres_check: _any({"type": "boolean"}, _WRITTEN),
}
"""By reader: what it takes."""
