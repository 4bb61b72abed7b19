"""The store, looked at without taking it: no lock, no lease, and nothing written."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError, RedisError, ResponseError

from orchestrator.adapters.looks.processes import lock_holder, process
from orchestrator.adapters.stores import custody, lease, refusals, schema
from orchestrator.adapters.stores.documents import decoded
from orchestrator.adapters.stores.redis import LEASE, public
from orchestrator.doctor.facts import StateSeen

_PATIENCE: Final = 2.0
_WRITABLE: Final = "Make it writable for this user, or name another file with --state"


def look_at_file(path: Path) -> StateSeen:
    location, store = f"state file {path}", str(path)
    try:
        place = path.resolve()
        if not place.exists():
            return _absent(location, store, place)
        if not place.is_file():
            return StateSeen(location, store, "it is a directory or a device, no file", "Name a file with --state")
        free, holder = _free(place.parent), _holder(place)
        if not os.access(place, os.R_OK, effective_ids=True):
            return StateSeen(location, store, "it may not be read", _WRITABLE, free, holder)
        # The database writes logs beside itself.
        if not all(os.access(each, os.W_OK, effective_ids=True) for each in (place, place.parent)):
            return StateSeen(location, store, "it, or its directory, may not be written", _WRITABLE, free, holder)
        trouble, remedy, names = _contents(place)
    except OSError as error:
        return StateSeen(location, store, f"{error.strerror or error}", "Check its directory and rights")
    return StateSeen(location, store, trouble, remedy, free, holder, disabled=names)


def _absent(location: str, store: str, place: Path) -> StateSeen:
    folder = next(parent for parent in place.parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        return StateSeen(location, store, f"it is not there and cannot be made in {folder}", _WRITABLE)
    return StateSeen(location, store, free=_free(folder), new=True)


def _free(folder: Path) -> int:
    space = os.statvfs(folder)
    return space.f_bavail * space.f_frsize


def _holder(place: Path) -> str:
    pid = lock_holder(Path(f"{place}.lock"))
    return "" if pid is None else str(process(pid))


def _contents(place: Path) -> tuple[str, str, tuple[str, ...]]:
    """What is wrong, what to do, and who is disabled. Without a log beside it, not even shared memory is touched."""
    log = Path(f"{place}-wal")
    way = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
    try:
        with contextlib.closing(sqlite3.connect(f"{place.as_uri()}?{way}", uri=True, timeout=_PATIENCE)) as connection:
            connection.text_factory = lambda text: text.decode("utf-8", "replace")
            schema.recognise(connection)
            schema.check(connection, thoroughly=False)
            if not schema.number(connection, "PRAGMA user_version"):
                return "", "", ()
            rows = connection.execute("SELECT name, document FROM services").fetchall()
    except schema.Foreign as error:
        return error.fact, error.remedy, ()
    except schema.Damaged as error:
        return f"it is damaged ({error})", "`orchestrator serve` sets it aside and begins anew", ()
    except sqlite3.Error as error:
        if custody.is_damage(error):
            return f"it is no database ({error})", "`orchestrator serve` sets it aside and begins anew", ()
        return (*custody.meaning(error), ())
    return "", "", _disabled(rows)


def _disabled(rows: Iterable[tuple[str, object]]) -> tuple[str, ...]:
    documents = ((name, decoded(text)) for name, text in rows)
    return tuple(sorted(name for name, document in documents if document and document.get("disabled_by")))


async def look_at_redis(url: str) -> StateSeen:
    store = public(url)
    location = f"Redis {store}"
    client = Redis.from_url(
        url,
        socket_connect_timeout=_PATIENCE / 2,
        socket_timeout=_PATIENCE,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
        encoding_errors="replace",
        protocol=2,
        driver_info=None,  # it would need a right of its own
    )
    try:
        async with asyncio.timeout(2 * _PATIENCE):
            owner: str | None = await client.execute_command("GET", LEASE)  # type: ignore[no-untyped-call]
            trouble = await _refusal_to_write(client)
    except (RedisError, OSError) as error:
        return StateSeen(location, store, *refusals.meaning(error))
    finally:
        await client.aclose()
    holder = "" if owner is None or lease.ended(owner) else lease.in_words(owner)
    return StateSeen(location, store, *trouble, holder=holder)


async def _refusal_to_write(client: Redis) -> tuple[str, str]:
    """Fact and remedy, both empty: it writes, or the rights that we need do not let us know."""
    try:
        told: dict[str, Any] = await client.info("everything")
    except (NoPermissionError, ResponseError):
        return "", ""
    limit, used = int(told.get("maxmemory", 0)), int(told.get("used_memory", 0))
    if told.get("role") == "slave":
        return refusals.READ_ONLY
    if limit and used >= limit and told.get("maxmemory_policy") == "noeviction":
        return refusals.FULL
    if told.get("rdb_last_bgsave_status", "ok") != "ok":
        return "its last snapshot failed, and it may refuse writing until one succeeds", "See its log, and its disk"
    return "", ""
