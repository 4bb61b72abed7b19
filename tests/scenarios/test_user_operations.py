"""Two hundred things that people do to their containers, by chance: whatever they do, nothing wrong is done about it.

What is wrong: :mod:`tests.oracle`, and the promises of every story. In the end everything runs, and nothing is left
over.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from math import inf
from typing import Final, cast

import pytest

from orchestrator.core.messages import Command, Hold, Release, Restart, Start, Stop
from orchestrator.core.model import ContainerState
from orchestrator.errors import ActionRefused
from orchestrator.testing import Actor, Blueprint, FakeContainer, Scenario
from orchestrator.testing.daemon import Dialect
from tests.oracle import BEFORE, HELD, STOPPED, Case, Span
from tests.scenarios.projects import (
    Tool,
    recreate_as_compose_1,
    recreate_as_compose_2,
    replace_one_by_one,
    restart_all,
    take_down,
    take_down_and_bring_up,
)

SEEDS: Final = range(6)
OPERATIONS: Final = 200
PROJECTS: Final = {"shop": ("db", "api", "web"), "blog": ("posts", "pages")}
LONE: Final = ("vpn", "torrent", "mail")
SERVICES: Final = (*PROJECTS["shop"], *PROJECTS["blog"], *LONE)
REQUIRES: Final = {"api": "db", "web": "api", "pages": "posts", "torrent": "vpn"}
CONFIGURATION: Final = {"defaults": {"recovery": {"on_max_failures": "keep_trying"}, "health": {"interval": "15s"}}}
UPDATES: Final[Sequence[Tool]] = (
    recreate_as_compose_2,
    recreate_as_compose_1,
    replace_one_by_one,
    restart_all,
    take_down_and_bring_up,
)


class People:
    """They do one thing after another, to what is there; what they do to a whole project takes its time."""

    def __init__(self, world: Scenario, chance: random.Random) -> None:
        self.world, self.daemon, self.chance = world, world.daemon, chance
        self.blueprints = {name: self._create(name) for name in SERVICES}
        self.spans: list[Span] = []
        self.busy: set[str] = set()
        """Projects that somebody is at work on."""
        self.dies_at = -1
        """The step of the orchestrator's at which it is killed next, or was killed last."""

    def _create(self, name: str) -> Blueprint:
        project = next((one for one, services in PROJECTS.items() if name in services), "")
        labels = {"orchestrator.requires": REQUIRES.get(name, "")}
        if project:
            labels |= {"com.docker.compose.project": project, "com.docker.compose.service": name}
        if name == "torrent":
            labels["orchestrator.recovery.recreate"] = "true"
        actor = self.world.container(name, labels=labels, uses={"network": "vpn"} if name == "torrent" else {})
        return actor.container.blueprint

    # --- what there is ------------------------------------------------------------------------------------------

    def found(self, name: str) -> FakeContainer | None:
        return next((each for each in self.daemon.containers.values() if each.name == name), None)

    def somebody(self, *states: ContainerState) -> Actor | None:
        """One that is there in one of these states, and of which nobody is updating the project."""
        untouched = [name for name in SERVICES if not any(name in PROJECTS[project] for project in self.busy)]
        fitting = [name for name in untouched if (each := self.found(name)) is not None and each.state in states]
        return Actor(self.daemon, self.chance.choice(fitting)) if fitting else None

    def a_project(self) -> str | None:
        """One whose containers are all there, in their places, and none paused: a tool would refuse to go on."""
        whole = [project for project in PROJECTS if project not in self.busy and self._whole(project)]
        return self.chance.choice(whole) if whole else None

    def _whole(self, project: str) -> bool:
        containers = [self.found(name) for name in PROJECTS[project]]
        return all(each is not None and each.state is not ContainerState.PAUSED for each in containers)

    # --- to one container; whether there was one to do it to ------------------------------------------------------

    def stop(self) -> bool:
        return self._do(Actor.is_stopped_by_hand, ContainerState.RUNNING)

    def start(self) -> bool:
        return self._do(Actor.is_started_by_hand, ContainerState.EXITED)

    def pause(self) -> bool:
        return self._do(Actor.is_paused, ContainerState.RUNNING)

    def unpause(self) -> bool:
        return self._do(Actor.is_unpaused, ContainerState.PAUSED)

    def kill(self) -> bool:
        return self._do(lambda actor: actor.crashes(137), ContainerState.RUNNING)

    def recreate(self) -> bool:
        actor = self.somebody(ContainerState.RUNNING, ContainerState.EXITED)
        if actor is None or (actor.name == "torrent" and not self._up("vpn")):
            return False
        self.world.now(actor.is_recreated(uses=self.blueprints[actor.name].uses))
        return True

    def rename(self) -> bool:
        """And back, a while later."""
        actor = self.somebody(ContainerState.RUNNING, ContainerState.EXITED, ContainerState.PAUSED)
        if actor is None or self.found(f"{actor.name}{BEFORE}") is not None:
            return False
        container, name = actor.container, actor.name
        self.daemon.rename(container, f"{name}{BEFORE}")
        self.world.at(self.chance.uniform(1, 20), lambda: self._name_back(container, name))
        return True

    def _name_back(self, container: FakeContainer, name: str) -> None:
        if container.container_id in self.daemon.containers and self.found(name) is None:
            self.daemon.rename(container, name)

    def _up(self, name: str) -> bool:
        container = self.found(name)
        return container is not None and container.up

    def _do(self, what: Callable[[Actor], Callable[[], None]], *states: ContainerState) -> bool:
        actor = self.somebody(*states)
        if actor is not None:
            self.world.now(what(actor))
        return actor is not None

    # --- to a project ---------------------------------------------------------------------------------------------

    def update(self) -> bool:
        return self._work_on(self.a_project(), self.chance.choice(UPDATES))

    def compose_down(self) -> bool:
        return self._work_on(self.a_project(), take_down)

    def compose_up(self) -> bool:
        incomplete = [one for one in PROJECTS if one not in self.busy and not all(map(self._up, PROJECTS[one]))]
        return bool(incomplete) and self._work_on(self.chance.choice(incomplete), self.bring_up)

    async def bring_up(self, _: object, services: Sequence[str]) -> None:
        """Create what is missing, and start what does not run."""
        for name in services:
            for each in tuple(self.daemon.containers.values()):
                if self.found(name) is None and each.blueprint.labels.get("orchestrator.service") == name:
                    self.daemon.rename(each, name)
            await self.daemon.start(self.found(name) or self.daemon.create(self.blueprints[name]))
            await asyncio.sleep(0.5)

    def _work_on(self, project: str | None, tool: Tool) -> bool:
        if project is None:
            return False
        self.busy.add(project)
        self.daemon.perform(self._worked_on(project, tool(self.daemon, PROJECTS[project])))
        return True

    async def _worked_on(self, project: str, work: Awaitable[None]) -> None:
        why = f"its project {project} is being updated"
        spans = [Span(name, why, self.world.moment, project=project) for name in PROJECTS[project]]
        self.spans += spans
        try:
            await work
        except ActionRefused:
            pass  # the tool ends with the engine's words
        finally:
            self.busy.discard(project)
            for span in spans:
                span.ended = self.world.moment

    # --- with the orchestrator's own commands ---------------------------------------------------------------------

    def ask_to_stop(self) -> bool:
        name = self.chance.choice(SERVICES)
        if not self._ask(name, Stop("ann")):
            return False
        self.spans.append(Span(name, STOPPED, self.world.moment))
        return True

    def ask_to_start(self) -> bool:
        stopped = [span.service for span in self.spans if span.why == STOPPED and span.ended == inf]
        name = self.chance.choice([*stopped, *SERVICES])
        self._let_go(name)
        return self._ask(name, Start("ann"))

    def ask_to_restart(self) -> bool:
        name = self.chance.choice(SERVICES)
        self._let_go(name)
        return self._ask(name, Restart("ann"))

    def hold(self) -> bool:
        name, seconds, moment = self.chance.choice(SERVICES), self.chance.uniform(10, 120), self.world.moment
        if not self._ask(name, Hold("ann", seconds)):
            return False
        for span in self.spans:
            if (span.service, span.why) == (name, HELD):
                span.ended = min(span.ended, moment)
        self.spans.append(Span(name, HELD, moment, moment + seconds))
        return True

    def release(self) -> bool:
        name = self.chance.choice(SERVICES)
        for span in self.spans:
            if (span.service, span.why) == (name, HELD):
                span.ended = min(span.ended, self.world.moment)
        return self._ask(name, Release("ann"))

    def _let_go(self, name: str) -> None:
        for span in self.spans:
            if span.service == name and span.why == STOPPED:
                span.ended = min(span.ended, self.world.moment)

    def _ask(self, name: str, command: Command) -> bool:
        """Whether the answer was yes; its process may be away, not know of the service yet, or die with it."""
        if not self.world.alive or self.found(name) is None:
            return False
        if name not in [each.name for each in self.world.orchestrator.services()]:
            return False
        try:
            accepted = self.world.ask(name, command).accepted
        except TimeoutError:
            return False
        return accepted and self.world.alive

    # --- to the machine -------------------------------------------------------------------------------------------

    def restart_engine(self) -> bool:
        if self.busy or not self.world.engine.listening:
            return False
        down = self.daemon.perform(self.daemon.shut_down())
        self.world.run_until(down.done, within="5m")
        self.world.run_for("5s")
        self.daemon.boot()
        return True

    def kill_orchestrator(self) -> bool:
        """Between two of its own steps, of which there may be none for a while."""
        if not self.world.alive or self.dies_at >= len(self.world.steps):
            return False
        self.dies_at = len(self.world.steps) + self.chance.randrange(60)
        self.world.sigkill_at_step(self.dies_at, self.chance.choice((0.2, 2.0, 20.0)))
        return True

    # --- all of it ------------------------------------------------------------------------------------------------

    def deeds(self) -> Iterator[Callable[[], bool]]:
        often = (self.stop, self.start, self.pause, self.unpause, self.unpause, self.kill, self.kill, self.rename)
        projects = (self.recreate, self.update, self.compose_down, self.compose_up, self.compose_up)
        commands = (self.ask_to_stop, self.ask_to_start, self.ask_to_restart, self.hold, self.release)
        seldom = (self.restart_engine, self.kill_orchestrator, self.kill_orchestrator)
        while True:
            yield self.chance.choice((*often, *projects, *commands) * 3 + seldom)

    def all_run(self) -> bool:
        """Also in the eyes of the orchestrator, which may have to be born for that."""
        views = self.world.orchestrator.services() if self.world.alive else ()
        containers = self.daemon.containers.values()
        return [each.status for each in views] == ["running"] * len(SERVICES) and all(
            each.well(self.world.moment) for each in containers
        )

    def make_whole(self) -> None:
        """Everybody puts back what they have taken away."""
        self.world.run_until(lambda: not self.busy and self.world.alive, within="5m")
        self.world.run_for("30s")
        for container in tuple(self.daemon.containers.values()):
            self.daemon.unpause(container)
        for span in self.spans:
            span.ended = min(span.ended, self.world.moment)
        for _ in range(2):  # what lives in the network of another one cannot be started before that one runs
            for name in SERVICES:
                self._ask(name, Release("ann"))
                if not self._up(name):
                    self._ask(name, Start("ann"))  # what nobody else can start any more
            self.world.run_for("30s")
        done = self.daemon.perform(self.bring_up(None, SERVICES))
        self.world.run_until(done.done, within="2m")


@pytest.fixture(params=["docker", "podman"])
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return cast("Dialect", request.param)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_wrong_is_done_about_whatever_people_do(dialect: Dialect, seed: int) -> None:
    chance = random.Random(f"{dialect} {seed}")
    with Scenario(dialect=dialect, seed=seed, configuration=CONFIGURATION) as world:
        people = People(world, chance)
        world.run_for("1m")
        done = 0
        for deed in people.deeds():
            done += deed()
            world.run_for(chance.expovariate(1 / 5))
            if done == OPERATIONS:
                break
        people.make_whole()
        world.run_for("15m")
        case = Case(world.ledger, world.commands, people.spans, PROJECTS, REQUIRES)
        assert case.wrong_actions() == [], world.report()
        world.run_until(people.all_run, within="1m")
        assert sorted(each.name for each in world.daemon.containers.values()) == sorted(SERVICES)
