"""With a token set: one logs in, the token is kept nowhere, and who may only read is shown nothing to press."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.stacks import chain
from tests.live.podman import Podman

ADMIN = "an admin's secret of this test"
READER = "a reader's secret of this test"
REFUSED = ("status of 401",)


def log_in(page: Page, token: str) -> None:
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Log in").click()


def test_one_logs_in_and_out_and_the_token_is_kept_nowhere(podman: Podman, tmp_path: Path, visit: Visit) -> None:
    with chain(podman, tmp_path, api_token=ADMIN, api_read_token=READER) as (serve, _):
        page = visit(serve, "/services/db", expected=REFUSED)
        log_in(page, "wrong")
        expect(page.get_by_role("alert")).to_have_text("That is not the token of this orchestrator.")
        log_in(page, ADMIN)
        expect(page.get_by_role("heading", level=1)).to_have_text("db")
        expect(page.locator(".live")).to_have_text("live")

        (cookie,) = page.context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
        kept = page.evaluate("[location.href, document.cookie, localStorage.length, sessionStorage.length]")
        assert kept == [f"http://127.0.0.1:{serve.port}/services/db", "", 0, 0]
        assert ADMIN not in cookie["value"]

        page.get_by_role("button", name="Restart").click()
        page.get_by_role("dialog").get_by_role("button", name="Restart").click()
        expect(page.locator(".outcome")).to_contain_text("Restart verified")

        page.reload()
        expect(page.get_by_role("heading", level=1)).to_have_text("db")
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_label("Token")).to_be_visible()
        page.reload()
        expect(page.get_by_label("Token")).to_be_visible()

        log_in(page, READER)
        expect(page.get_by_role("heading", level=1)).to_have_text("db")
        expect(page.locator(".who")).to_contain_text("read only")
        expect(page.get_by_role("group", name="Actions")).to_have_count(0)
