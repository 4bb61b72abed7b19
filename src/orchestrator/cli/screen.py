"""The terminal of ``orchestrator watch``: the table, drawn over itself, and the newest events below it."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from orchestrator.cli.client import Document
from orchestrator.cli.events import is_short, lines
from orchestrator.cli.picture import Picture
from orchestrator.cli.stream import tell
from orchestrator.cli.table import draw, is_fancy

_AROUND = 6
"""Lines for the headings, the gaps, the headline and the cursor."""


class Screen:
    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, redirect_stderr=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, picture: Picture, moment: float) -> None:
        self._live.update(self._drawn(picture, moment), refresh=True)

    def say(self, text: str) -> None:
        """Above the picture, unless standard error goes elsewhere altogether."""
        if sys.stderr.isatty():
            self._console.print(Text(text))
        else:
            tell(text)

    def _drawn(self, picture: Picture, moment: float) -> Group:
        known = picture.services(moment)
        happened = list(picture.events.values())[: max(self._console.height // 4, 1)]
        gaps = max(len({one["category"] for one in known}) - 1, 0)
        shown = _most_urgent(known, max(self._console.height - len(happened) - gaps - _AROUND, 1))
        parts: list[Text] = [Text(picture.headline(), "dim", no_wrap=True, overflow="ellipsis")]
        if len(shown) < len(known):
            parts.append(Text(f"{len(known) - len(shown)} more do not fit here", "dim"))
        parts.append(Text())
        for line in lines(happened, short_time=is_short(happened), room=None):
            event = Text.from_ansi(line)
            event.no_wrap, event.overflow = True, "ellipsis"
            parts.append(event)
        if not shown:
            return Group(*parts)
        table = draw(shown, picture.now(moment), fancy=is_fancy(self._console), width=self._console.width, wrap=False)
        return Group(table, Text(), *parts)


def _most_urgent(services: list[Document], room: int) -> list[Document]:
    """So many of them, in their order; those that run, or are at rest, are left out first."""
    well = {one["name"] for one in services if one["status"] == "running" or one["at_rest"]}
    kept = {one["name"] for one in sorted(services, key=lambda one: one["name"] in well)[:room]}
    return [one for one in services if one["name"] in kept]
