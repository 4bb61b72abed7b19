"""``/metrics`` as Prometheus' own programs see it."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import urllib.parse
from pathlib import Path
from typing import Any

import pytest

from tests.live.engines import Engine, wait_until
from tests.live.serve import END_TIMEOUT, HEAL_TIMEOUT, Serve, serving
from tests.live.servers import PATIENCE, free_port

EXAMPLES = Path(__file__).parents[2] / "examples" / "prometheus"


def program(name: str) -> str:
    return shutil.which(name) or pytest.fail("apt-get install --no-install-recommends prometheus", pytrace=False)


def fetch(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def address_of(serve: Serve) -> str:
    return f"127.0.0.1:{serve.port}"


def promtool(*arguments: str, given: str = "") -> str:
    """What it says; fails with that when it finds anything wrong."""
    done = subprocess.run(
        [program("promtool"), *arguments], input=given, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_promtool_finds_nothing_wrong_with_the_metrics(podman: Engine, tmp_path: Path) -> None:
    (tmp_path / "orchestrator.yaml").write_text("services: {media: {requires: ['path:/']}}\n")
    with serving(podman.url, tmp_path) as serve:
        serve.wait_for_engine(reachable=True)
        asked = 'orchestrator_precondition_met{resource="path:/"} 1.0'
        wait_until(lambda: asked in fetch(serve.port, "/metrics"), HEAL_TIMEOUT, asked)
        assert promtool("check", "metrics", given=fetch(serve.port, "/metrics")) == ""


def test_promtool_accepts_the_alert_rules_and_they_fire_when_they_should() -> None:
    promtool("check", "rules", str(EXAMPLES / "alerts.yml"))
    promtool("test", "rules", str(EXAMPLES / "alerts-test.yml"))


def test_a_real_prometheus_scrapes_it_and_answers(podman: Engine, tmp_path: Path) -> None:
    with serving(podman.url, tmp_path) as serve:
        serve.wait_for_engine(reachable=True)
        configuration = tmp_path / "prometheus.yml"
        written = (EXAMPLES / "prometheus.yml").read_text()
        written = written.replace("127.0.0.1:8787", address_of(serve)).replace("15s", "1s")
        configuration.write_text(written)
        shutil.copy(EXAMPLES / "alerts.yml", tmp_path)
        promtool("check", "config", str(configuration))
        port = free_port()
        command = [program("prometheus"), f"--config.file={configuration}", f"--web.listen-address=127.0.0.1:{port}"]
        with (tmp_path / "prometheus.log").open("wb") as log:
            process = subprocess.Popen(
                [*command, f"--storage.tsdb.path={tmp_path / 'data'}"], stdout=log, stderr=log, cwd=tmp_path
            )
        try:
            wait_until(lambda: answer(port, "orchestrator_engine_up") == ["1"], 2 * PATIENCE, "a scraped figure")
            assert answer(port, 'up{job="orchestrator"}') == ["1"]
        finally:
            process.terminate()
            process.wait(END_TIMEOUT)


def answer(port: int, query: str) -> list[str]:
    """The values that Prometheus finds; none while it is not up yet."""
    try:
        found: dict[str, Any] = json.loads(fetch(port, f"/api/v1/query?query={urllib.parse.quote(query)}"))
    except (OSError, ValueError):
        return []
    return [series["value"][1] for series in found.get("data", {}).get("result", [])]
