"""What a service is configured with, in words, and who says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from orchestrator.core.model import (
    Check,
    CommandCheck,
    EngineCheck,
    HttpCheck,
    PostgresCheck,
    RedisCheck,
    RunningCheck,
    ServiceSpec,
    TcpCheck,
)
from orchestrator.runtime.registry import Record

_UNTOLD = "default"
_Row = tuple[str, object]


@dataclass(frozen=True, slots=True)
class SettingView:
    key: str
    """As in a label or, nested, in the file: ``recovery.backoff_max``."""
    value: str
    """In words; empty: nothing is set."""
    source: str
    """Where it was written, with the key there, or ``catalog``, ``category ai``, ``default``."""


def settings_of(record: Record) -> tuple[SettingView, ...]:
    """In the order in which people think of them."""
    rows = [*_identity(record.spec), *_health(record.spec), *_recovery(record.spec), *_relations(record.spec)]
    return tuple(SettingView(key, _words(value), _source(record, key)) for key, value in rows)


def _identity(spec: ServiceSpec) -> Iterator[_Row]:
    yield "display_name", spec.display_name
    yield "category", spec.category.value
    yield "kind", spec.kind.value
    yield "port", spec.port
    yield "host", spec.host
    yield "grace", _Seconds(spec.grace)


def _health(spec: ServiceSpec) -> Iterator[_Row]:
    yield _asked(spec.health.check)
    if isinstance(spec.health.check, HttpCheck):
        yield "health.expect_status", spec.health.check.expect_status
    yield "health.interval", _Seconds(spec.health.interval)
    yield "health.timeout", _Seconds(spec.health.timeout)
    yield "health.failures", spec.health.failures


def _recovery(spec: ServiceSpec) -> Iterator[_Row]:
    recovery = spec.recovery
    yield "recovery.max_failures", recovery.max_failures
    yield "recovery.backoff_base", _Seconds(recovery.backoff_base)
    yield "recovery.backoff_max", _Seconds(recovery.backoff_max)
    yield "recovery.stable_after", _Seconds(recovery.stable_after)
    yield "recovery.stop_timeout", _Seconds(recovery.stop_timeout)
    yield "recovery.on_max_failures", recovery.on_max_failures
    yield "recovery.on_manual_stop", recovery.on_manual_stop
    yield "recovery.retry_disabled_after", _Seconds(recovery.retry_disabled_after)
    yield "recovery.take_over", recovery.take_over
    yield "recovery.recreate", recovery.recreate


def _relations(spec: ServiceSpec) -> Iterator[_Row]:
    yield "requires", spec.requires
    yield "wants", spec.wants
    yield "restart_with", spec.restart_with
    yield "lane", spec.lane
    yield "vram", None if spec.vram is None else f"{spec.vram / 10**9:g} GB"


def _asked(check: Check | None) -> _Row:
    match check:
        case HttpCheck(path=path):
            return "health.http", path
        case CommandCheck(command=command):
            return "health.command", command if isinstance(command, str) else " ".join(command)
        case RedisCheck():
            return "health.redis", True
        case PostgresCheck(user=user):
            return "health.postgres", user
        case TcpCheck():
            return "health.tcp", True
        case EngineCheck() | RunningCheck() | None:
            return "health", "the engine's own health check where the container has one, else whether it runs"
        case _:
            assert_never(check)


@dataclass(frozen=True, slots=True)
class _Seconds:
    value: float | None


def _words(value: object) -> str:
    match value:
        case None | _Seconds(value=None):
            return ""
        case bool():
            return "true" if value else "false"
        case _Seconds(value=seconds):
            return f"{seconds:g} s"
        case tuple():
            return ", ".join(map(str, value))
        case _:
            return str(value)


def _source(record: Record, key: str) -> str:
    written = record.sources.get(key)
    if written is not None:
        return written
    if key in ("requires", "wants"):
        needed = record.spec.requires if key == "requires" else record.spec.wants
        return ", ".join(sorted({record.origins[name] for name in needed if name in record.origins})) or _UNTOLD
    return _UNTOLD
