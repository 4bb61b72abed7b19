"""An event loop in virtual time: a simulated day takes a second, and every run goes the same way.

``run_virtual(main)`` is ``asyncio.run`` on a loop whose ``time()`` starts at zero and jumps to the next timer
whenever nothing is ready. Nothing in it ever waits for real, with one exception: while work given to
``run_in_executor`` (and so ``asyncio.to_thread``) is unfinished, virtual time stands still and the thread is
waited for. Real sockets do not belong on this loop: time would jump past their answers.

What would hang a real loop ends here with an error that says who waits where: no timer and nothing ready
(:class:`Deadlock`), or no progress in time (:class:`Livelock`).
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

DEFAULT_LIMIT = 366 * 86400.0
"""Virtual seconds."""
THREAD_LIMIT = 60.0
"""Real seconds that one thread may keep virtual time standing."""
TIME_TO_CLEAN_UP = 3600.0
"""Virtual seconds that cancelled tasks get beyond the limit."""
TURNS_AT_ONE_MOMENT = 50_000
"""More turns of the loop than this at one moment are no work, but a circle."""


class Deadlock(AssertionError):
    """Every task waits, and nothing that could wake one of them is scheduled."""


class Livelock(AssertionError):
    """The loop turns and turns without time passing."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop itself, for those who want ``asyncio.Runner(loop_factory=VirtualLoop)``."""

    def __init__(self, limit: float = DEFAULT_LIMIT) -> None:
        self._moment = 0.0
        self._limit = limit
        self._threads = 0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._moment

    @property
    def waits_for_threads(self) -> bool:
        return self._threads > 0

    def jump(self, seconds: float) -> None:
        """Let ``seconds`` pass; for the selector, which knows that nothing is ready before."""
        if self._moment + seconds > self._limit:
            limit, self._limit = self._limit, self._limit + TIME_TO_CLEAN_UP
            raise TimeoutError(f"not ended after {limit:g} virtual seconds; these tasks exist:\n{waiting_tasks(self)}")
        self._moment += seconds

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        future = super().run_in_executor(executor, func, *args)
        self._threads += 1
        future.add_done_callback(self._thread_ended)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        # The base class joins its threads from a thread of its own, which run_in_executor never saw.
        self._threads += 1
        try:
            await super().shutdown_default_executor()
        finally:
            self._threads -= 1

    def _thread_ended(self, _: asyncio.Future[Any]) -> None:
        self._threads -= 1


class _JumpingSelector(selectors.DefaultSelector):
    """Never blocks: instead of waiting for the next timer it lets the loop's time jump there."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop
        self._turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            self._count_turn()
            return ready
        if self._loop.waits_for_threads:
            return self._wait_for_a_thread()
        if timeout is None:
            raise Deadlock(f"nothing is scheduled, and these tasks wait for ever:\n{waiting_tasks(self._loop)}")
        self._turns = 0
        self._loop.jump(timeout)
        return ready

    def _count_turn(self) -> None:
        self._turns += 1
        if self._turns > TURNS_AT_ONE_MOMENT:
            self._turns = 0
            raise Livelock(
                f"{TURNS_AT_ONE_MOMENT} turns of the loop at {self._loop.time():g} s without time passing; "
                f"these tasks exist:\n{waiting_tasks(self._loop)}"
            )

    def _wait_for_a_thread(self) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(THREAD_LIMIT)
        if not ready:
            raise Deadlock(f"a thread of the executor has not ended within {THREAD_LIMIT:g} real seconds")
        return ready


def waiting_tasks(loop: asyncio.AbstractEventLoop) -> str:
    """One line a task: its name and the source line it stands at."""
    lines = []
    for task in sorted(asyncio.all_tasks(loop), key=lambda each: each.get_name()):
        stack = task.get_stack(limit=1)
        place = f"{stack[-1].f_code.co_filename}:{stack[-1].f_lineno}" if stack else "not started"
        lines.append(f"  {task.get_name()} at {place}")
    return "\n".join(lines) or "  (none)"


Main = Coroutine[Any, Any, T] | Callable[[], Coroutine[Any, Any, T]]


def run_virtual(main: Main[T], *, limit: float = DEFAULT_LIMIT) -> T:
    """Run to its end in virtual time and return its result; takes the coroutine or the function that makes it.

    ``limit`` is in virtual seconds: whoever has not ended by then raises :class:`TimeoutError` with the tasks
    that were still there. Tasks left behind are cancelled, as by ``asyncio.run``, and have :data:`TIME_TO_CLEAN_UP`.
    """
    coroutine = main() if callable(main) else main
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(limit)) as runner:
        return runner.run(coroutine)
