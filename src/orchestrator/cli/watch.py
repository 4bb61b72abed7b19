"""``orchestrator watch``: the services as they are now, and what happens to them."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from orchestrator.cli.client import Server, server_option
from orchestrator.cli.events import EVENTS
from orchestrator.cli.picture import EVENTS_SHOWN, Picture
from orchestrator.cli.stream import INTERRUPTED, messages, tell
from orchestrator.cli.words import DRY_RUN
from orchestrator.terminal import printable_json

if TYPE_CHECKING:
    from orchestrator.ports import Clock

TICK = 1.0
"""Seconds between two drawings while nothing happens: ages and countdowns go on."""


@click.command()
@server_option
@click.option("--json", "as_json", is_flag=True, help="Every message of the live stream, one a line.")
def watch(server: Server, as_json: bool) -> None:
    """The services as they are now, and what happens to them, until Ctrl-C.

    Redirected, it is a plain line for each service at first, and one whenever how it is changes.
    """
    from orchestrator.runtime.clock import SystemClock  # noqa: PLC0415 - help needs no event loop

    try:
        if as_json:
            for message in messages(server):
                click.echo(printable_json(json.dumps(message, ensure_ascii=False)))
        elif sys.stdout.isatty():
            _on_terminal(server, SystemClock())
        else:
            _as_lines(server, SystemClock())
    except KeyboardInterrupt:
        raise click.exceptions.Exit(INTERRUPTED) from None


def _on_terminal(server: Server, clock: Clock) -> None:
    from orchestrator.cli.screen import Screen  # noqa: PLC0415 - rich is worth its time on a terminal only

    picture = Picture()
    screen = Screen()
    stream = messages(server, tick=TICK, say=screen.say)
    message = next(stream)
    with screen:
        while True:
            if message is not None:
                picture.take(message, clock.now().moment)
                if message["type"] == "snapshot" and not message["resumed"]:
                    picture.remember(server.get(EVENTS, limit=EVENTS_SHOWN)["events"])
            screen.show(picture, clock.now().moment)
            message = next(stream)


def _as_lines(server: Server, clock: Clock) -> None:
    picture = Picture()
    for message in messages(server):
        if message is not None:
            if message["type"] == "snapshot" and message["data"]["dry_run"]:
                tell(DRY_RUN)
            for line in picture.take(message, clock.now().moment):
                click.echo(line)
