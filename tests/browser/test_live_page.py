"""The page follows what happens, without a reload: a death, an orchestrator that restarts, an engine that goes away."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.stacks import chain
from tests.live.podman import Podman

RECORD = """
(name) => {
  window.sameLife = true;
  const card = document.querySelector(`[data-service="${name}"]`);
  window.seen = [card.dataset.status];
  new MutationObserver(() => window.seen.push(card.dataset.status))
    .observe(card, { attributes: true, attributeFilter: ["data-status"] });
}
"""
"""Whatever status the very card shows from now on is written down; a reload would lose it."""


def test_a_killed_container_goes_through_its_states_on_its_card_and_in_the_sentence(
    podman: Podman, tmp_path: Path, visit: Visit
) -> None:
    with chain(podman, tmp_path) as (serve, containers):
        page = visit(serve)
        expect(page.get_by_role("heading", level=1)).to_have_text("All 3 healthy")
        expect(page).to_have_title("● All 3 healthy · Orchestrator")
        page.evaluate(RECORD, "web")
        podman.switch(containers["web"], "crash", "2")
        podman.kill(containers["web"])
        serve.wait_for_event("web", "Service recovered")
        expect(page.locator('[data-service="web"]')).to_have_attribute("data-status", "running")
        seen = page.evaluate("[window.sameLife, window.seen]")
        assert seen[0] is True, "it was reloaded"
        assert seen[1][0] == "running"
        assert "stopped" in seen[1]
        assert seen[1][-1] == "running"
        expect(page.locator('[data-service="web"]')).to_contain_text("↻ 3")
        expect(page.get_by_role("heading", level=1)).to_have_text("All 3 healthy")

        page.locator('[data-service="web"] a').click()
        expect(page.get_by_role("heading", level=1)).to_have_text("web")
        expect(page.locator(".events")).to_contain_text("Service recovered")
        assert page.evaluate("window.sameLife"), "a link loaded the page anew"


def test_the_orchestrator_dies_and_comes_back_under_an_open_page_and_nothing_is_missed(
    podman: Podman, tmp_path: Path, visit: Visit
) -> None:
    with chain(podman, tmp_path) as (serve, containers):
        # In its first moments the next life may not know the service yet, and says so.
        page = visit(serve, "/services/db", expected=("status of 404", "status of 503"))
        expect(page.get_by_role("heading", level=1)).to_have_text("db")
        expect(page.locator(".live")).to_have_text("live")
        page.evaluate("window.sameLife = true")
        port = serve.port
        serve.kill()
        expect(page.locator(".banner")).to_contain_text("The connection is lost")
        expect(page.get_by_role("heading", level=1)).to_have_text("db")
        podman.kill(containers["db"])
        serve.start(port)
        serve.wait_for_event("db", "Restart completed")
        expect(page.locator(".banner")).to_have_count(0)
        expect(page.locator(".events")).to_contain_text("Restart completed")
        expect(page.locator(".events .event-what"), "every event, once, in order").to_have_text(serve.told("db")[::-1])
        assert page.evaluate("window.sameLife"), "it was reloaded"


def test_with_the_engine_away_the_page_says_since_when_and_claims_nothing_of_now(
    podman: Podman, tmp_path: Path, visit: Visit
) -> None:
    with chain(podman, tmp_path) as (serve, _):
        page = visit(serve)
        expect(page.get_by_role("heading", level=1)).to_have_text("All 3 healthy")
        podman.stop_daemon()
        expect(page.locator(".banner")).to_contain_text("The engine is away since")
        expect(page.get_by_role("heading", level=1)).to_have_text("3 services, as last seen")
        page.get_by_role("link", name="System").click()
        engine = page.locator(".panel", has=page.get_by_role("heading", name="Engine"))
        expect(engine).to_contain_text("not well")
        podman.start_daemon()
        expect(page.locator(".banner")).to_have_count(0)
        expect(engine).to_contain_text("podman")
