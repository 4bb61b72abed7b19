"""Every view, light and dark, wide and narrow: axe finds nothing, nothing is cut off, everything is reached by keys."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect
from scripts.page import MODULES

from tests.browser.conftest import DESKTOP, PATIENCE, Visit
from tests.browser.stacks import chain
from tests.live.engines import wait_until
from tests.live.podman import Podman

AXE = (MODULES / "axe-core" / "axe.min.js").read_text
NARROW = "document.documentElement.scrollWidth <= 360"
VIEWS = {
    "/": ".card",
    "/?view=table&group=project": ".services tbody tr",
    "/?search=nothing": ".empty",
    "/graph": ".node",
    "/services/db": ".events li",
    "/services/db?tab=logs": ".logs",
    "/services/db?tab=configuration": ".settings tbody tr",
    "/services/nobody": ".empty",
    "/incidents": ".incident",
    "/incidents/1": ".steps",
    "/system": ".panel",
}
"""What has to be there before it is looked at."""


def violations(page: Page) -> list[str]:
    page.evaluate(AXE())
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{page.url}: {one['id']}: {one['help']}: {[node['html'][:200] for node in one['nodes']]}"
        for one in found["violations"]
    ]


def test_axe_finds_nothing_in_any_view_and_nothing_is_wider_than_a_phone(
    podman: Podman, tmp_path: Path, visit: Visit
) -> None:
    with chain(podman, tmp_path) as (serve, containers):
        podman.switch(containers["web"], "crash", "100")
        podman.kill(containers["web"])
        serve.wait_for_event("web", "Restart failed")
        for dark in (False, True):
            page = visit(serve, dark=dark)
            for path, there in VIEWS.items():
                page.goto(f"http://127.0.0.1:{serve.port}{path}")
                expect(page.locator(there).first).to_be_visible()
                page.set_viewport_size(DESKTOP)
                assert violations(page) == []
                page.set_viewport_size({"width": 360, "height": 740})
                wait_until(partial(page.evaluate, NARROW), PATIENCE / 1000, f"{path} to be no wider than a phone")
                assert violations(page) == []
            page.goto(f"http://127.0.0.1:{serve.port}/services/db")
            page.get_by_role("button", name="Restart").click()
            expect(page.get_by_role("dialog")).to_contain_text("depend on it")
            assert violations(page) == []
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_overview_is_used_without_a_mouse(podman: Podman, tmp_path: Path, visit: Visit) -> None:
    with chain(podman, tmp_path) as (serve, _):
        page = visit(serve)
        expect(page.locator(".card")).to_have_count(3)
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("/")
        expect(page.get_by_role("searchbox")).to_be_focused()
        page.keyboard.type("web")
        expect(page.locator(".card")).to_have_count(1)
        assert page.url.endswith("/?search=web"), "the address holds the view"
        for _step in range(12):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.className") == "card-name":
                break
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("web")
        page.go_back()
        expect(page.locator(".card")).to_have_count(1)
