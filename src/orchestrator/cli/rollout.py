"""``orchestrator up`` and ``down``: many services at once, in the order of their dependencies, seen through to the end.

The orchestrator decides whose turn it is; what is shown here is what it tells.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Final

import click

from orchestrator.cli.client import Document, Function, Server, json_option, print_json, server_option
from orchestrator.cli.completion import service_names
from orchestrator.cli.progress import Course, Progress, Verb
from orchestrator.cli.rollout_report import document_of, live_lines, plain_line, table
from orchestrator.cli.stream import INTERRUPTED, messages, tell
from orchestrator.terminal import printable

if TYPE_CHECKING:
    from orchestrator.ports import Clock

LONGEST_WAIT: Final = 3600.0
PATIENCE: Final = 300.0
"""Seconds: the slowest model of the catalog has 180 s, what needs it comes after."""
TICK: Final = 0.5
_TIME_TO_ASK: Final = 60.0
"""Seconds beyond the usual, to have very many services decided."""
Stream = Iterator[Document | None]
_ALWAYS_WRONG: Final = ("required", "in_flight", "refused")
"""What is left for these is not as anybody wanted it; the rest was left on purpose, and counts where it was named."""
_EPILOG: Final = (
    "Ctrl-C ends the view alone: what was asked for goes on. Exit code 0: all that could be asked is there; 1: one "
    "failed, was not there in time, or was named and refused."
)


def _selection(command: Function) -> Function:
    for decorate in (
        json_option,
        server_option,
        click.option(
            "--timeout",
            type=click.FloatRange(0, LONGEST_WAIT, min_open=True),
            default=PATIENCE,
            show_default=True,
            help="So many seconds in all, then 1; it goes on.",
        ),
        click.option("--project", metavar="NAME", help="Only the services of this compose project."),
        click.argument("names", nargs=-1, metavar="[NAME...]", shell_complete=service_names),
    ):
        command = decorate(command)
    return command


@click.command(epilog=_EPILOG)
@_selection
def up(*, names: Sequence[str], project: str | None, timeout: float, server: Server, as_json: bool) -> None:
    """Start all services, or each NAME with what it requires, in the order of their dependencies.

    A service is started when what it requires is healthy. What it merely wants is waited for while that comes up, as
    long as its grace lasts. Also what `stop` and `down` stopped, and what was only created, is started; what is
    disabled, held, paused or only observed is left, and named.
    """
    _roll_out("up", server, {"name": names, "project": project}, timeout, as_json=as_json)


@click.command(epilog=_EPILOG)
@_selection
@click.option("--force", is_flag=True, help="Also what others require that are to go on.")
def down(
    *, names: Sequence[str], project: str | None, timeout: float, force: bool, server: Server, as_json: bool
) -> None:
    """Stop all services, or each NAME, in the reverse order, and keep them stopped until `up` or `start`.

    A service is stopped when those that require it are down. One that is required by another one that is to go on is
    left, and named, unless --force.
    """
    forced = "true" if force else None
    _roll_out("down", server, {"name": names, "project": project, "force": forced}, timeout, as_json=as_json)


def _roll_out(verb: Verb, server: Server, query: dict[str, object], timeout: float, *, as_json: bool) -> None:
    from orchestrator.runtime.clock import SystemClock  # noqa: PLC0415 - help needs no event loop

    follow = _as_nothing if as_json else _on_terminal if sys.stdout.isatty() else _as_lines
    try:
        with closing(messages(server, tick=TICK)) as stream:
            asked_at = next(filter(None, stream))["timestamp"]  # nothing is asked for before it is heard how it goes
            answer = server.post(f"/api/system/{verb}", patience=_TIME_TO_ASK, **query)
            progress = Progress(verb, answer, asked_at)
            if not as_json:
                click.echo(f"{printable(answer['message'])}.")
            follow(progress, stream, SystemClock(), timeout)
    except KeyboardInterrupt:
        tell("It goes on without this command: `orchestrator watch` shows how.")
        raise click.exceptions.Exit(INTERRUPTED) from None
    if as_json:
        print_json(document_of(progress))
    else:
        for line in table(progress, timeout):
            click.echo(line)
    if _went_wrong(progress, query):
        raise click.exceptions.Exit(1)


def _went_wrong(progress: Progress, query: dict[str, object]) -> bool:
    named = query["name"] or (query["project"] and list(progress.courses)) or ()
    codes = {one["name"]: one["code"] for one in progress.answer["services"]}
    left = [name for name, code in codes.items() if code in _ALWAYS_WRONG or (code and name in named)]  # type: ignore[operator]
    return bool(left) or any(one.outcome in ("", "failed") for one in progress.courses.values())


# --- while it goes ------------------------------------------------------------------------------------------------


def _as_nothing(progress: Progress, stream: Stream, clock: Clock, timeout: float) -> None:
    for _ in _changes(progress, stream, clock, timeout):
        pass


def _as_lines(progress: Progress, stream: Stream, clock: Clock, timeout: float) -> None:
    for changed, at in _changes(progress, stream, clock, timeout):
        for course in changed:
            click.echo(plain_line(course, at))


def _on_terminal(progress: Progress, stream: Stream, clock: Clock, timeout: float) -> None:
    from rich.console import Console  # noqa: PLC0415 - rich is worth its time on a terminal only
    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    with Live(
        console=Console(highlight=False),
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as live:
        for _, at in _changes(progress, stream, clock, timeout):
            lines = live_lines(progress, at, live.console.height - 2)
            live.update(Text.from_ansi("\n".join(lines)), refresh=True)


def _changes(progress: Progress, stream: Stream, clock: Clock, timeout: float) -> Iterator[tuple[list[Course], float]]:
    """What changed, with the seconds since it was asked for, until it is over or the time is."""
    begun = clock.now().moment
    yield [], 0.0
    while not progress.over:
        elapsed = clock.now().moment - begun
        if elapsed >= timeout:
            return
        message = next(stream)
        yield [] if message is None else progress.take(message), elapsed
