"""What an error of Redis, or of the way to it, means: the fact and the remedy, never a password."""

from __future__ import annotations

import re
from typing import Final

from redis import exceptions

from orchestrator.errors import StoreUnavailable

_AFTER_COMMAND: Final = re.compile(r"of pipeline caused error: \((['\"])(?P<words>.*)\1,?\)$", re.DOTALL)
"""redis-py puts the whole command, documents and all, before the server's words."""

FULL: Final = ("its memory is full (maxmemory)", "Raise maxmemory, or remove other keys")
READ_ONLY: Final = ("it is a read-only replica", "Name the primary in ORCHESTRATOR_REDIS_URL")


def unavailable(location: str, fact: str, remedy: str) -> StoreUnavailable:
    return StoreUnavailable(f"Redis {location}: {fact}. {remedy}; it is used again by itself.")


def refuses_writing(error: Exception) -> bool:
    """Whether reading may go on."""
    return isinstance(error, exceptions.OutOfMemoryError | exceptions.ReadOnlyError) or "MISCONF" in str(error)


def translated(location: str, error: Exception) -> StoreUnavailable:
    fact, remedy = meaning(error)
    return unavailable(location, fact, remedy)


def meaning(error: Exception) -> tuple[str, str]:
    """The fact and the remedy, both without a full stop."""
    words = _words(error)
    if isinstance(error, exceptions.TimeoutError | TimeoutError):
        return "it does not answer in time", "See whether it hangs or is overloaded"
    if isinstance(error, exceptions.OutOfMemoryError):
        return FULL
    if isinstance(error, exceptions.ReadOnlyError):
        return READ_ONLY
    if isinstance(error, exceptions.NoPermissionError):
        return f"the user lacks a right ({words})", "Give it the rights that docs/configuration.md lists"
    if isinstance(error, exceptions.AuthenticationError | exceptions.AuthenticationWrongNumberOfArgsError):
        return f"it refuses user or password ({words})", "Correct both in ORCHESTRATOR_REDIS_URL"
    if isinstance(error, exceptions.BusyLoadingError):
        return "it is loading its data", "Wait until it has"
    if isinstance(error, exceptions.WatchError):
        return "the connection or the lease was lost while it wrote", "See whether it was restarted"
    if isinstance(error, exceptions.ConnectionError | OSError):
        return f"it cannot be reached ({words})", "Start it, or correct ORCHESTRATOR_REDIS_URL"
    return f"it refuses ({words})", "Check the server and its log"


def _words(error: Exception) -> str:
    found = _AFTER_COMMAND.search(str(error))
    return (found["words"] if found else str(error)).strip().rstrip(".")
