"""``make demo`` as a newcomer meets it: what it prints is read, and typed as printed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from scripts.image import IMAGE
from scripts.leftovers import process_ids

from tests.live.docker import Docker
from tests.live.engines import wait_until
from tests.live.serve import END_TIMEOUT, Api
from tests.live.ward import lent

CHECKOUT = Path(__file__).resolve().parents[2]
START_TIMEOUT = 60.0
COMMAND_TIMEOUT = 60.0
READY = "removes every trace."
"""The last words before it watches."""
DEMO = "orchestrator-demo"


class Demo:
    """One ``up`` and ``down`` in a home of its own, as somebody at a terminal sees it."""

    def __init__(self, home: Path, **variables: str) -> None:
        self.home = home
        home.mkdir()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ORCHESTRATOR_", "DOCKER_"))}
        self._terminal = kept | {"COLUMNS": "200"}
        self._environment = kept | {"ORCHESTRATOR_DEMO_HOME": str(home), **variables}
        self._log = home.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def printed(self) -> str:
        return self._log.read_text()

    def up(self) -> None:
        """Returns when the four things to try are printed."""
        with self._log.open("wb") as sink:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "scripts.demo", "up"],
                cwd=CHECKOUT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                process_group=0,
            )
        wait_until(self._ready, START_TIMEOUT, f"four things to try in {self._log}")

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.printed
        return READY in self.printed

    def interrupt(self) -> int:
        """Ctrl-C, which reaches the terminal's whole foreground group; the exit code."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGINT)
        return self._process.wait(timeout=END_TIMEOUT)

    def down(self) -> str:
        done = self._run([sys.executable, "-m", "scripts.demo", "down"], self._environment)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def close(self) -> None:
        """After a test, whatever happened in it."""
        print(self.printed)
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=END_TIMEOUT)
        if self.home.exists():
            self.down()

    # --- a second terminal ---

    @property
    def api(self) -> Api:
        found = re.search(r"http://127\.0\.0\.1:(\d+)/ in a browser", self.instructions)
        assert found is not None, self.instructions
        return Api(int(found[1]))

    @property
    def instructions(self) -> str:
        return self.printed[self.printed.index("All 7 services run") : self.printed.index(READY)]

    @property
    def commands(self) -> Mapping[int, str]:
        """As printed, by the number of the thing to try; 0: those that only look."""
        parts = re.split(r"^  \d\. .*$", self.instructions, flags=re.MULTILINE)
        return {number: "\n".join(re.findall(r"^ {6,}.*$", part, re.MULTILINE)) for number, part in enumerate(parts)}

    def type(self, command: str) -> str:
        """By somebody whose environment says nothing about the demo."""
        done = self._run(["bash", "-e", "-c", command], self._terminal)
        assert done.returncode == 0, (command, done.stdout)
        return done.stdout

    def containers(self, *options: str) -> list[str]:
        """Those of the demo, asked with the printed command line of the engine."""
        client = self.commands[1].partition("\\")[0]
        listed = self.type(f"{client} ps --filter name={DEMO}- --format '{{{{.Names}}}}' {' '.join(options)}")
        return sorted(listed.splitlines())

    def _run(self, command: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=CHECKOUT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_TIMEOUT,
            check=False,
        )


class Yours(NamedTuple):
    """Two containers that the catalog would know by name, of an image that the demo has no part in."""

    docker: Docker
    running: str
    stopped: str

    def states(self) -> list[object]:
        states = [self.docker.inspect(container)["State"] for container in (self.running, self.stopped)]
        return [(state["Status"], state["StartedAt"], state["FinishedAt"]) for state in states]


@pytest.fixture(scope="module")
def yours(docker_engine: Docker) -> Iterator[Yours]:
    image = "localhost/yours:latest"
    docker_engine.command("tag", IMAGE, image)
    with lent(docker_engine):
        found = Yours(
            docker_engine, docker_engine.run("postgres", image=image), docker_engine.run("redis", image=image)
        )
        docker_engine.command("kill", found.stopped)
        yield found
    docker_engine.command("rmi", image)
    docker_engine.import_image()


class Tried(NamedTuple):
    own: Demo
    on_docker: Demo
    yours_before: list[object]
    nameless_before: str
    """Docker's images without a name: other tests build some."""


@pytest.fixture(scope="module")
def tried(engine_folder: Path, yours: Yours) -> Iterator[Tried]:
    """A demo on each engine, both at once to wait once; all that each of them prints was typed."""
    before, nameless = yours.states(), _nameless_images(yours.docker)
    # its own engine is named, so that none of this machine's is used
    own_engine = f"unix://{engine_folder}/own/{DEMO}/podman.sock"
    own = Demo(engine_folder / "own", ORCHESTRATOR_DOCKER_HOST=own_engine)
    on_docker = Demo(engine_folder / "on-docker", DOCKER_HOST=yours.docker.url)
    with closing(own), closing(on_docker):
        for demo in (own, on_docker):
            demo.up()
            for thing in (1, 2, 3, 4):
                demo.type(demo.commands[thing])
        yield Tried(own, on_docker, before, nameless)


def _nameless_images(docker: Docker) -> str:
    return docker.command("images", "--quiet", "--no-trunc", "--filter", "dangling=true")


def test_the_demo_starts_an_engine_of_its_own_heals_what_is_broken_as_printed_and_leaves_no_trace(tried: Tried) -> None:
    demo = tried.own
    assert f"starts a Podman of its own in {demo.home}/{DEMO}" in demo.printed
    _everything_is_healed(demo)
    _only_the_orchestrator_ends(demo)
    demo.down()
    _nothing_is_left(demo.home)


def test_the_demo_on_an_engine_that_is_named_touches_nothing_else_there(tried: Tried, yours: Yours) -> None:
    demo, docker = tried.on_docker, yours.docker
    assert f"Engine: docker {docker.command('version', '--format', '{{.Server.Version}}')}" in demo.printed
    _everything_is_healed(demo)
    _only_the_orchestrator_ends(demo)
    demo.down()
    _nothing_is_left(demo.home)
    assert docker.command("ps", "--all", "--quiet", "--filter", f"name={DEMO}-") == ""
    assert docker.command("images", "--quiet", IMAGE) == ""
    assert _nameless_images(docker) == tried.nameless_before
    assert yours.states() == tried.yours_before


def test_an_engine_that_is_named_and_does_not_answer_is_not_replaced_by_another(engine_folder: Path) -> None:
    with closing(Demo(engine_folder / "nowhere", DOCKER_HOST=f"unix://{engine_folder}/nobody.sock")) as demo:
        with pytest.raises(AssertionError, match=r"nobody\.sock.*unset DOCKER_HOST"):
            demo.up()
        demo.down()
        _nothing_is_left(demo.home)


def _everything_is_healed(demo: Demo) -> None:
    api = demo.api
    for service, cause in (("postgres", "137"), ("ai-yolo26", "no answer"), ("ai-florence", "HTTP 500")):
        assert cause in api.wait_for_event(service, "Restart completed")["cause"]
        api.wait_for(service, status="running", failure_count=0)
    api.wait_for_event("ai-llm", "Restart completed")
    api.wait_for("ai-llm", status="running")
    begun = [event for event in api.events("ai-llm") if event["message"] == "Restart initiated"]
    moments = [datetime.fromisoformat(event["timestamp"]) for event in begun]
    pauses = [(later - earlier).total_seconds() for earlier, later in pairwise(moments)]
    assert len(pauses) == 3, api.events("ai-llm")
    assert pauses[0] < pauses[1] < pauses[2], pauses
    looked = demo.type(demo.commands[0])
    assert looked.count(" running ") >= 7, looked
    assert "Restart completed" in looked


def _only_the_orchestrator_ends(demo: Demo) -> None:
    assert len(demo.containers()) == 7
    assert demo.interrupt() == 0
    with pytest.raises(ConnectionRefusedError):
        demo.api.get("/services")
    assert len(demo.containers()) == 7


def test_what_is_printed_fits_a_terminal(tried: Tried) -> None:
    lines = tried.own.instructions.splitlines() + tried.on_docker.instructions.splitlines()
    assert [line for line in lines if len(line) > 79 and "://" not in line] == []


def _nothing_is_left(home: Path) -> None:
    """No process and no mount that its home's path tells, and no folder."""
    assert not home.exists()
    named = os.fsencode(f"{home}/")
    for pid in process_ids():
        try:
            assert named not in Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
    assert named not in Path("/proc/self/mountinfo").read_bytes()
