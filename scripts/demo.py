"""``make demo`` and ``make demo-down``: a stack of your own to break, watched and healed.

python -m scripts.demo up      start it and the orchestrator; Ctrl-C ends the orchestrator, containers stay
python -m scripts.demo down    remove containers, image, state, and the engine if it was the demo's own

ORCHESTRATOR_DEMO_HOME=FOLDER, for both: keep everything in that folder, for a demo beside another one.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from scripts.demo_engine import (
    HOME,
    DemoEngine,
    DemoError,
    end_private,
    find_or_start,
    keep_engines,
    kept_engines,
)
from scripts.demo_stack import STACK, container_name, remove_containers, remove_image, start
from scripts.image import UNPACKED, ImageError
from scripts.leftovers import process_ids
from scripts.page import PageError
from scripts.page import build as build_page
from scripts.podman import PodmanError

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path(HOME).absolute() / "state" if HOME else ROOT / ".orchestrator" / "demo"
ENGINES_FILE = FOLDER / "engines.json"
STATE_FILE = FOLDER / "state.db"
USUAL_PORT = 8787
ALL_RUNNING_TIMEOUT = 30.0
END_TIMEOUT = 15.0


def up() -> int:
    # also SIGINT: a shell's background jobs start with it ignored
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    _end_earlier_orchestrator()
    try:
        build_page()
    except PageError as error:
        print(f"The demo goes on without the dashboard: {error}", file=sys.stderr)
    engine = find_or_start()
    print(f"Engine: {engine.kind} {engine.version} at {engine.address}", flush=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    keep_engines(
        ENGINES_FILE, [*(each for each in kept_engines(ENGINES_FILE) if each.address != engine.address), engine]
    )
    STATE_FILE.unlink(missing_ok=True)
    start(engine)
    port = _free_port()
    orchestrator = _serve(engine, port)
    try:
        _wait_until_all_run(orchestrator, port)
        print(_instructions(engine, port), flush=True)
        return int(orchestrator.wait() != 0)
    except KeyboardInterrupt:
        _end(orchestrator)
        print(
            "\nThe orchestrator has ended; the containers go on.\nmake demo starts afresh, make demo-down removes all."
        )
        return 0


def down() -> int:
    _end_earlier_orchestrator()
    left = [engine for engine in kept_engines(ENGINES_FILE) if not engine.private and not _cleared(engine)]
    end_private()
    if left:
        keep_engines(ENGINES_FILE, left)
        raise DemoError(f"start what did not answer, and run make demo-down again; or forget it: rm -r {FOLDER}")
    shutil.rmtree(FOLDER, ignore_errors=True)
    if not HOME:
        UNPACKED.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # something of yours lies in it
        FOLDER.parent.rmdir()
    print("The demo is gone. Packages that it installed are still installed;\n.venv goes with make clean.")
    return 0


def _cleared(engine: DemoEngine) -> bool:
    try:
        removed = remove_containers(engine)
        image = remove_image(engine)
    except DemoError as error:
        print(error, file=sys.stderr)
        return False
    print(f"Removed from {engine.address}: {', '.join(removed) or 'no containers'}; {image}")
    return True


def _serve(engine: DemoEngine, port: int) -> subprocess.Popen[bytes]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ORCHESTRATOR_")}
    options = {"--config": ROOT / "examples/demo/orchestrator.yaml", "--state": STATE_FILE, "--port": port}
    command = [sys.executable, "-m", "orchestrator", "serve", "--endpoint", engine.address, "--host", "127.0.0.1"]
    return subprocess.Popen(
        [*command, *(str(part) for option in options.items() for part in option)],
        cwd=FOLDER,  # so that no .env and no configuration of yours is read
        env=environment,
        stdin=subprocess.DEVNULL,
        process_group=0,  # so that Ctrl-C reaches it once, by our hand: a second signal would cut its ending short
    )


def _end(orchestrator: subprocess.Popen[bytes]) -> None:
    orchestrator.send_signal(signal.SIGINT)
    try:
        orchestrator.wait(timeout=END_TIMEOUT)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        orchestrator.kill()
        orchestrator.wait()


def _end_earlier_orchestrator() -> None:
    """One whose terminal went away, or that runs in another."""
    deadline = time.monotonic() + END_TIMEOUT
    sent = signal.SIGTERM
    while running := _earlier_orchestrators():
        for pid in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sent)
        while _earlier_orchestrators() and time.monotonic() < deadline:
            time.sleep(0.1)
        sent = signal.SIGKILL


def _earlier_orchestrators() -> list[int]:
    """Told by the demo's state file in their command lines."""
    found = []
    for pid in process_ids():
        with contextlib.suppress(OSError):
            if os.fsencode(STATE_FILE) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                found.append(pid)
    return found


def _free_port() -> int:
    for wanted in (USUAL_PORT, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", wanted))
            return int(probe.getsockname()[1])
    raise DemoError("no free port on 127.0.0.1")


def _wait_until_all_run(orchestrator: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + ALL_RUNNING_TIMEOUT
    statuses: dict[str, str] = {}
    while time.monotonic() < deadline:
        if orchestrator.poll() is not None:
            raise DemoError(f"orchestrator serve ended with exit code {orchestrator.returncode}; its log is above")
        statuses = _statuses(port)
        # a container of your own beside the demo's may be as it likes
        if all(statuses.get(member.name) == "running" for member in STACK):
            return
        time.sleep(0.2)
    _end(orchestrator)
    raise DemoError(f"not all services run after {ALL_RUNNING_TIMEOUT:g} s: {statuses}")


def _statuses(port: int) -> dict[str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/api/system/services")
        services = json.loads(connection.getresponse().read())["services"]
    except (OSError, http.client.HTTPException):
        return {}
    finally:
        connection.close()
    return {service["name"]: service["status"] for service in services}


def _instructions(engine: DemoEngine, port: int) -> str:
    """Commands fit a terminal of 80 columns, each works by itself, and they are the words of the engine's users."""
    superuser = "sudo " if engine.private and "SUDO_USER" in os.environ else ""
    tool = f"{superuser}{shlex.join(engine.client)} \\\n        "
    llm, yolo, florence, postgres = map(container_name, ("ai-llm", "ai-yolo26", "ai-florence", "postgres"))
    ours = os.path.relpath(Path(sys.executable).with_name("orchestrator"), ROOT)
    server = "" if port == USUAL_PORT else f" --server http://127.0.0.1:{port}"
    return f"""
  All {len(STACK)} services run. Open http://127.0.0.1:{port}/ in a browser.
  In a second terminal, in this folder: how they are; what happened, and why.

      {ours} ps{server}
      {ours} events{server}

  Four things to try. What is done about each is told here, there and by these.

  1. Kill one. It is back at once.

      {tool}kill {postgres}

  2. Freeze one. It still accepts connections and never answers: the check
     times out, once more to be sure, and it is restarted after a few seconds.

      {tool}kill --signal STOP {yolo}

  3. Make one sick. It answers 500 until its next start: the check sees it
     within two seconds, once more to be sure, and it is restarted.

      {tool}exec {florence} touch /switch/upset

  4. Let one crash-loop. Its next three starts fail: one at once, then after 2
     and after 4 seconds. The one after 8 more seconds holds.

      {tool}exec {llm} sh -c 'echo 3 >/switch/crash' &&
      {tool}kill {llm}

  Ctrl-C ends the orchestrator; make demo-down removes every trace.
"""


def main() -> int:
    commands = {"up": up, "down": down}
    chosen = commands.get(" ".join(sys.argv[1:]))
    if chosen is None:
        print(__doc__)
        return 2
    try:
        return chosen()
    except (DemoError, ImageError, PodmanError) as error:
        print(f"\nThe demo: {error}", file=sys.stderr)
        return 1
    except PermissionError as error:
        print(f"\nThe demo: {error}. If root ran it before: sudo make demo-down", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
