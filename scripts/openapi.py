"""Prints the OpenAPI document of ``orchestrator serve``; nothing is started for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from orchestrator.api.app import create_app
from orchestrator.api.supervisor import Reload
from orchestrator.runtime.broadcast import Broadcast
from orchestrator.runtime.clock import SystemClock

if TYPE_CHECKING:
    from orchestrator.api.supervisor import Supervisor


class _Nobody:
    """Routes are made of an orchestrator and not asked here."""

    def __init__(self) -> None:
        self.broadcast: Broadcast | None = None


async def _reload(_requester: object) -> None:
    raise NotImplementedError


def main() -> None:
    app = create_app(cast("Supervisor", _Nobody()), SystemClock(), reload=cast("Reload", _reload))
    print(json.dumps(app.openapi()))


if __name__ == "__main__":
    main()
