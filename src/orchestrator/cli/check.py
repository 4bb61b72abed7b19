"""``orchestrator check``: everything that is configured, read as ``serve`` reads it, and everything wrong with it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from orchestrator.errors import EngineError, EngineUnsuitable, Problem
from orchestrator.terminal import printable, printable_json

if TYPE_CHECKING:
    from orchestrator.configuration import Configuration
    from orchestrator.core.model import ContainerSummary

    ListContainers = Callable[[Configuration], Awaitable[Sequence[ContainerSummary]]]


_UNCHECKED: Final = "The labels were not checked."


@dataclass(frozen=True, slots=True)
class Report:
    """What ``check`` found."""

    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    """What a person should know and need not change."""
    checked: str
    """What was looked at, in words."""


@click.command()
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="The configuration file to check.")
@click.option("--json", "as_json", is_flag=True, help="For machines: {ok, problems, notes, checked}.")
@click.option("--schema", is_flag=True, help="Print the JSON schema of the file, for editors, and check nothing.")
def check(config: Path | None, as_json: bool, schema: bool) -> None:
    """Validate the configuration, and the labels on the engine's containers; report all problems with their source.

    Changes nothing, and needs no running orchestrator. When no engine answers, the labels are not checked.

    Exit codes: 0 no problem; 1 any.
    """
    if schema:
        from orchestrator.configuration.schema import as_text  # noqa: PLC0415 - as below

        click.echo(as_text(), nl=False)
        return
    import asyncio  # noqa: PLC0415 - help must load neither a loop nor the engine

    from orchestrator.bootstrap import configure, list_containers  # noqa: PLC0415

    configuration = configure({} if config is None else {"config": config})
    report = asyncio.run(examine(configuration, list_containers))
    if as_json:
        click.echo(printable_json(json.dumps(document(report), indent=2, ensure_ascii=False)))
    else:
        show(report)
    if report.problems:
        raise click.exceptions.Exit(1)


async def examine(configuration: Configuration, list_containers: ListContainers) -> Report:
    """Check the configuration alone, and with the containers where the engine lists them."""
    from orchestrator.configuration import ServiceSurveyor  # noqa: PLC0415 - as above

    read = [] if configuration.file is None else [str(configuration.file)]
    read.append("the environment")
    try:
        containers = await list_containers(configuration)
    except EngineUnsuitable as error:
        unsuitable = Problem("ORCHESTRATOR_DOCKER_HOST", "", str(error))
        return Report((*configuration.problems, unsuitable), (_UNCHECKED,), " and ".join(read))
    except EngineError as error:
        return Report(configuration.problems, (f"{_UNCHECKED} {error}",), " and ".join(read))
    examined = ServiceSurveyor(configuration).examine(containers)
    seen = f"{_count(len(containers), 'container')} ({_count(len(examined.survey.services), 'service')})"
    return Report(
        problems=tuple(dict.fromkeys((*configuration.problems, *examined.problems))),
        notes=examined.survey.warnings,
        checked=f"{', '.join(read)} and {seen}",
    )


def document(report: Report) -> dict[str, object]:
    return {
        "ok": not report.problems,
        "problems": [asdict(problem) for problem in report.problems],
        "notes": list(report.notes),
        "checked": report.checked,
    }


def show(report: Report) -> None:
    """One problem a line, its source first; coloured on a terminal only."""
    for problem in report.problems:
        place = f"{problem.source}: {problem.key}" if problem.key else problem.source
        click.echo(f"{click.style(printable(place), bold=True)}: {printable(problem.fact)}")
    for note in report.notes:
        click.echo(click.style(f"Note: {printable(note)}", dim=True))
    if report.problems:
        found = click.style(_count(len(report.problems), "problem"), fg="red")
        click.echo(f"{found} in {printable(report.checked)}.")
    else:
        click.echo(f"{click.style('No problems', fg='green')} in {printable(report.checked)}.")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
