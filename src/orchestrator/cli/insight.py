"""``orchestrator plan`` and ``orchestrator explain NAME``: what would be done next, and why things are as they are."""

from __future__ import annotations

from typing import Final

import click

from orchestrator.cli.client import Document, Server, json_option, print_json, server_option, service_path
from orchestrator.cli.columns import Cell, lay_out, status_cell, terminal_width
from orchestrator.cli.completion import service_names
from orchestrator.cli.events import is_short
from orchestrator.cli.words import countdown, local_time, look
from orchestrator.terminal import printable

_INDENT: Final = "  "
_BLOCKERS: Final = {
    "engine_unseen": "the engine cannot be asked",
    "stopped_by_person": "stopped by a person",
    "observe_only": "watched only",
    "queue": "waiting for its turn",
}
"""What is said otherwise to people; the other words are plain enough."""


@click.command()
@server_option
@json_option
def plan(server: Server, as_json: bool) -> None:
    """What would be done next for every service, when, and why; or what keeps it from being done.

    Provided that nothing changes, and that checks go on answering what they answered last.
    """
    document = server.get("/api/system/plan")
    if as_json:
        print_json(document)
        return
    heading = [Cell(word, dim=True) for word in ("SERVICE", "STATUS", "INTENTION", "IN", "WHY")]
    rows = [_row(one, document["timestamp"]) for one in document["entries"]]
    for line in lay_out([heading, *rows], terminal_width()):
        click.echo(line)


@click.command()
@click.argument("name", shell_complete=service_names)
@server_option
@click.option("--limit", type=click.IntRange(1, 20), default=5, show_default=True, help="The newest so many decisions.")
@json_option
def explain(name: str, server: Server, limit: int, as_json: bool) -> None:
    """Why NAME is as it is, what would be done next, and the story of its last decisions, newest first.

    Of each decision: what was seen, what was decided and why, what was waited for, what would have come next. Of what
    was before, or before the orchestrator's start, there are the events.
    """
    document = server.get(service_path(name, "explanation"))
    if as_json:
        print_json(document)
        return
    _tell(document["now"])
    upcoming = document["next"]
    if upcoming is None:
        _tell("next: nothing, unless something changes")
    else:
        when = "" if upcoming["at"] is None else f" at {local_time(upcoming['at'], with_date=True)}"
        dry_run = " (told, not done: it is a dry run)" if document["dry_run"] else ""
        _tell(f"next{dry_run}: {upcoming['action']}{when}: {upcoming['cause']}")
    story = document["story"][:limit]
    earlier = [one for one in document["decisions"] if not story or one["at"] < story[-1]["at"]]
    short_time = is_short([{"timestamp": one["at"]} for one in (*story, *earlier)])
    room = terminal_width()
    room = None if room is None else room - len(_INDENT)
    for step in story:
        for line in lay_out(_told(step, short_time=short_time), room):
            click.echo(f"{_INDENT}{line}")
    for line in lay_out([_event(one, short_time=short_time) for one in earlier], room):
        click.echo(f"{_INDENT}{line}")


_ASPECTS: Final = (
    ("seen", "seen"),
    ("decided", "decided"),
    ("because", "why"),
    ("waits for", "waiting"),
    ("then", "upcoming"),
)
"""What a decision is told by, and the field that says it."""
_WORD: Final = max(len(word) for word, _ in _ASPECTS)


def _told(step: Document, *, short_time: bool) -> list[list[Cell]]:
    """A line for each thing there is to say; when it was is beside the first."""
    plain = step["why"] in step["seen"]
    said = [(word, step[field]) for word, field in _ASPECTS if step[field] and not (field == "why" and plain)]
    times = [local_time(step["at"], with_date=not short_time), *[""] * (len(said) - 1)]
    return [
        [
            Cell(time, dim=True),
            Cell(word.ljust(_WORD), dim=True),
            Cell(printable(text), _colour(step["status"]) if word == "decided" else None),
        ]
        for time, (word, text) in zip(times, said, strict=True)
    ]


def _event(event: Document, *, short_time: bool) -> list[Cell]:
    return [
        Cell(local_time(event["at"], with_date=not short_time), dim=True),
        Cell(printable(event["message"]), _colour(event["status"])),
        Cell(printable(event["cause"])),
    ]


def _tell(text: str) -> None:
    click.echo("\n".join(lay_out([[Cell(printable(text))]], terminal_width())))


def _colour(status: str | None) -> str | None:
    style = look(status or "").style
    return style if style not in ("", "dim") else None


def _row(entry: Document, now: str) -> list[Cell]:
    cause = entry["cause"]
    blockers = map(_in_words, entry["blocked_by"])
    held = [words for words in blockers if not cause.startswith(" ".join(words.split()[:2]))]  # the cause says it too
    why = "; ".join(part for part in (*held, cause) if part)
    return [
        Cell(printable(entry["service"]), bold=True),
        status_cell(entry["status"]),
        Cell(entry["intention"]),
        Cell(countdown(entry["at"], now) or "-", right=True),
        Cell(printable(why)),
    ]


def _in_words(blocker: str) -> str:
    """``waiting_on:db`` is for programs."""
    kind, _, name = blocker.partition(":")
    return f"waiting for {name}" if name else _BLOCKERS.get(kind, kind)
