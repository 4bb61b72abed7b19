"""The keys of a service, the same in labels and in YAML, and how a mapping or a label set becomes settings. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from orchestrator.configuration import values
from orchestrator.core.model import Category
from orchestrator.errors import Problem

LABEL_PREFIX: Final = "orchestrator."


@dataclass(frozen=True, slots=True)
class Setting:
    """One value, with where it was written."""

    value: Any
    source: str
    key: str
    """As written: ``services.web.port``, ``orchestrator.port``."""


Settings = Mapping[str, Setting]
"""By plain key: ``recovery.backoff_max``."""


METHODS: Final = ("http", "command", "redis", "postgres", "tcp")
"""Check methods in the order in which the first configured one of a layer decides."""


@dataclass(frozen=True, slots=True)
class Key:
    """What can be written under one key."""

    reader: values.Reader
    meaning: str
    """For people, with code in backticks; the reference and the schema say it in these words."""


SERVICE_KEYS: Final[Mapping[str, Key]] = {
    "display_name": Key(values.text, "for people"),
    "category": Key(values.OneOf(tuple(Category)), "`infrastructure`, `ai`, `monitoring`, `application`"),
    "kind": Key(values.OneOf(("service", "job")), "`job`: complete, not stopped, when it exits 0"),
    "port": Key(values.port, "the port inside the container; see how a service is reached"),
    "host": Key(values.host, "where to ask instead"),
    "requires": Key(
        values.dependencies,
        "hard dependencies: while one of them is not running this service is not acted on. Services, containers, or "
        "what the host has: `gpu`, `tcp:HOST:PORT`, `path:/x`, `mount:/x`, `dns:NAME`; see preconditions.",
    ),
    "wants": Key(
        values.dependencies,
        "soft dependencies: waited for at start-up, up to their own `grace`; later they block nothing; while one is "
        "down, it is in `degraded_by`",
    ),
    "restart_with": Key(
        values.service_names,
        "restarted once after one of these was, whoever restarted it; no failure. What was restarted before the "
        "orchestrator saw it asks for nothing.",
    ),
    "health.http": Key(values.http_path, "a path: passes on `expect_status`; redirects are not followed"),
    "health.command": Key(
        values.command,
        "run inside the container: text for its shell, or in YAML a list of program and arguments. Exit code 0 passes.",
    ),
    "health.redis": Key(values.network_check, "`true`, or a port: a PING over the network"),
    "health.postgres": Key(
        values.postgres_check,
        "`true`, or a user: the server's answer to a start-up packet, as `pg_isready` asks",
    ),
    "health.tcp": Key(
        values.network_check, "`true`, or a port: a completed connection; stays green on a frozen process"
    ),
    "vram": Key(
        values.size,
        "GPU memory that it needs to start: `4GB`, `14.7GB`, `3000MB`, `4GiB`; a GB is 10^9 bytes",
    ),
}
"""What only a single service can have."""

SHARED_KEYS: Final[Mapping[str, Key]] = {
    "lane": Key(
        values.text,
        "any name: services of one lane are restarted one at a time, each verified before the next, and come up "
        "together; see GPUs",
    ),
    "grace": Key(values.Duration(), "after a start, failed checks are ignored for this long"),
    "health.expect_status": Key(values.status_codes, "`204`, `200-299`, `2xx`, or several"),
    "health.interval": Key(values.Duration(shortest=0.1), "between two checks, at least 0.1 s"),
    "health.timeout": Key(values.Duration(shortest=0.01), "a check without an answer fails after this"),
    "health.failures": Key(values.WholeNumber(1, 1000), "failed checks in a row that make it unhealthy"),
    "recovery.max_failures": Key(
        values.WholeNumber(1, 1_000_000), "failures without a stable run in between, after which it is disabled"
    ),
    "recovery.backoff_base": Key(
        values.Duration(), "the first wait; each further one is twice as long. `0s`: at once."
    ),
    "recovery.backoff_max": Key(values.Duration(), "the longest wait"),
    "recovery.stable_after": Key(values.Duration(), "healthy for this long, earlier failures are forgiven"),
    "recovery.stop_timeout": Key(values.Duration(), "from the stop signal to the kill"),
    "recovery.on_max_failures": Key(
        values.OneOf(("disable", "keep_trying")), "`keep_trying`: go on at the longest wait"
    ),
    "recovery.on_manual_stop": Key(
        values.OneOf(("restart", "respect")),
        "`respect`: what somebody stopped with the engine's own commands stays stopped",
    ),
    "recovery.take_over": Key(
        values.switch,
        "a crash loop that the engine's own restart policy keeps going is stopped, and restarted with our backoff",
    ),
    "recovery.recreate": Key(
        values.switch,
        "`true`: created anew where a restart cannot help, because whose network it uses was recreated. What it wrote "
        "outside its volumes is lost, as with every recreation.",
    ),
    "recovery.retry_disabled_after": Key(
        values.Duration(shortest=1.0), "one trial for a service that was disabled by its failures, after this long"
    ),
}
"""What ``defaults`` and ``categories`` can set too."""

_ENABLE: Final = Key(values.switch, "`false`: this container is left alone. On a label, any other value adopts it.")
YAML_SERVICE_KEYS: Final[Mapping[str, Key]] = {
    "enable": _ENABLE,
    "match": Key(
        values.patterns, "a pattern that the container's whole name must fit (`*`, `?`, `[ab]`), or a list of them"
    ),
    "cache_keys": Key(
        values.cache_keys,
        "of a Redis: a pattern of keys (`cache:*`), or a list of them, that may be deleted when its memory is full; "
        "see playbooks.",
    ),
    **SERVICE_KEYS,
    **SHARED_KEYS,
}
LABEL_KEYS: Final[Mapping[str, Key]] = {
    "enable": _ENABLE,
    "service": Key(values.own_name, "the service's name (in YAML that is the key)"),
    **SERVICE_KEYS,
    **SHARED_KEYS,
}
GROUPS: Final = ("health", "recovery")


@dataclass(frozen=True, slots=True)
class Reading:
    """What one source says about one service: the settings that can be used, and what is wrong with the rest."""

    settings: Settings
    problems: tuple[Problem, ...] = ()


def read_mapping(written: Mapping[Any, object], known: Mapping[str, Key], source: str, where: str) -> Reading:
    """The settings of one YAML mapping; ``where`` is its own dotted path. ``null`` says nothing."""
    found: dict[str, Setting | Problem] = {}
    for key, value in _flattened(written):
        path = f"{where}.{key}"
        group, _, inner = key.partition(".")
        if group in GROUPS and key in written:
            if inner or value is not None:
                found[key] = Problem(source, path, _not_nested(group, inner, value))
        elif key not in known:
            found[key] = Problem(source, path, _unknown(key, known, where))
        elif value is not None:
            found[key] = _setting(value, known[key].reader, source, path)
    return _reading(found)


def read_labels(labels: Mapping[str, str], source: str) -> Reading:
    """The settings of one container's labels. Labels of others are not looked at."""
    found: dict[str, Setting | Problem] = {}
    for label in sorted(labels):
        key = label.removeprefix(LABEL_PREFIX)
        if key == label:
            continue
        if key not in LABEL_KEYS:
            close = values.did_you_mean(key, list(LABEL_KEYS), LABEL_PREFIX)
            found[key] = Problem(source, label, f"unknown label{close}")
        else:
            found[key] = _setting(labels[label], LABEL_KEYS[key].reader, source, label)
    return _reading(found)


def _setting(written: object, reader: values.Reader, source: str, key: str) -> Setting | Problem:
    try:
        return Setting(reader(written), source, key)
    except ValueError as error:
        return Problem(source, key, str(error))


def _reading(found: Mapping[str, Setting | Problem]) -> Reading:
    return Reading(
        {key: each for key, each in found.items() if isinstance(each, Setting)},
        tuple(each for each in found.values() if isinstance(each, Problem)),
    )


def _flattened(written: Mapping[Any, object]) -> Iterator[tuple[str, object]]:
    for key, value in written.items():
        if key in GROUPS and isinstance(value, Mapping):
            yield from ((f"{key}.{inner}", each) for inner, each in value.items())
        else:
            yield str(key), value


def _not_nested(group: str, inner: str, value: object) -> str:
    if not inner:
        return f"{values.in_words(value)} is not a mapping of keys"
    return f"is a label's way to write it; in YAML the group is a mapping: '{group}: {{{inner}: ...}}'"


def _unknown(key: str, known: Mapping[str, Key], where: str) -> str:
    if key in SERVICE_KEYS or key in ("match", "enable"):
        return f"can only be set for a single service, not under {where}"
    group, _, last = key.rpartition(".")
    close = values.did_you_mean(key, [*GROUPS, *known])
    if close or group:
        return f"unknown key{close}"
    # A key of a group written one level too high: services.web.interval
    inner = [each for each in known if each.rpartition(".")[2] == last]
    return f"unknown key; did you mean {inner[0]!r}?" if inner else "unknown key"
