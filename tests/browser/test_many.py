"""Two hundred services on one page: all there, found, sorted, and changed one by one."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.live.podman import Podman
from tests.live.serve import service_labels, serving

ALL, RUNNING, CREATED = 200, 6, 14
"""The others are configured and have no container: they are served and drawn all the same."""


def test_two_hundred_services_are_shown_and_a_change_of_one_draws_no_other_anew(
    podman: Podman, tmp_path: Path, visit: Visit
) -> None:
    names = [f"s{number:03}" for number in range(ALL)]
    for name in names[:RUNNING]:
        victim = podman.run(name, *service_labels(name))
    for name in names[RUNNING : RUNNING + CREATED]:
        podman.create(name, *service_labels(name))
    configuration = tmp_path / "orchestrator.yaml"
    configuration.write_text(json.dumps({"services": {name: {} for name in names}}))
    with serving(podman.url, tmp_path / "state", enabled="false", config=str(configuration)) as serve:
        page = visit(serve, "/?sort=status&group=none")
        expect(page.locator(".card")).to_have_count(ALL)
        expect(page.locator('.card[data-status="running"]')).to_have_count(RUNNING)
        expect(page.locator(".shown")).to_have_text(f"{ALL} services")
        page.evaluate(
            "document.querySelectorAll('.card').forEach((card) => { card.mine = card.innerHTML.length > 0; })"
        )
        drawn = "[...document.querySelectorAll('.card')].filter((card) => card.mine).length"

        podman.kill(victim)
        expect(page.locator(f'[data-service="{names[RUNNING - 1]}"]')).to_have_attribute("data-status", "stopped")
        assert page.evaluate(drawn) == ALL, "cards are kept, also when they change their place"

        page.get_by_role("searchbox").fill("s01")
        expect(page.locator(".card")).to_have_count(10)
        page.get_by_role("button", name="Table").click()
        expect(page.locator(".services tbody tr")).to_have_count(10)
        page.reload()
        expect(page.locator(".services tbody tr")).to_have_count(10)
