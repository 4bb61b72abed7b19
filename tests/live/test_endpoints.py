"""What the API tells of real containers: outcomes that were waited for, the graph, the circuits of AI services."""

from __future__ import annotations

from pathlib import Path

from tests.live.engines import Engine
from tests.live.serve import service_labels, serving

REFUSES_ONCE_TOLD = ("sh", "-c", "[ ! -e /switch/upset ] && exec /srv/serve; exit 3")


def test_waited_for_outcomes_graph_and_circuits(engine: Engine, tmp_path: Path) -> None:
    engine.run("db", *service_labels("db"))
    llm = engine.run(
        "llm",
        *service_labels("llm", category="ai", requires="db"),
        command=REFUSES_ONCE_TOLD,
    )
    with serving(engine.url, tmp_path) as serve:
        for service in ("db", "llm"):
            serve.wait_for(service, status="running")

        restarted = serve.ask("POST", "/services/llm/restart?wait=true&timeout=60")
        assert restarted.status == 200, restarted
        assert "verified: HTTP 200" in restarted.body["message"]
        assert restarted.body["service"]["status"] == "running"

        graph = serve.get("/graph")
        assert graph["edges"] == [{"from": "llm", "to": "db", "kind": "hard", "origin": "label"}]
        assert graph["phases"] == [["db"], ["llm"]]

        stopped = serve.ask("POST", "/services/llm/stop?wait=true&timeout=60")
        assert (stopped.status, stopped.body["service"]["container_state"]) == (200, "exited"), stopped
        assert serve.ask("POST", "/services/llm/start?wait=true&timeout=60").status == 200

        page = serve.get("/services?limit=1")
        assert ([one["name"] for one in page["services"]], page["next_after"]) == (["db"], "db")

        engine.switch(llm, "upset")
        failed = serve.ask("POST", "/services/llm/restart?wait=true&timeout=60")
        assert (failed.status, failed.body["code"]) == (502, "action_failed"), failed
        assert "code 3" in failed.body["detail"]
