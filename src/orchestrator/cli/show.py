"""``orchestrator show NAME``: one service, and what happened to it lately."""

from __future__ import annotations

import math
from typing import Final

import click

from orchestrator.cli.client import Document, Server, json_option, print_json, server_option, service_path
from orchestrator.cli.columns import Cell, lay_out, shape, terminal_width
from orchestrator.cli.completion import service_names
from orchestrator.cli.events import is_short, lines
from orchestrator.cli.incidents import seconds
from orchestrator.cli.words import local_time, look, span
from orchestrator.terminal import printable

RECENT: Final = 5
_WORTH_SAYING: Final = 0.01
_INDENT: Final = "  "
_KEY: Final = 12
"""Characters of the longest name of a fact."""


@click.command()
@click.argument("name", shell_complete=service_names)
@server_option
@json_option
def show(name: str, server: Server, as_json: bool) -> None:
    """Everything about NAME: status and why, health, counters, container, dependencies, latest events."""
    service = server.get(service_path(name))
    if as_json:
        print_json(service)
        return
    _show_head(service)
    room = terminal_width()
    within = None if room is None else room - len(_INDENT)
    for line in lay_out(
        [(Cell(key.ljust(_KEY), dim=True), Cell(printable(value))) for key, value in facts(service)], within
    ):
        click.echo(f"{_INDENT}{line}")
    for line in _availability(server, name):
        click.echo(f"{_INDENT}{line}")
    events = server.get("/api/system/health/events", limit=RECENT, service=name)["events"]
    if events:
        click.echo(f"\n  {click.style('latest events', dim=True)}")
    for line in lines(events, short_time=is_short(events), room=within):
        click.echo(f"{_INDENT}{line}")


def _availability(server: Server, name: str) -> list[str]:
    """What of its time it was up, as far as that is known: a line a window that says anything."""
    windows = server.get("/api/system/availability", service=name)["services"][0]["windows"]
    rows = [
        (Cell(f"up, {window}".ljust(_KEY), dim=True), Cell(_share(each)))
        for window, each in windows.items()
        if each["availability"] is not None
    ]
    return lay_out(rows, None)


def _share(figures: Document) -> str:
    """Never rounded up to the whole: 99.999 % is not 100 %."""
    percent = math.floor(figures["availability"] * 100_000) / 1000
    words = [f"{percent:g} %"]
    if figures["incidents"]:
        words.append(f"{figures['incidents']} incident{'s' if figures['incidents'] > 1 else ''}")
    if figures["mean_seconds_to_recover"] is not None:
        words.append(f"recovered in {seconds(figures['mean_seconds_to_recover'])} on average")
    if figures["unknown"] >= _WORTH_SAYING:
        words.append(f"{figures['unknown']:.0%} of the time is not known")
    return ", ".join(words)


def facts(service: Document) -> list[tuple[str, str]]:
    """What there is to say, in the order in which one asks; what has no value is left out."""
    health = service["health"]
    uptime = service["uptime_seconds"]
    known = [
        ("why", service["reason"]),
        ("held", service["held"]),
        ("waits for", ", ".join(service["waiting_on"])),
        ("next attempt", _time(service["retry_at"])),
        ("health", "" if health is None else _health(health)),
        ("failures", f"{service['failure_count']} in a row, {service['strikes']} strikes"),
        ("restarts", f"{service['restart_count']}{_last(service['last_restart_at'])}"),
        ("container", " ".join(part for part in (service["container_name"], service["container_id"]) if part)),
        (
            "state",
            " ".join(part for part in (service["container_state"], f"for {span(uptime)}" if uptime else "") if part),
        ),
        ("image", service["image"] or ""),
        ("port", "" if service["port"] is None else str(service["port"])),
        ("requires", ", ".join(service["requires"])),
        ("wants", ", ".join(service["wants"])),
        *(("problem", one) for one in service["problems"]),
    ]
    return [(key, value) for key, value in known if value]


def _show_head(service: Document) -> None:
    seen = look(service["status"], at_rest=service["at_rest"])
    colour = None if seen.style in ("", "dim") else seen.style
    status = click.style(f"{shape(seen)} {service['status']}", fg=colour)
    title = f"{printable(service['display_name'])}, {service['category']}"
    click.echo(f"{click.style(printable(service['name']), bold=True)} {status}  {click.style(title, dim=True)}")


def _health(health: Document) -> str:
    took = "" if health["latency_ms"] is None else f" in {health['latency_ms']:.0f} ms"
    return f"{health['verdict']} by {health['method']}: {health['detail']}{took}, at {_time(health['checked_at'])}"


def _last(at: str | None) -> str:
    return "" if at is None else f", the last at {_time(at)}"


def _time(at: str | None) -> str:
    return "" if at is None else local_time(at, with_date=True)
