"""One container of a story, and everything that can befall it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from orchestrator.testing.container import Blueprint, FakeContainer, Process
from orchestrator.testing.daemon import KILLED, FakeDaemon
from orchestrator.testing.workload import Condition

Deed = Callable[[], None]
"""Something that happens at a moment of the story; see :meth:`Scenario.at` and :meth:`Scenario.now`."""


class Actor:
    """A container by its name: the same actor after it was recreated. Every method returns a deed to be done."""

    def __init__(self, daemon: FakeDaemon, name: str) -> None:
        self._daemon = daemon
        self.name = name

    @property
    def container(self) -> FakeContainer:
        """As it is now; :class:`ContainerNotFound` while there is none."""
        return self._daemon.find(self.name)

    # --- the process ------------------------------------------------------------------------------------------

    def crashes(self, exit_code: int = 1) -> Deed:
        return lambda: self._end(exit_code)

    def is_killed_by_the_kernel(self) -> Deed:
        """Out of memory."""
        return lambda: self._end(KILLED, oom=True)

    def gets_sick(self) -> Deed:
        """HTTP 500 until the end of this run, or until it gets well."""
        return lambda: self._become(Condition.SICK)

    def deadlocks(self) -> Deed:
        return lambda: self._become(Condition.DEADLOCKED)

    def freezes(self) -> Deed:
        """SIGSTOP."""
        return lambda: self._become(Condition.FROZEN)

    def gets_well(self) -> Deed:
        return lambda: self._become(Condition.HEALTHY)

    def changes(self, **figures: object) -> Deed:
        """How its runs behave from the next one on; the arguments are those of :class:`Workload`."""

        def change() -> None:
            container = self.container
            container.workload = replace(container.workload, **figures)  # type: ignore[arg-type]

        return change

    def cannot_start(self, words: str = "bind source path does not exist: /srv/gone") -> Deed:
        return lambda: setattr(self.container, "refuses_start", words)

    def cannot_be_copied(self, words: str = "it would lack HostConfig.Links") -> Deed:
        return lambda: setattr(self.container, "refuses_likeness", words)

    def can_start(self) -> Deed:
        return lambda: setattr(self.container, "refuses_start", "")

    # --- people with a command line ---------------------------------------------------------------------------

    def is_stopped_by_hand(self) -> Deed:
        """``docker stop``."""
        return self._perform_stop

    def is_started_by_hand(self) -> Deed:
        return self._perform_start

    def is_paused(self) -> Deed:
        return lambda: self._once_the_engine_answers(lambda: self._daemon.pause(self.container))

    def is_unpaused(self) -> Deed:
        return lambda: self._once_the_engine_answers(lambda: self._daemon.unpause(self.container))

    def is_removed(self) -> Deed:
        return lambda: self._once_the_engine_answers(lambda: self._daemon.remove(self.container))

    def is_recreated(self, **changes: object) -> Deed:
        """Removed, created anew under its name and started, as ``docker compose up`` does for a new image.
        The arguments are those of :class:`Blueprint`."""

        def recreate() -> None:
            before = self.container
            self._daemon.remove(before)
            blueprint: Blueprint = replace(before.blueprint, **changes)  # type: ignore[arg-type]
            self._daemon.launch(self._daemon.create(blueprint), "user")

        return lambda: self._once_the_engine_answers(recreate)

    # --- how ---------------------------------------------------------------------------------------------------

    def _once_the_engine_answers(self, deed: Deed) -> None:
        self._daemon.reach.once_awake(deed)

    def _perform_stop(self) -> None:
        self._daemon.write(self.container, "asked to stop", "user", "within 10 s")
        self._daemon.perform(self._daemon.stop(self.container, 10.0, "user"))

    def _perform_start(self) -> None:
        self._daemon.write(self.container, "asked to start", "user")
        self._daemon.perform(self._daemon.start(self.container, "user"))

    def _process(self) -> Process | None:
        process = self.container.process
        return None if process is None or process.dead else process

    def _end(self, code: int, *, oom: bool = False) -> None:
        process = self._process()
        if process is not None:
            self._daemon.end(self.container, process, code, "itself", oom)

    def _become(self, condition: Condition) -> None:
        process = self._process()
        if process is not None:
            process.condition = condition
            process.changed_at = self._daemon.clock.now().moment
