"""``orchestrator state``: what the orchestrator remembers, moved from one store to another."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from orchestrator.terminal import printable

if TYPE_CHECKING:
    from orchestrator.cli.state_file import State
    from orchestrator.ports import IncidentRecord, Kept, StateStore

Answer = TypeVar("Answer")

_PAGE: Final = 1000
_STATE = click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file that remembers.  [default: as for serve; ORCHESTRATOR_REDIS_URL goes before it]",
)


@click.group()
def state() -> None:
    """Move what the orchestrator remembers: from the file to Redis, or to another machine.

    The store is the one that `serve` would use with the same settings; end that `serve` first.
    """


@state.command("export")
@click.argument("file", type=click.Path(allow_dash=True, dir_okay=False))
@_STATE
def export_state(file: str, state: Path | None) -> None:
    """Write everything remembered to FILE, which must not exist yet; `-` is standard output."""
    from orchestrator.cli.state_file import lines_of  # noqa: PLC0415 - help needs none of it

    kept = _with_store(state, _read)
    if not kept.services and not kept.events and not kept.incidents:
        raise click.ClickException("The store holds nothing: there is nothing to export.")
    text = "".join(f"{line}\n" for line in lines_of(kept))
    if file == "-":
        click.echo(text, nl=False)
        return
    try:
        # Causes and reasons quote what containers print: nobody else's to read.
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as sink:
            sink.write(text)
    except FileExistsError:
        raise click.ClickException(f"{file} exists already and is left as it is: name another file.") from None
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from None
    click.echo(f"{_amount(kept)} written to {file}")


@state.command("import")
@click.argument("file", type=click.Path(exists=True, allow_dash=True, dir_okay=False))
@_STATE
def import_state(file: str, state: Path | None) -> None:
    """Put what FILE holds into a store that is empty; `-` is standard input. All of it, or nothing."""
    from orchestrator.cli.state_file import UnusableFile, read_lines  # noqa: PLC0415 - help needs none of it

    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        # Not splitlines(): text in JSON may hold characters that it takes for line ends.
        found = read_lines([line for line in text.split("\n") if line])
    except UnusableFile as error:
        raise click.ClickException(f"{file} cannot be used: {error}. Nothing was imported.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{file} cannot be read: {error}.") from None

    async def fill(store: StateStore, kept: Kept) -> None:
        if kept.services or kept.last_sequence or kept.last_incident:
            raise click.ClickException(
                f"{store.location} is not empty ({len(kept.services)} services): nothing was imported. "
                "Name an empty store with --state or ORCHESTRATOR_REDIS_URL."
            )
        await store.write(found.services, found.events, incidents=found.incidents, histories=found.histories)

    _with_store(state, fill)
    click.echo(f"{_amount(found)} imported")


async def _read(store: StateStore, kept: Kept) -> State:
    from orchestrator.cli.state_file import State  # noqa: PLC0415 - help needs none of it

    newest_first = list(await store.events(_PAGE))
    while page := await store.events(_PAGE, before=newest_first[-1].sequence) if newest_first else ():
        newest_first.extend(page)
    return State(kept.services, newest_first[::-1], await _incidents(store), kept.histories)


async def _incidents(store: StateStore) -> list[IncidentRecord]:
    """Oldest first."""
    summaries = list(await store.incidents(_PAGE))
    while page := await store.incidents(_PAGE, before=int(str(summaries[-1]["id"]))) if summaries else ():
        summaries.extend(page)
    found = [await store.incident(int(str(summary["id"]))) for summary in reversed(summaries)]
    return [incident for incident in found if incident is not None]


def _with_store(state: Path | None, use: Callable[[StateStore, Kept], Awaitable[Answer]]) -> Answer:
    """What ``use`` answers, given the configured store and what it held when it was opened."""
    import asyncio  # noqa: PLC0415 - help needs none of it

    from orchestrator import bootstrap  # noqa: PLC0415
    from orchestrator.errors import StoreError, StoreInUse  # noqa: PLC0415
    from orchestrator.runtime.clock import SystemClock  # noqa: PLC0415

    settings = bootstrap.configure({} if state is None else {"state": state}).settings
    store = bootstrap.make_store(settings, SystemClock())

    async def opened() -> Answer:
        kept = await store.open()
        try:
            return await use(store, kept)
        finally:
            await store.close()

    try:
        return asyncio.run(opened())
    except StoreInUse as error:
        raise click.ClickException(f"{printable(str(error))}. End it first: what it remembers still changes.") from None
    except StoreError as error:
        raise click.ClickException(printable(str(error))) from None


def _amount(found: State) -> str:
    return f"{len(found.services)} services, {len(found.events)} events and {len(found.incidents)} incidents"
