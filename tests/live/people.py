"""People who do one thing after another, by chance, to the real containers of a small stack.

What they do to a whole project takes its time, and goes on beside the rest.
"""

from __future__ import annotations

import contextlib
import http.client
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from scripts.image import IMAGE

from orchestrator.core.messages import Command, Hold, Release, Restart, Start, Stop
from tests.live.chronicle import Chronicle, Known
from tests.live.engines import CommandFailed, Engine
from tests.live.serve import Serve, service_labels
from tests.oracle import BEFORE, HELD, STOPPED, Span

PROJECTS: Final = {"shop": ("db", "api", "web")}
LONE: Final = ("vpn", "torrent", "store", "search", "mail")
SERVICES: Final = (*PROJECTS["shop"], *LONE)
REQUIRES: Final = {"api": "db", "web": "api", "torrent": "vpn", "search": "store"}
OWNERS: Final = {"torrent": "vpn"}
SETTINGS: Final = {
    "grace": "15",
    "health__timeout": "5",
    "recovery__on_max_failures": "keep_trying",
    "recovery__backoff_max": "4",
    "recovery__stop_timeout": "2",
}
"""Nothing that a busy machine takes for ill health, and no wait longer than the story."""
OPTIONS: Final = ("--stop-signal=SIGTERM", "--stop-timeout=2")
COMMAND: Final = "/srv/polite"
BACK_AFTER: Final = 6
"""Deeds at most until a container has its name back."""


class People:
    """``spans``: when nothing is to be done by itself; ``commands``: what they asked for. All times are wall times."""

    def __init__(self, engine: Engine, serve: Serve, chronicle: Chronicle, chance: random.Random) -> None:
        self.engine, self.serve, self.chronicle, self.chance = engine, serve, chronicle, chance
        self.spans: list[Span] = []
        self.commands: list[tuple[float, str, Command]] = []
        self.did: list[str] = []
        """What, to whom, in order."""
        self._work: threading.Thread | None = None
        self._renamed: list[tuple[int, str]] = []
        """Who gets the name back, and after how many deeds more."""

    # --- containers ----------------------------------------------------------------------------------------------

    def create(self, name: str, *, passing: str = "", verb: str = "run") -> None:
        """As it has always been; ``passing``: under another name for now."""
        labels = service_labels(name, requires=REQUIRES.get(name, ""), **SETTINGS)
        options = list(OPTIONS)
        if name in PROJECTS["shop"]:
            options += ["--label=com.docker.compose.project=shop", f"--label=com.docker.compose.service={name}"]
        if name == "torrent":
            labels = service_labels(name, port="8081", recovery__recreate="true", **SETTINGS)
            options += ["--env=PORT=8081", f"--network=container:{self.engine.full_name('vpn')}"]
        flags = ["--detach"] if verb == "run" else []
        full_name = f"--name={passing or self.engine.full_name(name)}"
        self.engine.command(verb, *flags, full_name, *options, *labels, IMAGE, COMMAND)

    def found(self, name: str) -> Known | None:
        return next((each for each in self.chronicle.containers().values() if each.name == name), None)

    def _up(self, name: str) -> bool:
        known = self.found(name)
        return known is not None and known.state in ("running", "paused")

    def _somebody(self, *states: str) -> str | None:
        """One that is there in one of these states, and whose project nobody is at work on."""
        untouched = LONE if self._busy else SERVICES
        there = {each.name: each.state for each in self.chronicle.containers().values()}
        fitting = [name for name in untouched if there.get(name) in states]
        return self.chance.choice(fitting) if fitting else None

    @property
    def _busy(self) -> bool:
        return self._work is not None and self._work.is_alive()

    # --- to one container; to whom, ``None``: there was nobody to do it to ---------------------------------------

    def stop(self) -> str | None:
        return self._do("stop", "running")

    def start(self) -> str | None:
        return self._do("start", "exited")

    def pause(self) -> str | None:
        return self._do("pause", "running")

    def unpause(self) -> str | None:
        return self._do("unpause", "paused")

    def kill(self) -> str | None:
        name = self._somebody("running")
        if name is not None:
            with contextlib.suppress(ValueError, ProcessLookupError):  # it died meanwhile
                self.engine.kill(self.engine.full_name(name))
        return name

    def rename(self) -> str | None:
        """And back, a while later."""
        name = self._somebody("running", "exited", "paused")
        if name is None or self.found(f"{name}{BEFORE}") is not None:
            return None
        self.engine.command("rename", self.engine.full_name(name), self.engine.full_name(f"{name}{BEFORE}"))
        self._renamed.append((self.chance.randrange(1, BACK_AFTER), name))
        return name

    def _name_back(self) -> None:
        due = [name for left, name in self._renamed if left <= 0]
        self._renamed = [(left - 1, name) for left, name in self._renamed if name not in due]
        for name in due:
            with contextlib.suppress(CommandFailed):  # it is gone, or another one has its name
                self.engine.command("rename", self.engine.full_name(f"{name}{BEFORE}"), self.engine.full_name(name))

    def recreate(self) -> str | None:
        name = self._somebody("running", "exited")
        if name is None or (name == "torrent" and not self._up("vpn")):
            return None
        self.engine.remove(self.engine.full_name(name))  # on Podman with those that use its network
        for each in (name, *(guest for guest, owner in OWNERS.items() if owner == name)):
            with contextlib.suppress(CommandFailed):  # a guest that was left
                self.create(each)
        return name

    def _do(self, what: str, *states: str) -> str | None:
        name = self._somebody(*states)
        if name is not None:
            self.engine.command(what, self.engine.full_name(name))
        return name

    # --- to a project --------------------------------------------------------------------------------------------

    def update(self) -> str | None:
        whole = [self.found(name) for name in PROJECTS["shop"]]
        if any(each is None or each.state == "paused" for each in whole):
            return None  # a tool would refuse to go on
        return self._work_on("shop", self.chance.choice((self._replace, self._replace_beside, self._restart)))

    def compose_down(self) -> str | None:
        return self._work_on("shop", self._take_down) if all(map(self.found, PROJECTS["shop"])) else None

    def compose_up(self) -> str | None:
        return None if all(map(self._up, PROJECTS["shop"])) else self._work_on("shop", self._bring_up)

    def _work_on(self, project: str, tool: Callable[[Sequence[str]], None]) -> str | None:
        if self._busy:
            return None
        self._work = threading.Thread(target=self._at_work, args=(project, tool), daemon=True)
        self._work.start()
        return f"{project} {tool.__name__}"

    def _at_work(self, project: str, tool: Callable[[Sequence[str]], None]) -> None:
        why = f"its project {project} is being updated"
        spans = [Span(name, why, time.time(), project=project) for name in PROJECTS[project]]
        self.spans += spans
        try:
            tool(PROJECTS[project])
        except CommandFailed:
            pass  # the tool ends with the engine's words
        finally:
            for span in spans:
                span.ended = time.time()

    def _replace(self, services: Sequence[str]) -> None:
        for name in services:
            self.engine.command("stop", self.engine.full_name(name))
            time.sleep(0.5)
            self.engine.remove(self.engine.full_name(name))
            time.sleep(1.0)
            self.create(name)

    def _replace_beside(self, services: Sequence[str]) -> None:
        """The new one comes under a passing name before the old one goes, as with compose 2."""
        for name in services:
            old, full_name = self.engine.inspect(self.engine.full_name(name))["Id"], self.engine.full_name(name)
            passing = f"{old[:12]}_{full_name}"
            self.create(name, passing=passing, verb="create")
            time.sleep(0.3)
            self.engine.command("stop", old)
            self.engine.remove(old)
            self.engine.command("rename", passing, full_name)
            time.sleep(0.3)
            self.engine.command("start", full_name)

    def _restart(self, services: Sequence[str]) -> None:
        for name in services:
            self.engine.command("restart", self.engine.full_name(name))

    def _take_down(self, services: Sequence[str]) -> None:
        for name in reversed(services):
            self.engine.command("stop", self.engine.full_name(name))
            time.sleep(0.6)
        for name in reversed(services):
            self.engine.remove(self.engine.full_name(name))
            time.sleep(0.4)

    def _bring_up(self, services: Sequence[str]) -> None:
        """Create what is missing, and start what does not run."""
        there = {each.name: each.state for each in self.chronicle.containers().values()}
        for name in services:
            if name in there and there[name] not in ("running", "paused"):
                self.engine.command("start", self.engine.full_name(name))
            elif name not in there and f"{name}{BEFORE}" not in there:
                self.create(name)
            time.sleep(0.3)

    # --- with the orchestrator's own commands --------------------------------------------------------------------

    def ask_to_stop(self) -> str | None:
        name, begun = self.chance.choice(SERVICES), time.time()
        if not self._ask(name, "stop", Stop("local user")):
            return None
        self.spans.append(Span(name, STOPPED, begun))
        return name

    def ask_to_start(self) -> str | None:
        stopped = [span.service for span in self.spans if span.why == STOPPED and span.ended > time.time()]
        name = self.chance.choice([*stopped, *SERVICES])
        self._end(name, STOPPED)
        return name if self._ask(name, "start", Start("local user")) else None

    def ask_to_restart(self) -> str | None:
        name = self.chance.choice(SERVICES)
        self._end(name, STOPPED)
        return name if self._ask(name, "restart", Restart("local user")) else None

    def hold(self) -> str | None:
        name, seconds, moment = self.chance.choice(SERVICES), self.chance.randrange(5, 20), time.time()
        if not self._ask(name, f"hold?for={seconds}s", Hold("local user", seconds)):
            return None
        self._end(name, HELD)
        self.spans.append(Span(name, HELD, moment, moment + seconds))
        return name

    def release(self) -> str | None:
        name = self.chance.choice(SERVICES)
        self._end(name, HELD)
        return name if self._ask(name, "release", Release("local user")) else None

    def _end(self, name: str, why: str) -> None:
        for span in self.spans:
            if (span.service, span.why) == (name, why):
                span.ended = min(span.ended, time.time())

    def _ask(self, name: str, path: str, command: Command) -> bool:
        """Whether the answer was yes; there may be nobody to answer."""
        self.commands.append((time.time(), name, command))
        try:
            return self.serve.ask("POST", f"/services/{name}/{path}").status in (200, 202)
        except (OSError, http.client.HTTPException, ValueError):
            return False

    # --- all of it -----------------------------------------------------------------------------------------------

    def deeds(self) -> Iterator[Callable[[], str | None]]:
        often = (self.stop, self.start, self.pause, self.unpause, self.kill, self.kill, self.rename)
        projects = (self.update, self.compose_down, self.compose_up)
        commands = (self.ask_to_stop, self.ask_to_start, self.ask_to_restart, self.hold, self.release)
        while True:
            yield self.chance.choice((*often * 3, self.recreate, *projects, *commands))

    def act(self, count: int, pause: float) -> None:
        """So many deeds, with a pause by chance, of that many seconds on average, after each."""
        for deed in self.deeds():
            self._name_back()
            whom = None
            with contextlib.suppress(CommandFailed):  # the engine's words, to what has just changed
                whom = deed()
            if whom is not None:
                self.did.append(f"{time.time():.3f} {deed.__name__} {whom}")
                time.sleep(self.chance.expovariate(1 / pause))
            if len(self.did) == count:
                return

    def make_whole(self) -> None:
        """Everybody puts back what they have taken away; the orchestrator lives, and does the rest."""
        if self._work is not None:
            self._work.join()
        for name in SERVICES:
            former = self.engine.full_name(f"{name}{BEFORE}")
            if self.found(f"{name}{BEFORE}") is not None and self.found(name) is None:
                self.engine.command("rename", former, self.engine.full_name(name))
            elif self.found(f"{name}{BEFORE}") is not None:
                self.engine.remove(former)
        for span in self.spans:
            span.ended = min(span.ended, time.time())
        for name in SERVICES:
            known = self.found(name)
            if known is None:
                with contextlib.suppress(CommandFailed):  # it was named back a moment ago, and the news is to come
                    self.create(name)
            elif known.state == "paused":
                with contextlib.suppress(CommandFailed):
                    self.engine.command("unpause", self.engine.full_name(name))

    def let_go(self) -> None:
        """Ask for everything that a person has stopped or holds."""
        for name in SERVICES:
            service = self.serve.service(name)
            if service.get("held_until"):
                self._ask(name, "release", Release("local user"))
            if service.get("at_rest"):
                self._ask(name, "start", Start("local user"))
