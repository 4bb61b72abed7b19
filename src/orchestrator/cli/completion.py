"""What the shell completes: the names that a running orchestrator knows, quickly or not at all."""

from __future__ import annotations

import os
from dataclasses import dataclass
from threading import Thread
from typing import Any

import click

from orchestrator.cli.client import DEFAULT_SERVER, Refused, Server, Unreachable


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an answer is waited for, whatever hangs. The context's object, where it has one of these."""

    seconds: float = 0.5
    """Somebody has pressed a key and waits."""


def service_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Those that begin so and are not there yet; none when no orchestrator answers in time."""
    address = context.params.get("server") or os.environ.get("ORCHESTRATOR_SERVER") or DEFAULT_SERVER
    asked = address if isinstance(address, Server) else Server(address, os.environ.get("ORCHESTRATOR_API_TOKEN"))
    given = context.params.get(parameter.name or "")
    known = set(given) if isinstance(given, tuple) else set()
    patience = (context.find_object(Patience) or Patience()).seconds
    names = _names(Server(asked.address, asked.token, patience), patience)
    return [name for name in names if name.startswith(incomplete) and name not in known]


def _names(server: Server, patience: float) -> list[str]:
    """In a thread that nobody waits for: a look-up of the server's name has no time-out of its own."""
    found: list[str] = []

    def ask() -> None:
        try:
            services: list[dict[str, Any]] = server.get("/api/system/services").get("services", [])
        except (Refused, Unreachable, click.UsageError):
            return
        found.extend(str(service["name"]) for service in services)

    asking = Thread(target=ask, daemon=True)
    asking.start()
    asking.join(patience)
    return list(found)
