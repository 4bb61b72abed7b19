"""What is known of the world that is no service: the engine, how many containers, ourselves."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from orchestrator.core.gpus import Driver
from orchestrator.core.model import Category, Instant, Status
from orchestrator.errors import EngineUnavailable
from orchestrator.ports import EngineIdentity
from orchestrator.runtime.views import (
    EngineView,
    GpusView,
    ResourceView,
    ServiceView,
    StoreView,
    SystemView,
    WorkerView,
)

Overall = Literal["healthy", "degraded", "unhealthy"]


class Surroundings:
    """Written by the brain; the methods that take news answer whether it is a change worth telling."""

    def __init__(self, version: str) -> None:
        self.version = version
        self._identity: EngineIdentity | None = None
        self._error: EngineUnavailable | None = None
        self._since = self._started_at = self._last_turn_at = 0.0
        self._turns = 0
        self._containers: int | None = None
        self._surveyed = False
        self.cycles: tuple[str, ...] = ()
        """Dependencies that contradict each other, as paths."""

    def begin(self, now: Instant) -> None:
        self._since = self._started_at = self._last_turn_at = now.wall

    def turned(self, now: Instant, turns: int) -> None:
        self._turns, self._last_turn_at = turns, now.wall

    def reached(self, identity: EngineIdentity, now: Instant) -> bool:
        changed = self._identity != identity or self._error is not None
        if self._identity is None or self._error is not None:
            self._since = now.wall
        self._identity, self._error = identity, None
        return changed

    def lost(self, error: EngineUnavailable, now: Instant) -> bool:
        if self._error is None:
            self._since = now.wall
        changed = self._error is None or type(self._error) is not type(error)
        self._error = error
        return changed

    def discovered(self, names: Collection[str]) -> bool:
        self._surveyed = self._surveyed or self._identity is not None
        changed = len(names) != self._containers and (bool(names) or self._identity is not None)
        self._containers = len(names) if changed else self._containers
        return changed

    @property
    def engine_away(self) -> EngineUnavailable | None:
        """Why the engine cannot be asked; ``None``: it can, or has not been tried."""
        return self._error

    @property
    def surveyed(self) -> bool:
        """Whether the engine has listed its containers since we began."""
        return self._surveyed

    def view(
        self,
        services: tuple[ServiceView, ...],
        workers: tuple[WorkerView, ...],
        store: StoreView,
        gpus: GpusView,
        endpoint: str,
        *,
        preconditions: tuple[ResourceView, ...] = (),
        restarts_paused: str = "",
    ) -> SystemView:
        engine = self._engine_view(endpoint)
        working = all(worker.state == "running" for worker in workers)
        parts_well = engine.reachable and store.healthy and working and gpus.driver is not Driver.MISSING
        return SystemView(
            status=_overall(services, parts_well=parts_well and not restarts_paused),
            services=services,
            workers=workers,
            engine=engine,
            store=store,
            gpus=gpus,
            preconditions=preconditions,
            version=self.version,
            started_at=self._started_at,
            turns=self._turns,
            last_turn_at=self._last_turn_at,
            restarts_paused=restarts_paused,
            surveyed=self._surveyed,
        )

    def _engine_view(self, endpoint: str) -> EngineView:
        identity = self._identity
        reachable = identity is not None and self._error is None
        waiting = "" if reachable else f"not reached yet: {endpoint}"
        return EngineView(
            endpoint=endpoint,
            reachable=reachable,
            kind=None if identity is None else identity.kind,
            version=None if identity is None else identity.version,
            api_version=None if identity is None else identity.api_version,
            detail=waiting if self._error is None else str(self._error),
            since=self._since,
        )


def _overall(services: tuple[ServiceView, ...], *, parts_well: bool) -> Overall:
    down = [one for one in services if _is_down(one)]
    if any(one.category is Category.INFRASTRUCTURE for one in down):
        return "unhealthy"
    return "healthy" if parts_well and not down else "degraded"


def _is_down(service: ServiceView) -> bool:
    """Enabled, not on purpose, and not doing its work."""
    return not service.at_rest and service.status in (Status.UNHEALTHY, Status.STOPPED, Status.NOT_FOUND)
