"""``make screenshots``: every view of a small but real stack, some of it ill, into docs/screenshots."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from playwright.sync_api import ViewportSize, expect

from tests.browser.conftest import Visit
from tests.live.engines import wait_until
from tests.live.podman import Podman
from tests.live.serve import Serve, service_labels, serving

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
SIZES: Final[dict[str, ViewportSize]] = {
    "desktop": {"width": 1280, "height": 800},
    "phone": {"width": 390, "height": 844},
}
STACK: Final = {
    "postgres": "",
    "redis": "",
    "ai-yolo26": "",
    "ai-llm": "",
    "ai-florence": "",
    "backend": "postgres,redis",
    "frontend": "backend",
    "prometheus": "",
    "grafana": "prometheus",
    "reports": "backend,postgres",
}
VIEWS: Final = {
    "overview": ("/", ".spark path"),
    "graph": ("/graph", ".node"),
    "service": ("/services/ai-llm", ".plot canvas"),
    "logs": ("/services/ai-llm?tab=logs", ".line"),
    "incidents": ("/incidents", ".incident"),
    "incident": ("/incidents/{incident}", ".step"),
    "system": ("/system", ".panel"),
}
SEEN_FOR: Final = 40
"""Probes, so that charts have something to show."""


def test_every_view_is_pictured(podman: Podman, tmp_path: Path, visit: Visit) -> None:
    FOLDER.mkdir(exist_ok=True)
    containers = {name: podman.run(name, *_labels(name, requires)) for name, requires in STACK.items()}
    with serving(podman.url, tmp_path) as serve:
        for name in STACK:
            serve.wait_for(name, status="running")
        podman.switch(containers["ai-llm"], "crash", "3")
        podman.kill(containers["ai-llm"])
        serve.wait_for_event("ai-llm", "Service recovered")
        wait_until(lambda: len(_probes(serve, "ai-llm")) >= SEEN_FOR, 120, "probes enough for a chart")
        podman.switch(containers["postgres"], "crash", "100")
        podman.kill(containers["postgres"])
        serve.wait_for_event("postgres", "Restart failed", count=3)
        for name in ("backend", "frontend"):
            podman.kill(containers[name])
            serve.wait_for(name, status="stopped")
        incident = serve.get("/incidents?service=postgres")["incidents"][0]["id"]
        for dark in (False, True):
            for size, viewport in SIZES.items():
                page = visit(serve, dark=dark, viewport=viewport, expected=("status of 503",))
                for view, (path, there) in VIEWS.items():
                    page.goto(f"http://127.0.0.1:{serve.port}{path.format(incident=incident)}")
                    expect(page.locator(there).first).to_be_visible()
                    page.screenshot(path=FOLDER / f"{view}-{size}-{'dark' if dark else 'light'}.png")


def _labels(name: str, requires: str) -> tuple[str, ...]:
    own = {"health__command": "", "recovery__backoff_base": "1", "recovery__max_failures": "20"}
    compose = ("--label=com.docker.compose.project=shop", f"--label=com.docker.compose.service={name}")
    return (*service_labels(name, requires=requires, grace="0", **own), *compose)


def _probes(serve: Serve, name: str) -> list[object]:
    samples: list[object] = serve.get(f"/services/{name}/latency")["samples"]
    return samples
