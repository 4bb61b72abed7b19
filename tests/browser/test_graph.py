"""The graph in a browser: where the cause is, whom it takes with it, and the ways of the keyboard."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.stacks import chain
from tests.live.podman import Podman


def test_the_cause_stands_out_and_the_arrow_keys_walk_the_edges(podman: Podman, tmp_path: Path, visit: Visit) -> None:
    with chain(podman, tmp_path, enabled="false") as (serve, containers):
        page = visit(serve, "/graph")
        node = '[data-node="{}"]'
        expect(page.locator(node.format("db"))).to_have_attribute("data-status", "running")
        lefts = [page.locator(node.format(name)).bounding_box() for name in ("db", "api", "web")]
        assert [box["x"] for box in lefts if box] == sorted(box["x"] for box in lefts if box)
        assert len({round(box["x"]) for box in lefts if box}) == 3, "each starts after the one before it"

        page.locator(node.format("db")).focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator(node.format("api"))).to_be_focused()
        page.keyboard.press("ArrowRight")
        expect(page.locator(node.format("web"))).to_be_focused()
        page.keyboard.press("ArrowLeft")
        expect(page.locator(node.format("api"))).to_be_focused()
        expect(page.locator(".edge.touching")).to_have_count(2)

        podman.switch(containers["db"], "sick")
        expect(page.locator(node.format("db"))).to_have_class("node tone-unhealthy is-cause is-near")
        expect(page.locator(".node.is-struck")).to_have_count(2)
        expect(page.get_by_role("heading", level=1)).to_have_text("db is the cause; 2 depend on it")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("api")
