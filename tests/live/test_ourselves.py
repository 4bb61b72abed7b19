"""The orchestrator in a container of the engine that it looks after: it must not heal itself out of existence."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import orchestrator
from tests.live.engines import Engine, wait_until
from tests.live.serve import START_TIMEOUT, Api, port_in, service_labels
from tests.live.ward import SECOND_THOUGHTS, starts

SOCKET = "/run/engine.sock"


def test_our_own_container_is_shown_and_never_restarted_while_others_are_healed(engine: Engine) -> None:
    with engine.events() as journal:
        ours = engine.run(
            "ours",
            "--network=host",
            *service_labels("ours", port="9"),  # nobody listens there: its check fails for ever
            f"--mount=type=bind,source={engine.socket},target={SOCKET}",
            *_python(),
            command=(sys.executable, "-m", "orchestrator", "serve", "--port=0", f"--endpoint=unix://{SOCKET}"),
        )
        wait_until(lambda: port_in(engine.logs(ours)) != 0, START_TIMEOUT, "an address in the container's log")
        api = Api(port_in(engine.logs(ours)))
        api.wait_for("ours", status="unhealthy", container_id=ours[:12])
        other = engine.run("other", *service_labels("other"))
        api.wait_for("other", status="running")
        engine.kill(other)
        api.wait_for_event("other", "Restart completed")
        time.sleep(SECOND_THOUGHTS)
        assert (len(starts(journal, other)), len(starts(journal, ours))) == (2, 1)
        refused = api.ask("POST", "/services/ours/restart")
        assert refused.status == 409
        assert "the container we run in" in refused.body["detail"]


def _python() -> Iterator[str]:
    """Mounts that bring this interpreter, its libraries and this orchestrator into an image that has none."""
    source = Path(orchestrator.__file__).parents[1]
    needed = (Path("/usr"), Path("/lib"), Path("/lib64"), Path(sys.base_prefix), Path(sys.prefix), source)
    for path in dict.fromkeys(needed):
        if path.exists() and not any(other in path.parents for other in needed):
            yield f"--mount=type=bind,source={path.resolve()},target={path},readonly"
