"""``/api/system/monitoring/health`` with a real Prometheus in a container, of which one target is down."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.live.engines import Engine, wait_until
from tests.live.serve import Serve, serving

CONFIGURATION = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: itself
    static_configs: [{{targets: ["localhost:9090"]}}]
  - job_name: redis
    static_configs: [{{targets: ["{exporter}:9"]}}]
  - job_name: blackbox-exporter
    static_configs: [{{targets: ["192.0.2.1:9115"]}}]
"""
"""The discard port, on which nobody listens; and an address of which nobody knows anything."""


def program_options() -> list[str]:
    """The machine's own Prometheus, and the libraries that it is linked with, in a container."""
    program = shutil.which("prometheus") or pytest.fail("apt-get install prometheus", pytrace=False)
    linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=True, timeout=30).stdout.split()
    files = [program, *(word for word in linked if word.startswith("/"))]
    return [f"--volume={file}:{file}:ro" for file in files]


def start_prometheus(engine: Engine, folder: Path, exporter: str) -> str:
    configuration = folder / "prometheus.yml"
    configuration.write_text(CONFIGURATION.format(exporter=exporter))
    options = [*program_options(), f"--volume={configuration}:/prometheus.yml:ro", "--publish=127.0.0.1::9090"]
    command = [str(shutil.which("prometheus")), "--config.file=/prometheus.yml", "--storage.tsdb.path=/tmp/data"]
    return engine.run("prometheus", *options, command=command)


def seen(serve: Serve) -> dict[str, Any]:
    answer = serve.ask("GET", "/monitoring/health")
    assert answer.status == 200
    return answer.body


def healths(serve: Serve) -> dict[str, str]:
    prometheus = seen(serve)["prometheus"] or {"targets": []}
    return {one["job"]: one["health"] for one in prometheus["targets"]}


def test_a_target_that_prometheus_cannot_scrape_is_down_though_its_container_runs(
    engine: Engine, tmp_path: Path
) -> None:
    exporter = engine.run("redis-exporter")
    container = start_prometheus(engine, tmp_path, engine.address(exporter))
    with serving(engine.url, tmp_path) as serve:
        serve.wait_for("prometheus", status="running", timeout=60.0)
        serve.wait_for("redis-exporter", status="running")
        wanted = {"itself": "up", "redis": "down", "blackbox-exporter": "down"}
        wait_until(lambda: healths(serve) == wanted, 60.0, f"targets that are {wanted}")

        document = seen(serve)
        services = {one["name"]: (one["status"], one["scraped"]) for one in document["services"]}
        assert services == {"prometheus": ("running", "up"), "redis-exporter": ("running", "down")}
        prometheus = document["prometheus"]
        assert prometheus["reachable"], prometheus
        assert prometheus["address"] == f"http://127.0.0.1:{engine.published(container, 9090)}"
        targets = {one["job"]: one for one in prometheus["targets"]}
        matched = {job: (one["service"], one["matched_by"]) for job, one in targets.items()}
        assert matched == {
            "itself": ("prometheus", "port"),
            "redis": ("redis-exporter", "host"),
            "blackbox-exporter": (None, None),
        }
        assert "connection refused" in targets["redis"]["last_error"]
        assert targets["itself"]["last_scrape"] is not None

        engine.freeze(container)
        wait_until(lambda: not seen(serve)["prometheus"]["reachable"], 30.0, "a Prometheus that does not answer")
        frozen = seen(serve)["prometheus"]
        assert (frozen["targets"], frozen["detail"]) == ([], "Prometheus cannot be asked: no answer within 2 s")
        engine.thaw(container)
        wait_until(lambda: seen(serve)["prometheus"]["reachable"], 30.0, "a Prometheus that answers again")
