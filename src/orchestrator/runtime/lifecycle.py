"""The hands: carry out one action, look at what came of it, and post exactly one outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Final, assert_never

from orchestrator.core.messages import Action, Outcome, Result
from orchestrator.core.model import ActionKind, ContainerSnapshot, ContainerState
from orchestrator.errors import ActionRefused, ContainerNotFound, EngineError, EngineUnavailable
from orchestrator.ports import Clock, ContainerEngine
from orchestrator.runtime.examination import TIME_TO_LOOK, frozen
from orchestrator.runtime.recreation import recreate

ALL_STOPPED: Final = (
    "all its processes were stopped (state T) and could not have used the stop time-out: killed at once"
)
_UNTOUCHABLE: Final = (ContainerState.PAUSED, ContainerState.REMOVING)
_TIME_BEYOND_STOP: Final = 60.0


class LifecycleManager:
    """Executes actions against the engine: one at a time for each service and each lane (the brain sees to that), at
    most ``width`` at once for the engine; every action ends within its deadline.

    ``post`` receives the service and the one outcome of each action, also when it was cancelled.
    """

    def __init__(
        self, engine: ContainerEngine, clock: Clock, post: Callable[[str, Outcome], None], *, width: int = 8
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._post = post
        self._slots = asyncio.Semaphore(width)
        self._tasks: set[asyncio.Task[None]] = set()

    def submit(self, action: Action) -> None:
        task = asyncio.get_running_loop().create_task(self._carry_out(action), name=action.action_id)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def in_flight(self) -> int:
        return len(self._tasks)

    async def finish(self, deadline: float) -> None:
        """Give actions in flight ``deadline`` seconds to end, then cancel what is left."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=deadline)
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _carry_out(self, action: Action) -> None:
        outcome = Outcome(action.action_id, Result.UNKNOWN, "cancelled before it ended")
        try:
            outcome = await self._in_turn(action)
        finally:
            self._post(action.service, outcome)

    async def _in_turn(self, action: Action) -> Outcome:
        async with self._slots:
            try:
                async with asyncio.timeout(2 * action.stop_timeout + _TIME_BEYOND_STOP):
                    return await self._act(action)
            except TimeoutError:
                return Outcome(action.action_id, Result.UNKNOWN, "it did not end within its deadline")

    async def _act(self, action: Action) -> Outcome:
        if action.kind is ActionKind.RECREATE:
            return await recreate(self._engine, self._clock, action)
        try:
            if action.kind in (ActionKind.RESTART, ActionKind.STOP):
                settled = await self._settled_already(action)
                if settled is not None:
                    return settled
            detail = await self._call(action)
        except ContainerNotFound as error:
            return Outcome(action.action_id, Result.FAILED, str(error))
        except EngineUnavailable as error:
            return await self._after_doubt(action, str(error))
        except ActionRefused as error:
            return await self._after_doubt(action, str(error), refused=True)
        except EngineError as error:
            return await self._concluded(action, Result.FAILED, str(error))
        return await self._concluded(action, Result.DONE, detail)

    async def _settled_already(self, action: Action) -> Outcome | None:
        """A restart or a stop hits whatever is there by then: what was decided on an old look, or waited for its slot,
        is looked at once more. Not so a start, which is asked for in a hurry and changes nothing on what is up."""
        looked_at = self._clock.now().moment
        before = await self._engine.inspect(action.container_id)
        if before.state in _UNTOUCHABLE:
            detail = f"nothing was done, because by then the container was {before.state}"
            return Outcome(action.action_id, Result.FAILED, detail, before, looked_at)
        if action.kind is ActionKind.RESTART and _achieved(action, before):
            detail = "somebody else had restarted it by then"
            return Outcome(action.action_id, Result.DONE, detail, before, looked_at)
        return None

    async def _call(self, action: Action) -> str:
        match action.kind:
            case ActionKind.START:
                await self._engine.start(action.container_id)
            case ActionKind.STOP:
                await self._engine.stop(action.container_id, action.stop_timeout)
            case ActionKind.RESTART:
                is_frozen = await frozen(self._engine, action.container_id)
                await self._engine.restart(action.container_id, 0 if is_frozen else action.stop_timeout)
                return ALL_STOPPED if is_frozen else ""
            case ActionKind.RECREATE:
                raise AssertionError("a recreation is many calls")
            case _:
                assert_never(action.kind)
        return ""

    async def _after_doubt(self, action: Action, words: str, *, refused: bool = False) -> Outcome:
        """An error is not yet a failure: three restarts at once give one restart and two errors. Look first."""
        concluded = await self._concluded(action, Result.FAILED if refused else Result.UNKNOWN, words)
        if concluded.container is not None and _achieved(action, concluded.container):
            return replace(concluded, result=Result.DONE, detail=f"done, although the engine said: {words}")
        return concluded

    async def _concluded(self, action: Action, result: Result, detail: str) -> Outcome:
        looked_at = self._clock.now().moment
        return Outcome(action.action_id, result, detail, await self._look(action.container_id), looked_at)

    async def _look(self, container_id: str) -> ContainerSnapshot | None:
        try:
            async with asyncio.timeout(TIME_TO_LOOK):
                return await self._engine.inspect(container_id)
        except (EngineError, TimeoutError):
            return None


def _achieved(action: Action, after: ContainerSnapshot) -> bool:
    runs = after.state is ContainerState.RUNNING
    match action.kind:
        case ActionKind.START:
            return runs
        case ActionKind.STOP:
            return after.state in (ContainerState.EXITED, ContainerState.CREATED)
        case ActionKind.RESTART | ActionKind.RECREATE:
            return runs and after.run != action.run
        case _:
            assert_never(action.kind)
