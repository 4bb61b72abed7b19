"""Two hundred things that people do to real containers, by chance, while the orchestrator is killed now and then.

Whatever they do, nothing wrong is done about it, by the same rules as in virtual time (:mod:`tests.oracle`), and in the
end everything runs.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import Final

from orchestrator.testing.promises import broken_promises
from tests.live.chronicle import Chronicle, told_by
from tests.live.deaths import Deaths
from tests.live.engines import Engine, wait_until
from tests.live.people import OWNERS, PROJECTS, REQUIRES, SERVICES, People
from tests.live.serve import serving
from tests.live.socket_proxy import EVERYTHING, SocketProxy
from tests.oracle import Case

OPERATIONS: Final = 200
PAUSE: Final = 0.3
DEATHS: Final = 5
NEWS: Final = 3.0
"""Seconds in which a busy machine has told everybody of everything."""
ASKED: Final = 10.0
KEPT: Final = 2.0
"""Seconds before a death in which an answer was perhaps not kept."""
HEALED: Final = 10
"""Actions of the orchestrator at least: else it had nothing to do, and could do nothing wrong."""
OVER: Final = 180.0


def test_nothing_wrong_is_done_about_whatever_people_do(engine: Engine, tmp_path: Path) -> None:
    seed = int(os.environ.get("USER_OPERATIONS_SEED", "100923"))
    print(f"USER_OPERATIONS_SEED={seed}")
    chance = random.Random(f"{engine.kind} {seed}")
    with (
        SocketProxy(engine.socket, EVERYTHING, tmp_path / "e.sock") as proxy,
        engine.events() as journal,
        serving(proxy.url, tmp_path, health_check_interval="5") as serve,
    ):
        people = People(engine, serve, Chronicle(engine, journal, proxy, dict(OWNERS)), chance)
        for name in SERVICES:
            people.create(name)
        for name in SERVICES:
            serve.wait_for(name, status="running")
        with Deaths(serve, chance, DEATHS, lives=(5, 25), away=(0, 2)) as deaths:
            people.act(OPERATIONS, PAUSE)
        people.make_whole()

        def all_run() -> bool:
            people.let_go()
            time.sleep(0.5)
            return [serve.service(name).get("status") for name in SERVICES] == ["running"] * len(SERVICES)

        wait_until(all_run, OVER, "everything runs again")
        ledger = people.chronicle.ledger()
        spans = [each for each in people.spans if not any(0 <= at - each.begun < KEPT for at in deaths.moments)]
        case = Case(ledger, people.commands, spans, PROJECTS, REQUIRES, news=NEWS, asked=ASKED)
        told = told_by(serve)
        wrong = [*case.wrong_actions(), *broken_promises(ledger, told, people.commands, asked=ASKED, news=NEWS)]
        story = sorted([f"{each.at.wall:.3f} {each}" for each in ledger] + people.did)
        assert wrong == [], "\n".join(story)
        assert len(ledger.requests()) >= HEALED
        assert all(engine.state(engine.full_name(name)) == "running" for name in SERVICES)
