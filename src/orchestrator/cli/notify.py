"""``orchestrator notify``: how the notification channels are doing, and test messages through them."""

from __future__ import annotations

from typing import Final

import click

from orchestrator.cli.client import Document, Refused, Server, json_option, print_json, server_option
from orchestrator.cli.columns import Cell, lay_out, shape, terminal_width
from orchestrator.cli.words import Look, span
from orchestrator.terminal import printable

_WELL: Final = Look("●", "*", "green")
_FAILS: Final = Look("■", "x", "red")
_PATH: Final = "/api/system/notifications"


@click.command()
@click.option("--test", is_flag=True, help="Send a test message, and say how it ended.")
@click.argument("channel", required=False)
@server_option
@json_option
def notify(*, test: bool, channel: str | None, server: Server, as_json: bool) -> None:
    """How the notification channels are doing; with `--test`, send a message through each, or through CHANNEL.

    The running orchestrator sends it, with its own configuration and from where it would tell of an incident.

    Exit codes: 0 all do, or did, take messages; 1 one does not, or none is configured; 3 no orchestrator answers.
    """
    if test:
        answer = server.post(f"{_PATH}/test", channel=channel)
        channels = answer["results"]
        rows = [_tested(each) for each in channels]
        well = all(each["accepted"] for each in channels)
    else:
        answer = server.get(_PATH)
        channels = [each for each in answer["channels"] if channel in (None, each["name"])]
        rows = [_standing(each, answer["timestamp"]) for each in channels]
        well = all(each["working"] for each in channels)
    if as_json:
        print_json(answer)
    elif not channels:
        named = f"no channel is named {channel!r}" if channel else "no channel is configured"
        raise Refused(f"{printable(named)}: see notifications in docs/configuration.md.")
    else:
        for line in lay_out(rows, terminal_width()):
            click.echo(line)
    if not well or not channels:
        raise click.exceptions.Exit(Refused.exit_code)


def _tested(result: Document) -> tuple[Cell, ...]:
    ended = "accepted" if result["accepted"] else "failed"
    how = f"{ended} after {result['seconds']:.1f} s: {result['detail']}"
    return _row(result["accepted"], result["channel"], result["address"], how)


def _standing(channel: Document, now: str) -> tuple[Cell, ...]:
    words = [f"{channel['delivered']} delivered"]
    if channel["delivered_at"] is not None:
        words.append(f"the last {span(_seconds(channel['delivered_at'], now))} ago")
    if channel["undelivered"]:
        words.append(f"{channel['undelivered']} not told yet")
    if not channel["working"]:
        words.append(f"failing: {channel['detail']}")
    if channel["retry_at"] is not None:
        words.append(f"tried again in {span(_seconds(now, channel['retry_at']))}")
    return _row(channel["working"], channel["name"], channel["address"], ", ".join(words))


def _row(well: bool, name: str, address: str, words: str) -> tuple[Cell, ...]:
    seen = _WELL if well else _FAILS
    thing = printable(name)
    return (
        Cell(f"{shape(seen)} {thing}", seen.style, strong=len(thing) + 2),
        Cell(printable(address)),
        Cell(printable(words)),
    )


def _seconds(start: str, end: str) -> float:
    from datetime import datetime  # noqa: PLC0415 - help needs none of it

    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
