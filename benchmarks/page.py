"""How soon the dashboard is there, in a real Chromium on loopback: its first paint, and every service on it."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.crowd import stand_in
from benchmarks.engines import served
from benchmarks.figures import spread, table
from playwright.sync_api import Browser, sync_playwright

COUNTS = (15, 200)
ROUNDS = 11
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
SHOWN = "(count) => document.querySelectorAll('.card').length === count"
QUIETLY = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")


def main() -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("this benchmark needs a browser: apt-get install --no-install-recommends chromium")
    rows = []
    with sync_playwright() as playwright, tempfile.TemporaryDirectory(prefix="orchestrator-benchmark-") as name:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(QUIETLY))
        for count in COUNTS:
            paints, whole = measured(browser, Path(name) / str(count), count)
            rows.append([str(count), spread(paints).shown(1), spread(whole).shown(1)])
        browser.close()
    print(f"{ROUNDS} rounds, each with an empty cache: milliseconds, median (least to most)\n")
    print(table(["services", "first paint", "all cards there"], rows))


def measured(browser: Browser, folder: Path, count: int) -> tuple[list[float], list[float]]:
    """First paints, and the moments at which every card is on the page, since the page was asked for."""
    folder.mkdir()
    socket = folder / "engine.sock"
    paints: list[float] = []
    whole: list[float] = []
    with stand_in(socket, count, 9), served(f"unix://{socket}", folder / "serve") as serve:
        for number in range(ROUNDS + 1):
            context = browser.new_context()
            page = context.new_page()
            page.goto(f"http://127.0.0.1:{serve.port}/")
            page.wait_for_function(SHOWN, arg=count)
            shown = float(page.evaluate("performance.now()"))
            if number > 0:  # the first round fills caches, and may meet an orchestrator that has not seen all yet
                paints.append(float(page.evaluate(PAINT)))
                whole.append(shown)
            context.close()
    return paints, whole


if __name__ == "__main__":
    main()
