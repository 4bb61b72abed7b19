"""The orchestrator is killed again and again, at moments by chance, while it heals: each cause is healed once.

All at once: a frozen database under a chain that fails because of it, an owner of a network that dies under its guest,
one that was replaced under another guest, and a whole chain that is down.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from orchestrator.testing.ledger import Ledger
from orchestrator.testing.promises import broken_promises
from tests.live.chronicle import told_by
from tests.live.deaths import Deaths
from tests.live.engines import CommandFailed, Engine, wait_until
from tests.live.test_dependencies import fetched
from tests.live.test_recreation import replace_owner
from tests.live.test_startup import CHAIN, SLOW, came_up_in_order
from tests.live.ward import SECOND_THOUGHTS, Ward, opened

DEATHS: Final = 4
HEALED: Final = 120.0
PORT: Final = 18571
PATIENT: Final = {"grace": "15", "recovery__on_max_failures": "keep_trying"}
UNASKED: Final = {"health__http": "", "port": ""}


def leaning_on(port: int) -> Mapping[str, str]:
    """A service whose health is that of another one, which listens on the host's network."""
    question = f"printf 'GET /health HTTP/1.0\\r\\n\\r\\n' | nc -w 1 127.0.0.1 {port} | grep -q ' 200 '"
    return {"health__http": "", "health__command": question, "port": ""}


def a_frozen_database_and_those_that_need_it(ward: Ward) -> dict[str, str]:
    host = "--network=host"
    answers = {"port": str(PORT), "health__timeout": "3", "grace": "2"}
    leaning = {"grace": "2", **leaning_on(PORT)}
    return {
        "database": ward.admit("database", host, f"--env=PORT={PORT}", **answers),
        "middle": ward.admit("middle", host, f"--env=PORT={PORT + 1}", requires="database", **leaning),
        "front": ward.admit("front", host, f"--env=PORT={PORT + 2}", requires="middle", **leaning),
    }


def a_chain(ward: Ward) -> dict[str, str]:
    needs = dict(zip(CHAIN[1:], CHAIN, strict=False))
    return {name: ward.admit(name, command=SLOW, requires=needs.get(name, ""), wants="", **PATIENT) for name in CHAIN}


def a_guest_of(ward: Ward, owner: str, guest: str, **settings: str) -> dict[str, str]:
    network = f"--network=container:{ward.engine.full_name(owner)}"
    return {
        owner: ward.admit(owner, **PATIENT),
        guest: ward.admit(guest, "--env=PORT=8081", network, **UNASKED, **settings),
    }


def starts(ward: Ward, containers: Mapping[str, str]) -> dict[str, int]:
    return {name: len(ward.starts(container)) for name, container in containers.items()}


def test_each_cause_is_healed_once_however_often_we_die(engine: Engine, tmp_path: Path) -> None:
    seed = int(os.environ.get("SUDDEN_DEATH_SEED", "470690"))
    print(f"SUDDEN_DEATH_SEED={seed}")
    with opened(engine, tmp_path) as ward:
        serve = ward.serve
        database, chain = a_frozen_database_and_those_that_need_it(ward), a_chain(ward)
        family = a_guest_of(ward, "vpn", "torrent")
        replaced = a_guest_of(ward, "owner", "guest", recovery__recreate="true")
        for name in ("torrent", "guest"):
            serve.wait_for(name, requires=["vpn" if name == "torrent" else "owner"])

        with Deaths(serve, random.Random(f"{engine.kind} {seed}"), DEATHS, lives=(0.2, 4), away=(0, 1)) as deaths:
            engine.freeze(database["database"])
            for container in (family["vpn"], *chain.values()):
                engine.kill(container)
            owner = replace_owner(engine, serve, replaced["owner"])
            deaths.see_through()

        for ill in (database["database"], *chain.values(), *family.values()):  # what is remembered may read well still
            ward.wait_for_starts(ill, 2, HEALED)
        for name in ("database", "middle", "front", *CHAIN, "vpn", "torrent", "owner", "guest"):
            serve.wait_for(name, timeout=HEALED, status="running", failure_count=0)
        guests = [f"http://{engine.address(each)}:8081/" for each in (family["vpn"], owner)]
        wait_until(lambda: all(map(fetched, guests)), HEALED, f"answers of {guests}")
        with pytest.raises(CommandFailed):
            wait_until(lambda: not engine.state(replaced["guest"]), HEALED, "the end of the guest that was replaced")
        time.sleep(SECOND_THOUGHTS)
        assert starts(ward, database) == {"database": 2, "middle": 1, "front": 1}, serve.told("database")
        assert starts(ward, chain) == dict.fromkeys(CHAIN, 2)
        assert came_up_in_order(ward.journal, chain)
        assert starts(ward, family) == {"vpn": 2, "torrent": 2}, serve.told("torrent")
        new = engine.inspect(engine.full_name("guest"))["Id"]
        assert len(ward.starts(new)) == 1, serve.told("guest")
        assert broken_promises(Ledger(), told_by(serve), ()) == []
