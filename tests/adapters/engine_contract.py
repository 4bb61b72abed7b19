"""What every :class:`orchestrator.ports.ContainerEngine` must do, the fake one included.

Subclass :class:`EngineContract`, name it ``Test...``, and give it a ``harness`` fixture. The tests are plain
functions; ``harness.play`` runs a story in an event loop, real or virtual, with a connected engine.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from enum import Enum

import pytest

from orchestrator.core.model import NAMESPACES, ContainerSnapshot, ContainerState, Tie, TieKind
from orchestrator.errors import ActionRefused, ContainerNotFound, EngineAway, EngineError, EngineHung
from orchestrator.ports import ContainerEngine, EngineEvent

UNKNOWN = "f" * 64
PATIENCE = 30.0
"""Seconds, the loop's, within which the world must have become what a test waits for."""


class Habit(Enum):
    """What the container of a test does."""

    POLITE = "serves until SIGTERM, and then ends within a second"
    STUBBORN = "serves and ignores SIGTERM"
    BRIEF = "ends by itself at once, with exit code 3"
    CHECKED = "polite, with a health check of the engine's every second that passes"
    SPEAKING = "writes `one`, `two`, `three` to stdout and `alas` to stderr, and then `tick` every half second"
    ON_A_TERMINAL = "writes the same, all of it to a terminal"
    UNSTARTABLE = "a bind mount whose source does not exist (any more): the engine refuses to start it"


class EngineHarness(ABC):
    """One engine and the hands of somebody else on its host. The label ``contract=yes`` is on every container."""

    @abstractmethod
    def play(self, story: Callable[[ContainerEngine], Awaitable[None]]) -> None:
        """Run to the end with an engine on this loop; closes it afterwards."""

    @abstractmethod
    async def create(self, habit: Habit, uses: Mapping[TieKind, str] | None = None) -> str:
        """A container that was never started; its full id. ``uses``: what of which other containers, by their ids."""

    @abstractmethod
    async def crash(self, container_id: str) -> None:
        """End its first process with SIGKILL behind the engine's back."""

    @abstractmethod
    async def freeze(self, container_id: str) -> None:
        """SIGSTOP to all its processes."""

    @abstractmethod
    async def pause(self, container_id: str) -> None: ...

    @abstractmethod
    async def unpause(self, container_id: str) -> None: ...

    @abstractmethod
    async def remove(self, container_id: str) -> None: ...

    @abstractmethod
    async def take_away_mount(self, container_id: str) -> None:
        """From now on this POLITE container cannot be started; it may go on running."""

    @abstractmethod
    async def give_back_mount(self, container_id: str) -> None: ...

    @abstractmethod
    async def go_away(self) -> None:
        """Nobody listens at the engine's endpoint any more, and open connections break; containers go on."""

    @abstractmethod
    async def come_back(self) -> None: ...

    @abstractmethod
    async def hang(self) -> None:
        """The engine accepts connections and answers nothing."""

    @abstractmethod
    async def wake(self) -> None: ...


async def eventually(
    engine: ContainerEngine, container_id: str, holds: Callable[[ContainerSnapshot], bool]
) -> ContainerSnapshot:
    """The first look at which it holds."""
    async with asyncio.timeout(PATIENCE):
        while True:
            seen = await engine.inspect(container_id)
            if holds(seen):
                return seen
            await asyncio.sleep(0.05)


def is_(state: ContainerState) -> Callable[[ContainerSnapshot], bool]:
    return lambda seen: seen.state is state


async def next_of(
    events: AsyncIterator[EngineEvent], container_id: str, action: str
) -> tuple[EngineEvent, list[EngineEvent]]:
    """The first such event, and all events up to it."""
    heard = []
    async with asyncio.timeout(PATIENCE):
        async for event in events:
            heard.append(event)
            if event.action == action and event.container_id == container_id:
                return event, heard
    raise AssertionError(f"the stream ended before {action}: {heard}")


async def written(engine: ContainerEngine, container_id: str, tail: int = 1000) -> list[tuple[str, str]]:
    """What the container wrote so far: stream and text."""
    return [(line.stream, line.text) async for line in engine.logs(container_id, tail=tail)]


async def written_by(engine: ContainerEngine, container_id: str, text: str) -> list[tuple[str, str]]:
    """The first such list that holds the text."""
    async with asyncio.timeout(PATIENCE):
        while True:
            seen = await written(engine, container_id)
            if any(text == one for _, one in seen):
                return seen
            await asyncio.sleep(0.1)


async def letters(engine: ContainerEngine, container_id: str) -> list[str]:
    return [process.state for process in await engine.processes(container_id)]


class EngineContract:
    """Every test starts with the engine up and answering."""

    # --- looking --------------------------------------------------------------------------------------------

    def test_it_says_who_answers(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            identity = await engine.identify()
            assert identity.kind in ("docker", "podman")
            assert identity.version[0].isdigit()
            assert identity.api_version[0].isdigit()
            assert engine.endpoint
            assert engine.published_host

        harness.play(story)

    def test_the_list_holds_what_runs_and_what_does_not(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            idle, running = await harness.create(Habit.POLITE), await harness.create(Habit.POLITE)
            await engine.start(running)
            rows = {row.container_id: row for row in await engine.containers()}
            assert rows[idle].state is ContainerState.CREATED
            assert rows[running].state is ContainerState.RUNNING
            for container_id in (idle, running):
                assert rows[container_id].labels["contract"] == "yes"
                assert rows[container_id].name == (await engine.inspect(container_id)).name
                assert not rows[container_id].name.startswith("/")

        harness.play(story)

    def test_the_age_in_the_list_is_an_upper_bound(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.POLITE)
            await engine.start(container)
            (row,) = [row for row in await engine.containers() if row.container_id == container]
            assert row.uptime_at_most is None or 0 <= row.uptime_at_most < 60

        harness.play(story)

    def test_a_container_that_never_ran_has_no_run(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            seen = await engine.inspect(await harness.create(Habit.POLITE))
            assert (seen.state, seen.started_at, seen.run, seen.pid) == (ContainerState.CREATED, None, None, None)

        harness.play(story)

    def test_a_running_container_names_its_run_and_its_process(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.POLITE)
            await engine.start(container)
            seen = await engine.inspect(container)
            assert seen.state is ContainerState.RUNNING
            assert seen.run is not None
            assert seen.run.container_id == container
            assert seen.run.started_at >= seen.created_at
            assert seen.pid
            assert seen.exit_code is None
            assert seen.health is None

        harness.play(story)

    def test_an_unknown_container_is_not_found_by_any_call(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            calls: tuple[Callable[[], Awaitable[object]], ...] = (
                lambda: engine.inspect(UNKNOWN),
                lambda: engine.start(UNKNOWN),
                lambda: engine.stop(UNKNOWN, 1),
                lambda: engine.restart(UNKNOWN, 1),
                lambda: engine.kill(UNKNOWN),
                lambda: engine.rename(UNKNOWN, "renamed"),
                lambda: engine.create_like(UNKNOWN, "like", {}, {}),
                lambda: engine.execute(UNKNOWN, ["true"], 5),
                lambda: engine.health(UNKNOWN),
                lambda: engine.processes(UNKNOWN),
                lambda: engine.usage(UNKNOWN),
                lambda: engine.environment(UNKNOWN),
                lambda: written(engine, UNKNOWN),
            )
            for call in calls:
                with pytest.raises(ContainerNotFound):
                    await call()

        harness.play(story)

    def test_a_removed_container_is_not_found(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.POLITE)
            await engine.start(container)
            await harness.remove(container)
            with pytest.raises(ContainerNotFound):
                await engine.inspect(container)

        harness.play(story)

    def test_an_exit_code_is_the_process_s_own(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.BRIEF)
            await engine.start(container)
            seen = await eventually(engine, container, is_(ContainerState.EXITED))
            assert seen.exit_code == 3
            assert seen.finished_at is not None
            assert seen.started_at is not None
            assert seen.finished_at >= seen.started_at

        harness.play(story)

    def test_a_crash_behind_the_engine_s_back_is_seen(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.POLITE)
            await engine.start(container)
            await harness.crash(container)
            assert (await eventually(engine, container, is_(ContainerState.EXITED))).exit_code == 137

        harness.play(story)

    def test_paused_is_a_state_of_its_own(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.POLITE)
            await engine.start(container)
            before = (await engine.inspect(container)).run
            await harness.pause(container)
            seen = await engine.inspect(container)
            assert (seen.state, seen.run) == (ContainerState.PAUSED, before)
            await harness.unpause(container)
            seen = await engine.inspect(container)
            assert (seen.state, seen.run) == (ContainerState.RUNNING, before)

        harness.play(story)

    def test_what_a_container_uses_of_another_is_told(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            owner = await harness.create(Habit.POLITE)
            await engine.start(owner)
            kinds: tuple[TieKind, ...] = ("network", "pid", "ipc", "volumes")
            if (await engine.identify()).kind == "podman":
                kinds += ("podman",)
            for kind in kinds:
                seen = await engine.inspect(await harness.create(Habit.POLITE, {kind: owner}))
                assert seen.ties == (Tie(kind, owner),)

        harness.play(story)

    def test_what_joined_a_process_namespace_ends_with_its_owner(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            owner = await harness.create(Habit.POLITE)
            await engine.start(owner)
            guests = {}
            for kind in NAMESPACES:
                guests[kind] = await harness.create(Habit.SPEAKING, {kind: owner})
                await engine.start(guests[kind])
            await engine.restart(owner, 5)
            assert (await eventually(engine, guests["pid"], is_(ContainerState.EXITED))).exit_code == 137
            for kind in ("network", "ipc"):
                assert (await engine.inspect(guests[kind])).state is ContainerState.RUNNING

        harness.play(story)

    # --- acting ---------------------------------------------------------------------------------------------

    def test_starting_what_runs_is_success_and_changes_nothing(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.POLITE)
            await engine.start(container)
            before = await engine.inspect(container)
            await engine.start(container)
            assert (await engine.inspect(container)).run == before.run

        harness.play(story)

    def test_a_stop_returns_when_it_is_down_and_again_is_success(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.POLITE)
            await engine.start(container)
            await engine.stop(container, 10)
            assert (await engine.inspect(container)).state is ContainerState.EXITED
            await engine.stop(container, 10)
            assert (await engine.inspect(container)).state is ContainerState.EXITED

        harness.play(story)

    def test_what_ignores_sigterm_is_killed_after_the_time_out_and_not_before(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            loop = asyncio.get_running_loop()
            container = await harness.create(Habit.STUBBORN)
            await engine.start(container)
            begun = loop.time()
            await engine.stop(container, 2)
            assert 1.5 <= loop.time() - begun < 8
            seen = await engine.inspect(container)
            assert (seen.state, seen.exit_code) == (ContainerState.EXITED, 137)

        harness.play(story)

    def test_a_time_out_of_zero_kills_at_once(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            loop = asyncio.get_running_loop()
            container = await harness.create(Habit.STUBBORN)
            await engine.start(container)
            before = await engine.inspect(container)
            begun = loop.time()
            await engine.restart(container, 0)
            assert loop.time() - begun < 5
            seen = await engine.inspect(container)
            assert seen.state is ContainerState.RUNNING
            assert seen.run != before.run

        harness.play(story)

    def test_a_restart_keeps_the_container_and_begins_a_new_run(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.POLITE)
            await engine.start(container)
            before = await engine.inspect(container)
            await engine.restart(container, 5)
            after = await engine.inspect(container)
            assert after.state is ContainerState.RUNNING
            assert after.container_id == before.container_id
            assert after.started_at is not None
            assert before.started_at is not None
            assert after.started_at > before.started_at

        harness.play(story)

    def test_a_restart_starts_what_was_down(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.POLITE)
            await engine.start(container)
            await engine.stop(container, 5)
            await engine.restart(container, 5)
            assert (await engine.inspect(container)).state is ContainerState.RUNNING

        harness.play(story)

    def test_a_kill_ends_it_and_again_is_success(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.STUBBORN)
            await engine.start(container)
            await engine.kill(container)
            assert (await eventually(engine, container, is_(ContainerState.EXITED))).exit_code == 137
            await engine.kill(container)

        harness.play(story)

    def test_a_start_that_the_engine_refuses_gives_its_own_words(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.UNSTARTABLE)
            with pytest.raises(ActionRefused) as refused:
                await engine.start(container)
            assert refused.value.status >= 400
            assert len(str(refused.value)) > 10
            assert (await engine.inspect(container)).state in (ContainerState.CREATED, ContainerState.EXITED)

        harness.play(story)

    def test_a_restart_that_fails_in_its_second_half_leaves_it_down_until_the_cause_is_gone(
        self, harness: EngineHarness
    ) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.POLITE)
            await engine.start(container)
            await harness.take_away_mount(container)
            with pytest.raises(ActionRefused):
                await engine.restart(container, 5)
            assert (await engine.inspect(container)).state is ContainerState.EXITED
            await harness.give_back_mount(container)
            await engine.start(container)
            assert (await engine.inspect(container)).state is ContainerState.RUNNING

        harness.play(story)

    def test_three_restarts_at_once_leave_it_running(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.POLITE)
            await engine.start(container)
            before = await engine.inspect(container)
            results = await asyncio.gather(*(engine.restart(container, 5) for _ in range(3)), return_exceptions=True)
            assert all(result is None or isinstance(result, ActionRefused) for result in results), results
            after = await engine.inspect(container)
            assert after.state is ContainerState.RUNNING
            assert after.run != before.run

        harness.play(story)

    # --- creating -------------------------------------------------------------------------------------------

    def test_a_renamed_container_is_found_by_its_new_name(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.POLITE)
            before = await engine.inspect(container)
            await engine.start(container)
            await engine.rename(container, f"{before.name}.renamed")
            after = await engine.inspect(f"{before.name}.renamed")
            assert (after.container_id, after.state) == (container, ContainerState.RUNNING)
            with pytest.raises(ContainerNotFound):
                await engine.inspect(before.name)

        harness.play(story)

    def test_a_name_that_is_taken_is_refused(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            one, other = await harness.create(Habit.POLITE), await harness.create(Habit.POLITE)
            before = await engine.inspect(one)
            with pytest.raises(ActionRefused):
                await engine.rename(one, (await engine.inspect(other)).name)
            assert (await engine.inspect(one)).name == before.name

        harness.play(story)

    def test_another_like_it_joins_the_namespaces_of_the_successor(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            owner, successor = await harness.create(Habit.POLITE), await harness.create(Habit.POLITE)
            for each in (owner, successor):
                await engine.start(each)
            for kind in NAMESPACES:
                old = await engine.inspect(await harness.create(Habit.SPEAKING, {kind: owner}))
                new = await engine.create_like(old.container_id, f"{old.name}-new", {owner: successor}, {"made": "new"})
                seen = await engine.inspect(new)
                assert (seen.name, seen.state) == (f"{old.name}-new", ContainerState.CREATED)
                assert seen.ties == (Tie(kind, successor),)
                assert (seen.image, seen.restart_policy) == (old.image, old.restart_policy)
                assert dict(seen.labels) == {**old.labels, "made": "new"}
                await engine.start(new)
                assert (await engine.inspect(new)).state is ContainerState.RUNNING
                await engine.remove(new)

        harness.play(story)

    def test_what_is_removed_is_gone_and_again_is_success(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.POLITE)
            await engine.start(container)
            await engine.remove(container)
            with pytest.raises(ContainerNotFound):
                await engine.inspect(container)
            await engine.remove(container)

        harness.play(story)

    def test_the_owner_of_a_namespace_is_kept_by_podman_and_not_by_docker(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            owner = await harness.create(Habit.POLITE)
            await engine.start(owner)
            guest = await harness.create(Habit.SPEAKING, {"network": owner})
            await engine.start(guest)
            if (await engine.identify()).kind == "podman":
                with pytest.raises(ActionRefused):
                    await engine.remove(owner)
                return
            await engine.remove(owner)
            with pytest.raises((ActionRefused, ContainerNotFound)):
                await engine.restart(guest, 1)
            assert (await engine.inspect(guest)).state is ContainerState.EXITED

        harness.play(story)

    # --- inside ---------------------------------------------------------------------------------------------

    def test_a_command_gives_its_exit_code_and_its_output(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.POLITE)
            await engine.start(container)
            done = await engine.execute(container, "echo hello; exit 3", 10)
            assert (done.exit_code, done.output) == (3, "hello\n")
            done = await engine.execute(container, ["echo", "two words"], 10)
            assert (done.exit_code, done.output) == (0, "two words\n")

        harness.play(story)

    def test_a_missing_command_is_exit_code_127(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.POLITE)
            await engine.start(container)
            assert (await engine.execute(container, ["no-such-command"], 10)).exit_code == 127
            assert (await engine.execute(container, "no-such-command", 10)).exit_code == 127

        harness.play(story)

    def test_a_command_in_what_does_not_run_is_refused(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            with pytest.raises(ActionRefused):
                await engine.execute(await harness.create(Habit.POLITE), ["true"], 5)

        harness.play(story)

    def test_a_command_that_does_not_end_is_ended_and_the_next_one_runs(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            loop = asyncio.get_running_loop()
            container = await harness.create(Habit.POLITE)
            await engine.start(container)
            begun = loop.time()
            with pytest.raises(TimeoutError):
                await engine.execute(container, ["sleep", "300"], 1)
            assert loop.time() - begun < 100
            assert (await engine.execute(container, ["true"], 10)).exit_code == 0

        harness.play(story)

    def test_commands_in_one_container_run_one_at_a_time(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            loop = asyncio.get_running_loop()
            container = await harness.create(Habit.POLITE)
            await engine.start(container)
            begun = loop.time()
            await asyncio.gather(*(engine.execute(container, ["sleep", "1"], 10) for _ in range(2)))
            assert loop.time() - begun >= 2

        harness.play(story)

    def test_the_state_letters_tell_a_frozen_process(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.POLITE)
            await engine.start(container)
            states = await letters(engine, container)
            assert states
            assert "T" not in states
            await harness.freeze(container)
            states = await letters(engine, container)
            assert states
            assert set(states) == {"T"}
            await engine.restart(container, 0)
            assert "T" not in await letters(engine, container)

        harness.play(story)

    def test_the_engine_s_own_health_check_is_read_and_may_be_missing(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            plain, checked = await harness.create(Habit.POLITE), await harness.create(Habit.CHECKED)
            await engine.start(plain)
            await engine.start(checked)
            assert await engine.health(plain) is None
            async with asyncio.timeout(PATIENCE):
                while (health := await engine.health(checked)) is None or health.status != "healthy":
                    await asyncio.sleep(0.5)
            assert health.checked_at is not None
            assert health.checked_at >= (await engine.inspect(checked)).started_at  # type: ignore[operator]

        harness.play(story)

    def test_health_says_nothing_of_what_does_not_run(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.CHECKED)
            await engine.start(container)
            await engine.stop(container, 5)
            seen = await engine.inspect(container)
            assert seen.health is not None
            assert seen.health.status == "none"

        harness.play(story)

    # --- what containers write ------------------------------------------------------------------------------

    def test_the_log_has_both_streams_in_lines(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.SPEAKING)
            await engine.start(container)
            seen = await written_by(engine, container, "tick")
            assert [text for stream, text in seen if stream == "stdout"][:3] == ["one", "two", "three"]
            assert [text for stream, text in seen if stream == "stderr"] == ["alas"]

        harness.play(story)

    def test_a_terminal_s_log_is_one_stream_in_clean_lines(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.ON_A_TERMINAL)
            await engine.start(container)
            seen = await written_by(engine, container, "tick")
            assert {stream for stream, _ in seen} == {"stdout"}
            assert [text for _, text in seen if text != "tick"] == ["one", "two", "three", "alas"]

        harness.play(story)

    def test_of_a_log_the_newest_lines_are_given_also_when_it_is_down(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.SPEAKING)
            await engine.start(container)
            await written_by(engine, container, "tick")
            await engine.kill(container)
            await eventually(engine, container, is_(ContainerState.EXITED))
            everything = await written(engine, container)
            assert await written(engine, container, tail=2) == everything[-2:]

        harness.play(story)

    def test_a_log_since_then_leaves_out_what_is_older(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.SPEAKING)
            await engine.start(container)
            await written_by(engine, container, "tick")
            ticks = [line async for line in engine.logs(container, tail=1000) if line.text == "tick"]
            assert ticks[-1].at is not None
            since = ticks[-1].at - 0.001
            later = [line async for line in engine.logs(container, tail=1000, since=since)]
            assert later
            assert all(line.at is not None and line.at >= since for line in later)

        harness.play(story)

    def test_a_log_until_then_leaves_out_what_is_newer(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.SPEAKING)
            await engine.start(container)
            await written_by(engine, container, "tick")
            lines = [line async for line in engine.logs(container, tail=1000)]
            while lines[-1].at == lines[0].at:  # Podman writes whole seconds
                await asyncio.sleep(0.1)
                lines = [line async for line in engine.logs(container, tail=1000)]
            first, last = lines[0].at, lines[-1].at
            assert first is not None
            assert last is not None
            earlier = [line async for line in engine.logs(container, tail=1000, until=(first + last) / 2)]
            assert "one" in [line.text for line in earlier]
            assert all(line.at is not None and line.at < last for line in earlier)

        harness.play(story)

    # --- what it uses -----------------------------------------------------------------------------------------

    def test_a_running_container_tells_what_it_uses(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.POLITE)
            await engine.start(container)
            usage = await engine.usage(container)
            assert usage.memory is not None
            assert usage.processes is not None
            assert usage.processes >= 1
            first, *_ = await engine.processes(container)
            assert first.pid
            assert first.name

        harness.play(story)

    def test_of_what_is_down_the_usage_is_what_was_seen_at_its_end_or_refused(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.POLITE)
            await engine.start(container)
            await engine.inspect(container)
            await harness.crash(container)
            await eventually(engine, container, is_(ContainerState.EXITED))
            try:
                assert (await engine.usage(container)).out_of_memory_kills == 0
            except ActionRefused as error:
                assert "down" in str(error)
            assert await engine.processes(container) == ()

        harness.play(story)

    def test_it_tells_the_environment_and_where_it_keeps_its_containers(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.POLITE)
            assert (await engine.environment(container))["PATH"]
            assert (await engine.storage()).startswith("/")

        harness.play(story)

    def test_two_containers_alike_are_configured_alike_and_name_their_image(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            one = await engine.inspect(await harness.create(Habit.POLITE))
            like = await engine.inspect(await harness.create(Habit.POLITE))
            assert one.image_id == like.image_id != ""
            assert one.configuration["environment"] == like.configuration["environment"]
            assert one.memory_limit is None

        harness.play(story)

    def test_what_never_ran_wrote_nothing(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            assert await written(engine, await harness.create(Habit.SPEAKING)) == []

        harness.play(story)

    def test_who_follows_hears_every_line_until_the_container_ends(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.SPEAKING)
            await engine.start(container)
            heard = []
            async with asyncio.timeout(PATIENCE):
                async for line in engine.logs(container, tail=1000, follow=True):
                    heard.append(line)
                    if [one.text for one in heard].count("tick") == 3:
                        await harness.crash(container)
            assert [line.text for line in heard if line.stream == "stdout"][:4] == ["one", "two", "three", "tick"]

        harness.play(story)

    def test_who_follows_is_told_that_the_engine_went(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.SPEAKING)
            await engine.start(container)
            lines = engine.logs(container, tail=1000, follow=True)
            async with asyncio.timeout(PATIENCE):
                await anext(lines)
                await harness.go_away()
                try:
                    with pytest.raises(EngineAway):
                        async for _ in lines:
                            pass
                finally:
                    await harness.come_back()

        harness.play(story)

    # --- events ---------------------------------------------------------------------------------------------

    def test_every_stream_begins_with_connected(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            for _ in range(2):
                async with aclosing(engine.events()) as events:  # type: ignore[type-var]
                    async with asyncio.timeout(PATIENCE):
                        first = await anext(events)
                    assert (first.action, first.container_id) == ("connected", "")

        harness.play(story)

    def test_a_life_is_told_in_one_vocabulary(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            async with aclosing(engine.events()) as events:  # type: ignore[type-var]
                await anext(events)
                container = await harness.create(Habit.POLITE)
                await next_of(events, container, "create")
                await engine.start(container)
                await next_of(events, container, "start")
                await harness.crash(container)
                await next_of(events, container, "die")
                await engine.start(container)
                await next_of(events, container, "start")
                await harness.pause(container)
                await next_of(events, container, "pause")
                await harness.unpause(container)
                await next_of(events, container, "unpause")
                await harness.remove(container)
                await next_of(events, container, "destroy")

        harness.play(story)

    def test_a_stop_that_was_asked_for_is_told_and_a_crash_is_none(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.POLITE)
            await engine.start(container)
            async with aclosing(engine.events()) as events:  # type: ignore[type-var]
                await anext(events)
                await harness.crash(container)
                await engine_is_down(engine, container)
                await engine.start(container)
                _, heard = await next_of(events, container, "start")
                assert "stop" not in [each.action for each in heard if each.container_id == container]
                await engine.stop(container, 5)
                _, heard = await next_of(events, container, "die")
                told = [each.action for each in heard]
                # Podman 4.3 tells of a stop only when it wins a race against its own cleanup: about one in four.
                docker = (await engine.identify()).kind == "docker"
                assert "kill" in told or not docker, "announced by the signal"
                if docker and "stop" not in told:
                    await next_of(events, container, "stop")
                recorded = (await engine.inspect(container)).stopped_by_user
                assert recorded is (False if docker else None), "neither keeps a record, and only one of them tells"

        harness.play(story)

    def test_a_broken_stream_says_so(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            async with aclosing(engine.events()) as events:  # type: ignore[type-var]
                await anext(events)
                await harness.go_away()
                with pytest.raises(EngineAway):
                    async with asyncio.timeout(PATIENCE):
                        async for _ in events:
                            pass
            await harness.come_back()
            async with aclosing(engine.events()) as events:  # type: ignore[type-var]
                async with asyncio.timeout(PATIENCE):
                    assert (await anext(events)).action == "connected"

        harness.play(story)

    # --- an engine that is no help --------------------------------------------------------------------------

    def test_an_engine_that_is_away_says_nothing_of_its_containers(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.POLITE)
            await engine.start(container)
            run = (await engine.inspect(container)).run
            await harness.go_away()
            calls: tuple[Callable[[], Awaitable[object]], ...] = (
                engine.identify,
                engine.containers,
                lambda: engine.inspect(container),
                lambda: engine.start(container),
                lambda: engine.stop(container, 1),
                lambda: engine.execute(container, ["true"], 5),
            )
            for call in calls:
                with pytest.raises(EngineAway) as away:
                    await call()
                assert engine.endpoint in str(away.value)
            await harness.come_back()
            await engine.identify()
            assert (await engine.inspect(container)).run == run

        harness.play(story)

    def test_an_engine_that_hangs_is_given_up_on_and_understood_again_when_it_wakes(
        self, harness: EngineHarness
    ) -> None:
        async def story(engine: ContainerEngine) -> None:
            container = await harness.create(Habit.POLITE)
            await engine.start(container)
            await harness.hang()
            begun = asyncio.get_running_loop().time()
            try:
                with pytest.raises(EngineHung):
                    await engine.inspect(container)
                assert asyncio.get_running_loop().time() - begun < PATIENCE
            finally:
                await harness.wake()
            assert (await engine.inspect(container)).state is ContainerState.RUNNING

        harness.play(story)

    def test_every_error_is_one_of_ours(self, harness: EngineHarness) -> None:
        async def story(engine: ContainerEngine) -> None:
            for strange in ("no such name", "a/b", "x" * 300, "%2e%2e"):
                with pytest.raises(EngineError):
                    await engine.inspect(strange)

        harness.play(story)


async def engine_is_down(engine: ContainerEngine, container_id: str) -> None:
    await eventually(engine, container_id, is_(ContainerState.EXITED))
