"""The configuration read anew under a running orchestrator, by signal and by request, on real containers."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.live.engines import Engine, wait_until
from tests.live.serve import Serve, service_labels, serving

GOOD = """\
services:
  web:
    display_name: {name}
    requires: [{requires}]
"""


def written(serve: Serve, text: str) -> None:
    (serve.folder / "orchestrator.yaml").write_text(text)


def hang_up(serve: Serve, told: str) -> None:
    """SIGHUP, until the log holds the words."""
    os.kill(serve.pid, signal.SIGHUP)
    wait_until(lambda: told in serve.log, 30.0, f"{told!r} in the log")


def test_a_good_file_is_in_force_at_once_and_a_bad_one_never(engine: Engine, tmp_path: Path) -> None:
    engine.run("db", *service_labels("db"))
    engine.run("web", *service_labels("web"))
    (tmp_path / "orchestrator.yaml").write_text(GOOD.format(name="First", requires=""))
    with serving(engine.url, tmp_path) as serve:
        before = serve.wait_for("web", status="running", display_name="First")

        written(serve, GOOD.format(name="Second", requires="db"))
        hang_up(serve, "Configuration reloaded")
        after = serve.wait_for("web", status="running", display_name="Second", requires=["db"])
        assert after["container_id"] == before["container_id"], "a reload must not touch a container"
        assert after["restart_count"] == 0

        written(serve, GOOD.format(name="Third", requires="web") + "    grace: soon\n    helth: {}\n")
        hang_up(serve, "Configuration not reloaded")
        assert "services.web.grace" in serve.log
        assert "helth" in serve.log
        refused = serve.ask("POST", "/reload")
        assert (refused.status, refused.body["code"]) == (422, "invalid_configuration"), refused
        assert len(refused.body["errors"]) >= 2
        assert serve.service("web")["display_name"] == "Second"

        written(serve, GOOD.format(name="Fourth", requires="") + "  cache: {}\n")
        answer = serve.post("/reload")
        assert (answer["added"], answer["changed"], answer["removed"]) == (["cache"], ["web"], [])
        serve.wait_for("cache", status="not_found")

        (tmp_path / "orchestrator.yaml").unlink()
        assert serve.ask("POST", "/reload").status == 422
        assert serve.service("web")["display_name"] == "Fourth"

        told = [one["data"] for one in serve.get("/health/events?service=")["events"]][::-1]
        assert [(one["name"], one["verb"], one["actor"], one["outcome"]) for one in told] == [
            (None, "reload", "SIGHUP", "accepted"),
            (None, "reload", "SIGHUP", "refused"),
            (None, "reload", "a local user", "refused"),
            (None, "reload", "a local user", "accepted"),
            (None, "reload", "a local user", "refused"),
        ]
        assert told[0]["detail"] == "0 added, 1 changed, 0 removed"
        assert "problems in it" in told[1]["detail"]
