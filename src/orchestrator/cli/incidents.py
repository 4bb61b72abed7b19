"""``orchestrator incidents [ID]``: what went wrong, each cause once; and the story of one."""

from __future__ import annotations

from typing import Final, Literal

import click

from orchestrator.cli.client import Document, Server, json_option, print_json, server_option
from orchestrator.cli.columns import Cell, lay_out, terminal_width
from orchestrator.cli.completion import service_names
from orchestrator.cli.events import is_short
from orchestrator.cli.words import local_time, look, span
from orchestrator.terminal import printable

INCIDENTS: Final = "/api/system/incidents"
_INDENT: Final = "  "
_KEY: Final = 10
"""Characters of the longest name of a fact."""
_NAMED: Final = 6
"""Members that a story's head names."""
_COLOURS: Final = {
    "detected": "red",
    "named": "yellow",
    "joined": "red",
    "action": "cyan",
    "playbook": "cyan",
    "recovered": "green",
    "closed": "green",
}


@click.command()
@click.argument("number", metavar="[ID]", type=click.IntRange(min=1), required=False)
@server_option
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="The newest so many.")
@click.option("--service", metavar="NAME", shell_complete=service_names, help="Only those that took this one down.")
@click.option("--open", "state", flag_value="open", help="Only those that are not over.")
@json_option
def incidents(
    *,
    number: int | None,
    server: Server,
    limit: int,
    service: str | None,
    state: Literal["open"] | None,
    as_json: bool,
) -> None:
    """What went wrong, newest first: each cause once, however many services it took down. With ID, its whole story.

    DETECTED, ACTED and RECOVERED are times from the failure itself.
    """
    if number is not None:
        if service is not None or state is not None:
            raise click.UsageError("ID names one incident; --service and --open choose among all.")
        document = server.get(f"{INCIDENTS}/{number}")
        print_json(document) if as_json else _tell(document)
        return
    document = server.get(INCIDENTS, limit=limit, service=service, status=state)
    if as_json:
        print_json(document)
        return
    found = document["incidents"]
    if not found:
        click.echo("No incident." if state is None else "No incident is open.", err=True)
        return
    heading = ("ID", "SINCE", "STATUS", "DETECTED", "ACTED", "RECOVERED", "DOWN", "CAUSE")
    short_time = is_short([{"timestamp": one["opened_at"]} for one in found])
    rows = [_row(one, short_time) for one in found]
    for line in lay_out([[Cell(word, dim=True) for word in heading], *rows], terminal_width()):
        click.echo(line)


def seconds(took: float | None) -> str:
    """``0.2s``, ``45s``, ``12m``; a dash where it is not known, or has not happened."""
    if took is None:
        return "-"
    return f"{took:.1f}s" if took < 10 else span(took)


def _row(one: Document, short_time: bool) -> list[Cell]:
    return [
        Cell(str(one["id"]), bold=True, right=True),
        Cell(local_time(one["opened_at"], with_date=not short_time), dim=True),
        _status(one),
        Cell(seconds(one["seconds_to_detect"]), right=True),
        Cell(seconds(one["seconds_to_act"]), right=True),
        Cell(seconds(one["seconds_to_recover"]), right=True),
        Cell(str(len(one["members"])), right=True),
        Cell(printable(_title(one))),
    ]


def _title(one: Document) -> str:
    part = one["merged_into"]
    return str(one["title"]) if part is None else f"part of incident {part}: {one['title']}"


def _status(one: Document) -> Cell:
    if one["status"] == "closed":
        return Cell("closed", dim=True)
    recovering = one["recovered_at"] is not None
    return Cell("recovering" if recovering else one["severity"], "green" if recovering else _severity_colour(one))


def _severity_colour(one: Document) -> str:
    return "red" if one["severity"] == "critical" else "yellow"


# --- the story of one --------------------------------------------------------------------------------------------


def _tell(one: Document) -> None:
    room = terminal_width()
    colour = None if one["status"] == "closed" else _severity_colour(one)
    state = click.style(f"{one['status']}, {one['severity']}", fg=colour)
    number = click.style(f"incident {one['id']}", bold=True)
    click.echo(f"{number} {state}")
    within = None if room is None else room - len(_INDENT)
    head = [(Cell(key.ljust(_KEY), dim=True), Cell(printable(value))) for key, value in facts(one)]
    story = [_line(entry, one) for entry in one["timeline"]]
    for line in lay_out(head, within):
        click.echo(f"{_INDENT}{line}")
    click.echo()
    for line in lay_out(story, within):
        click.echo(f"{_INDENT}{line}")
    if one["omitted"]:
        click.echo(f"{_INDENT}{one['omitted']} lines in the middle were left out: `orchestrator events` has them.")
    if one["evidence"]:
        pieces = "piece" if len(one["evidence"]) == 1 else "pieces"
        click.echo(f"{_INDENT}{len(one['evidence'])} {pieces} of evidence: --json shows what they hold.")


def facts(one: Document) -> list[tuple[str, str]]:
    """What there is to say of it, in the order in which one asks; what has no value is left out."""
    cause = one["cause"]
    rule = f", by the rule {cause['rule']}" if cause["rule"] else ""
    known = [
        ("cause", one["title"]),
        ("sure", f"{cause['confidence']}{rule}"),
        ("remedy", cause["remedy"]),
        ("part of", "" if one["merged_into"] is None else f"incident {one['merged_into']}"),
        ("since", local_time(one["began_at"] or one["opened_at"], with_date=True)),
        ("until", "" if one["closed_at"] is None else local_time(one["closed_at"], with_date=True)),
        ("took", _took(one)),
        ("services", _members(one)),
    ]
    return [(key, value) for key, value in known if value]


def _took(one: Document) -> str:
    steps = (("detected", "seconds_to_detect"), ("acted on", "seconds_to_act"), ("recovered", "seconds_to_recover"))
    return ", ".join(f"{word} after {seconds(one[key])}" for word, key in steps if one[key] is not None)


def _members(one: Document) -> str:
    """The cause first; of many the others are counted by their status."""
    members = sorted(one["members"], key=lambda each: each["role"] != "root")
    named = [f"{each['service']} {each['status']}" for each in members[:_NAMED]]
    counted: dict[str, int] = {}
    for each in members[_NAMED:]:
        counted[each["status"]] = counted.get(each["status"], 0) + 1
    return ", ".join([*named, *(f"{count} more {status}" for status, count in counted.items())])


def _line(entry: Document, one: Document) -> list[Cell]:
    short_time = is_short([{"timestamp": each["at"]} for each in (one["timeline"][0], one["timeline"][-1])])
    kind = entry["kind"]
    colour = _COLOURS.get(kind)
    if kind == "outcome":
        colour = look("running" if "completed" in entry["text"] else "unhealthy").style
    return [
        Cell(local_time(entry["at"], with_date=not short_time), dim=True),
        Cell(kind, colour),
        Cell(printable(entry["service"]), bold=True),
        Cell(printable(entry["text"])),
    ]
