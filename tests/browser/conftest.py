"""A real browser on the page of a real ``serve`` on a real engine. A missing part fails with its remedy."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright
from scripts.page import MODULES, is_built

from tests.live.conftest import engine_folder, podman, podman_engine
from tests.live.serve import Serve

__all__ = ["engine_folder", "podman", "podman_engine"]

PATIENCE: Final = 45_000
"""Milliseconds for what has to come: how fast it is, the benchmarks tell."""
QUIETLY: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NOBODY_THERE: Final = ("net::ERR_", "WebSocket connection to")
"""What a browser complains of once the orchestrator has ended, as it does before the page in many a test."""
DESKTOP: Final[ViewportSize] = {"width": 1280, "height": 860}

Visit = Callable[..., Page]


@pytest.fixture(scope="session")
def browser(engine_folder: Path) -> Iterator[Browser]:
    """Chromium, in the same private network as the engine."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.fail("the page is tested in a browser: apt-get install --no-install-recommends chromium", pytrace=False)
    if not is_built() or not (MODULES / "axe-core").is_dir():
        pytest.fail("the page of these sources is not built: python -m scripts.page tools", pytrace=False)
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=list(QUIETLY))
        yield launched
        launched.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """``visit(serve, "/graph")``: a page with no cookies. What its console complains of fails the test."""
    complaints: list[str] = []
    contexts = []

    def opened(
        serve: Serve,
        path: str = "/",
        *,
        viewport: ViewportSize = DESKTOP,
        dark: bool = False,
        expected: tuple[str, ...] = (),
    ) -> Page:
        context = browser.new_context(viewport=viewport, color_scheme="dark" if dark else "light")
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda message: (
                complaints.append(f"{message.text} {message.location}")
                if message.type in ("error", "warning")
                and not any(one in message.text for one in (*NOBODY_THERE, *expected))
                else None
            ),
        )
        page.goto(f"http://127.0.0.1:{serve.port}{path}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
