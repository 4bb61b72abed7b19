"""``orchestrator doctor``: everything that can keep services from being healed, looked at once, worst first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from orchestrator.cli.client import Refused, Server, Unreachable, server_option
from orchestrator.cli.columns import Cell, lay_out, shape, terminal_width
from orchestrator.cli.words import Look
from orchestrator.terminal import printable

if TYPE_CHECKING:
    from orchestrator.doctor.facts import ServeSeen
    from orchestrator.doctor.findings import Finding

PATIENCE: Final = 2.0
"""Seconds for each answer of the running orchestrator."""
_LOCAL: Final = ("127.0.0.1", "::1", "localhost")
_LOOKS: Final = {
    "failed": Look("■", "x", "red"),
    "warning": Look("▲", "!", "yellow"),
    "ok": Look("●", "*", "green"),
}


@click.command()
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="The configuration file, as for serve.")
@click.option("--state", type=click.Path(path_type=Path), metavar="FILE", help="The state's file, as for serve.")
@click.option("--endpoint", metavar="URL", help="The engine, as for serve.")
@server_option
@click.option("--json", "as_json", is_flag=True, help="For machines: {ok, findings: [{level, thing, fact, remedy}]}.")
def doctor(*, config: Path | None, state: Path | None, endpoint: str | None, server: Server, as_json: bool) -> None:
    """Look at everything that can keep services from being healed: worst first, each with its remedy.

    Engine, containers, checks, state, configuration, limits, and the running orchestrator, which need not run.
    Changes nothing: a check is asked once, as `serve` asks it. Ends within some 15 seconds, whatever hangs.

    Exit codes: 0 nothing failed (there may be warnings); 1 something did.
    """
    from orchestrator.bootstrap import configure, examine  # noqa: PLC0415 - help must not load the engine

    server.parts()  # a wrong call is told as such, before anything is looked at
    given = {"config": config, "state": state, "docker_host": endpoint}
    configuration = configure({key: value for key, value in given.items() if value is not None})
    findings = examine(configuration, lambda: ask(replace(server, deadline=PATIENCE)))
    well = not any(finding.level == "failed" for finding in findings)
    if as_json:
        document = {"ok": well, "findings": [asdict(finding) for finding in findings]}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        show(findings)
    if not well:
        raise click.exceptions.Exit(1)


def ask(server: Server) -> ServeSeen:
    """The running orchestrator's own view, and whether its live stream can be read."""
    from orchestrator.doctor.facts import ServeSeen  # noqa: PLC0415 - as above

    parts = server.parts()
    port = (parts.port or {"http": 80, "https": 443}[parts.scheme]) if parts.hostname in _LOCAL else None
    try:
        health = server.get("/api/system/health/full")
    except (Refused, Unreachable) as error:
        fact, _, remedy = error.message.partition(". ")
        refused = isinstance(error, Refused) or not error.absent
        return ServeSeen(server.address, None, fact.rstrip("."), remedy.rstrip("."), refused, None, port)
    return ServeSeen(server.address, health, stream=_stream(server), port=port)


def _stream(server: Server) -> str | None:
    """Why the live stream cannot be read; ``None``: it can."""
    from orchestrator.cli.stream import messages  # noqa: PLC0415 - as above

    try:
        first = next(messages(server, tick=PATIENCE))
    except (Refused, Unreachable) as error:
        return error.message.rstrip(".")
    return f"nothing came within {PATIENCE:g} s" if first is None else None


def show(findings: Sequence[Finding]) -> None:
    """A finding a line: shape and word of its level, the thing, the fact, the remedy; then how many there are."""
    rows = []
    for finding in findings:
        seen = _LOOKS[finding.level]
        thing = printable(finding.thing)
        level = Cell(f"{shape(seen)} {finding.level}", seen.style)
        rows.append((level, Cell(printable(str(finding)), strong=len(thing))))
    for line in lay_out(rows, terminal_width()):
        click.echo(line)
    failed, warnings = (sum(one.level == level for one in findings) for level in ("failed", "warning"))
    tally = f"{failed} failed, {warnings} {'warning' if warnings == 1 else 'warnings'}, {len(findings)} findings in all"
    click.echo(click.style(tally, dim=True))
