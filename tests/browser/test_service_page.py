"""One service's page: what is done from it, and what it shows."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.stacks import chain
from tests.live.podman import Podman
from tests.live.serve import service_labels, serving

WRITES = "i=0; while true; do i=$((i+1)); echo line $i; echo trouble $i >&2; sleep 0.2; done"


def test_a_restart_asks_first_says_who_depends_on_it_and_ends_verified(
    podman: Podman, tmp_path: Path, visit: Visit
) -> None:
    with chain(podman, tmp_path) as (serve, _):
        page = visit(serve, "/services/db")
        page.get_by_role("button", name="Restart").click()
        question = page.get_by_role("dialog")
        expect(question).to_contain_text("api and web depend on it")
        question.get_by_role("button", name="Cancel").click()
        expect(question).to_have_count(0)
        assert "Manual restart initiated" not in serve.told("db")

        page.get_by_role("button", name="Restart").click()
        question.get_by_role("button", name="Restart").click()
        expect(page.locator(".outcome")).to_contain_text("Restart verified")
        expect(page.locator(".outcome")).to_contain_text("HTTP 200")
        assert serve.told("db").count("Manual restart initiated") == 1
        expect(page.locator(".events")).to_contain_text("Manual restart initiated")


def test_what_is_stopped_held_and_disabled_from_the_page_is_so_and_can_be_taken_back(
    podman: Podman, tmp_path: Path, visit: Visit
) -> None:
    with chain(podman, tmp_path) as (serve, _):
        page = visit(serve, "/services/web")

        def ask(verb: str) -> None:
            page.get_by_role("group", name="Actions").get_by_role("button", name=verb, exact=True).click()
            page.get_by_role("dialog").get_by_role("button", name=verb, exact=True).click()

        ask("Stop")
        expect(page.locator(".outcome")).to_contain_text("Stop verified")
        expect(page.locator(".why")).to_contain_text("stopped by a local user")
        ask("Start")
        expect(page.locator(".outcome")).to_contain_text("Start verified")
        ask("Hold")
        expect(page.get_by_role("button", name="Release")).to_be_visible()
        assert serve.service("web")["held_until"] is not None
        ask("Release")
        expect(page.get_by_role("button", name="Hold")).to_be_visible()
        ask("Disable")
        expect(page.locator("article")).to_have_attribute("data-status", "disabled")
        ask("Enable")
        expect(page.locator("article")).to_have_attribute("data-status", "running")


def test_what_is_refused_is_told_in_the_orchestrators_words(podman: Podman, tmp_path: Path, visit: Visit) -> None:
    with chain(podman, tmp_path) as (serve, containers):
        page = visit(serve, "/services/db", expected=("status of 409",))
        podman.command("pause", containers["db"])
        serve.wait_for("db", container_state="paused")
        page.get_by_role("group", name="Actions").get_by_role("button").first.click()
        page.locator("dialog .primary").click()
        expect(page.locator(".outcome")).to_contain_text("failed")
        expect(page.locator(".outcome")).to_contain_text("paused")


def test_logs_are_followed_searched_and_paused(podman: Podman, tmp_path: Path, visit: Visit) -> None:
    podman.run("talker", *service_labels("talker", health__http="", port=""), command=["sh", "-c", WRITES])
    with serving(podman.url, tmp_path) as serve:
        serve.wait_for("talker", status="running")
        page = visit(serve, "/services/talker?tab=logs")
        lines = page.locator(".lines")
        expect(lines).to_contain_text("line 5")
        expect(page.locator(".line-stderr").first).to_contain_text("trouble")
        page.get_by_role("button", name="Pause").click()
        expect(page.locator(".logs [role=status]")).to_contain_text("paused")
        shown = lines.inner_text()
        written = podman.logs(podman.full_name("talker"))
        while len(podman.logs(podman.full_name("talker"))) < len(written) + 40:
            page.wait_for_timeout(100)
        assert lines.inner_text() == shown, "it went on while it was paused"
        page.get_by_role("button", name="Go on").click()
        expect(lines).not_to_have_text(shown, use_inner_text=True)
        page.get_by_role("searchbox", name="Search the log").fill("TROUBLE 2")
        expect(page.locator(".lines mark").first).to_have_text("trouble 2")
        assert all("trouble 2" in one for one in page.locator(".line").all_inner_texts())


def test_configuration_history_latency_and_the_last_check_are_there(
    podman: Podman, tmp_path: Path, visit: Visit
) -> None:
    with chain(podman, tmp_path) as (serve, _):
        page = visit(serve, "/services/api?tab=configuration")
        row = page.locator(".settings tr", has_text="health.interval")
        expect(row).to_contain_text("1 s")
        expect(row).to_contain_text(f"label of container {podman.full_name('api')}: orchestrator.health.interval")
        expect(page.locator(".bar .stretch-running")).not_to_have_count(0)
        expect(page.locator(".plot canvas")).to_be_visible()
        expect(page.locator(".latency")).to_contain_text("median")
        expect(page.locator(".last-check")).to_contain_text("HTTP 200")
        page.get_by_role("tab", name="Configuration").press("ArrowLeft")
        expect(page.get_by_role("tab", name="Logs")).to_be_focused()
        assert page.url.endswith("/services/api?tab=logs")
