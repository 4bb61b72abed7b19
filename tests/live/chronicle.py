"""What happened on a real engine and what the orchestrator asked of it, as the ledger that stories are judged by.

What happened, the engine's own journal tells; what was asked for, a proxy between the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from orchestrator.core.model import Instant
from orchestrator.testing.ledger import Happening, Ledger, What, Who
from orchestrator.testing.told import Told
from tests.live.engines import Engine
from tests.live.events import EventLog, SeenEvent
from tests.live.serve import Api
from tests.live.socket_proxy import SocketProxy, Timed
from tests.oracle import BEFORE

RECOVERS: Final = 6.0
"""Seconds after which the answer to a question that was asked of a paused container has come."""
SETTLES: Final = 2.0
"""Seconds after the start of a run before which nobody calls it well."""

State = Literal["created", "running", "paused", "exited"]
_WHAT: Final[dict[str, What]] = {
    "create": "created",
    "start": "started",
    "die": "exited",
    "died": "exited",
    "pause": "paused",
    "unpause": "unpaused",
    "destroy": "removed",
    "remove": "removed",
    "rename": "renamed",
}
_STATE: Final[dict[What, State]] = {
    "created": "created",
    "started": "running",
    "exited": "exited",
    "paused": "paused",
    "unpaused": "running",
}
_ACTION: Final = re.compile(r".*/containers/([0-9a-f]{64})/(start|stop|restart|kill)")


@dataclass
class Known:
    """A container as told of so far."""

    name: str
    state: State = "created"
    since: float = 0.0
    """When it came into this state, by the engine's clock."""
    resumed: bool = False
    """It runs because it was unpaused."""
    ending: bool = False
    """The orchestrator has asked for the end of this run."""
    owner: str = ""
    """The container whose network it uses, by name."""
    severed: bool = False
    """The run whose network it joined is over."""

    def well(self, moment: float) -> bool:
        wait = RECOVERS if self.resumed else SETTLES
        return self.state == "running" and not self.severed and self.since <= moment - wait


class Chronicle:
    """Of the containers of one test. ``owners``: services, each with the one whose network it uses."""

    def __init__(self, engine: Engine, journal: EventLog, proxy: SocketProxy, owners: dict[str, str]) -> None:
        self._engine = engine
        self._journal = journal
        self._proxy = proxy
        self._owners = owners

    def containers(self) -> dict[str, Known]:
        """Those that are there, by the engine's id."""
        replay = _Replay(self._engine.prefix, self._owners)
        for event in self._events():
            replay.take(event)
        return replay.containers

    def ledger(self) -> Ledger:
        replay = _Replay(self._engine.prefix, self._owners)
        entries: list[SeenEvent | Timed] = [*self._events(), *self._proxy.timed]
        for entry in sorted(entries, key=lambda each: each.at):
            replay.take(entry) if isinstance(entry, SeenEvent) else replay.hear(entry)
        return Ledger(replay.happenings)

    def _events(self) -> Iterator[SeenEvent]:
        """Each once: Podman tells of old ones again when its log rotates."""
        seen = {(each.container_id, each.action, each.at): each for each in tuple(self._journal.seen)}
        ours = (each for each in seen.values() if each.name.startswith(self._engine.prefix))
        return iter(sorted(ours, key=lambda each: each.at))


class _Replay:
    def __init__(self, prefix: str, owners: dict[str, str]) -> None:
        self.containers: dict[str, Known] = {}
        self.happenings: list[Happening] = []
        self._prefix = prefix
        self._owners = owners

    def take(self, event: SeenEvent) -> None:
        what = _WHAT.get(event.action)
        name = event.name.removeprefix(self._prefix)
        known = self.containers.setdefault(event.container_id, Known(name, owner=self._owners.get(name, "")))
        if what is None:
            return
        by: Who = "orchestrator" if what == "exited" and known.ending else "user"
        if what == "renamed":
            self._write(event.at, known, what, by, f"to {name}")
            known.name = name
            return
        self._write(event.at, known, what, by, event.attributes.get("exitCode", ""))
        if what == "removed":
            del self.containers[event.container_id]
        else:
            known.state, known.since, known.resumed = _STATE[what], event.at, what == "unpaused"
        if what == "started":
            known.ending = known.severed = False
        elif what in ("exited", "removed"):
            for guest in self.containers.values():
                guest.severed = guest.severed or guest.owner == known.name.removesuffix(BEFORE)

    def hear(self, request: Timed) -> None:
        found = _ACTION.fullmatch(request.path)
        known = self.containers.get(found[1]) if found is not None else None
        if found is None or known is None:
            return
        asked: dict[str, What] = {
            "start": "asked to start",
            "stop": "asked to stop",
            "restart": "asked to restart",
            "kill": "asked to kill",
        }
        self._write(request.at, known, asked[found[2]], "orchestrator")
        known.ending = known.ending or found[2] != "start"

    def _write(self, at: float, known: Known, what: What, by: Who, detail: str = "") -> None:
        self.happenings.append(Happening(Instant(at, at), known.name, what, by, detail, known.well(at)))


def told_by(api: Api) -> Sequence[Told]:
    """All its events, oldest first."""
    events: list[dict[str, Any]] = []
    before = ""
    while True:
        page = api.get(f"/health/events?limit=1000{before}")
        events += page["events"]
        if page["next_before"] is None:
            break
        before = f"&before={page['next_before']}"
    return [_told(each) for each in reversed(events)]


def _told(event: dict[str, Any]) -> Told:
    return Told(
        sequence=event["sequence"],
        service=event["data"].get("name", "") if event["type"] == "service_status" else "",
        message=event["message"],
        status=event["data"].get("status", "") if event["type"] == "service_status" else "",
        cause=event.get("cause", ""),
        wall=datetime.fromisoformat(event["timestamp"]).timestamp(),
    )
