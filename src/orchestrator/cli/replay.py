"""``orchestrator replay FILE``: recorded decisions taken once more, and what would have differed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

import click

from orchestrator.cli.client import Document, json_option
from orchestrator.cli.columns import Cell, lay_out, terminal_width
from orchestrator.cli.events import is_short
from orchestrator.cli.words import local_time
from orchestrator.core.recording import BadLine, DecisionRecord, Recording
from orchestrator.core.replay import Deviation, Difference, Replay, Tally
from orchestrator.core.story import span
from orchestrator.errors import ConfigurationError
from orchestrator.terminal import printable, printable_json

if TYPE_CHECKING:
    from orchestrator.core.model import ServiceSpec

DIFFERS: Final = 1
_COLOURS: Final = {
    Deviation.NOT_DONE: "yellow",
    Deviation.DONE: "red",
    Deviation.OTHERWISE: "red",
    Deviation.LATER: "cyan",
    Deviation.EARLIER: "green",
}
_COUNTED: Final = {
    Deviation.NOT_DONE: "{count} {action} would not have happened",
    Deviation.DONE: "{count} {action} more would have happened",
    Deviation.LATER: "{count} {action} would have come later",
    Deviation.EARLIER: "{count} {action} would have come earlier",
    Deviation.OTHERWISE: "another action would have come in the place of {count} {action}",
}
UNKNOWN: Final = (
    "What the world would have answered to another action nobody knows: after each of these, it goes on from what was "
    "recorded. Checks are as they were answered; how they are asked cannot be replayed."
)


@click.command()
@click.argument("recording", metavar="FILE", type=click.File(encoding="utf-8"))
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Decide by this configuration, and the labels of the recorded containers.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Decide with this key for all services, for one (services.NAME.KEY) or for a category (categories.NAME.KEY).",
)
@click.option("--service", metavar="NAME", help="Only what was decided for this one.")
@json_option
def replay(
    recording: TextIO, config: Path | None, settings: Sequence[str], service: str | None, *, as_json: bool
) -> None:
    """Take the decisions in FILE once more, and print what would have differed, decision by decision.

    FILE is what `orchestrator serve` records beside its state (state.decisions.jsonl), `-` is standard input. Without
    --config and --set the policy is the recorded one. Needs no running orchestrator and no engine.

    Exit codes: 0 nothing differs; 1 something does; 2 the file or the policy cannot be used.
    """
    try:
        reading = Recording(recording.readlines())
        policy = _policy(config, settings, reading)
        run = Replay(policy)
        differences = [each for record in reading if service in (None, record.service) for each in run.take(record)]
        differences += run.end()
    except (BadLine, UnicodeDecodeError) as error:
        raise Unusable(
            f"{recording.name}: {error}. Recordings are what `orchestrator serve --record FILE` writes."
        ) from None
    except ConfigurationError as error:
        raise Unusable(str(error)) from None
    differences.sort(key=lambda each: each.at.wall)
    notes = [*_notes(reading, policy), *([UNKNOWN] if differences else [])]
    if as_json:
        click.echo(printable_json(json.dumps(_document(differences, run.tally, notes), indent=2, ensure_ascii=False)))
    else:
        _show(differences, run.tally, notes)
    if differences:
        raise click.exceptions.Exit(DIFFERS)


class Unusable(click.ClickException):
    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class _Other:
    """The recorded specifications, or those of another configuration, with single keys set otherwise."""

    def __init__(self, specs: Mapping[str, ServiceSpec] | None, settings: Sequence[str]) -> None:
        from orchestrator.configuration.other_policy import read_override  # noqa: PLC0415 - costs start-up time

        self._specs = specs
        self._overrides = [read_override(each) for each in settings]
        self._known: dict[ServiceSpec, ServiceSpec] = {}
        self.left: dict[str, None] = {}
        """Services that the configuration does not look after."""

    def __call__(self, record: DecisionRecord) -> ServiceSpec:
        from orchestrator.configuration.other_policy import overridden  # noqa: PLC0415 - as above

        spec = record.spec
        if self._specs is not None:
            spec = self._specs.get(record.service, record.spec)
            if record.service not in self._specs:
                self.left[record.service] = None
        if spec not in self._known:
            self._known[spec] = overridden(spec, self._overrides)
        return self._known[spec]


def _policy(config: Path | None, settings: Sequence[str], reading: Recording) -> _Other:
    if config is None:
        return _Other(None, settings)
    from orchestrator.bootstrap import configure  # noqa: PLC0415 - as above
    from orchestrator.configuration.other_policy import specifications  # noqa: PLC0415

    configuration = configure({"config": config})
    if configuration.problems:
        raise ConfigurationError(configuration.problems)
    return _Other(specifications(configuration, reading), settings)


# --- what is printed -----------------------------------------------------------------------------------------


def _notes(reading: Recording, policy: _Other) -> list[str]:
    notes = []
    if policy.left:
        notes.append(f"Not looked after by that configuration, and replayed as recorded: {', '.join(policy.left)}.")
    if reading.lost:
        notes.append(f"{reading.lost} decisions could not be recorded: what depends on them is not known.")
    if reading.cut_short:
        notes.append("The last line was being written when its process ended: it is left out.")
    return notes


def _show(differences: Sequence[Difference], tally: Tally, notes: Iterable[str]) -> None:
    times = [_iso(each.at.wall) for each in differences]
    short_time = is_short([{"timestamp": time} for time in times])
    rows = [
        (
            Cell(local_time(time, with_date=not short_time), dim=True),
            Cell(printable(each.service), bold=True),
            Cell(printable(each.words), _COLOURS.get(each.deviation)),
        )
        for time, each in zip(times, differences, strict=True)
    ]
    for line in lay_out(rows, terminal_width()):
        click.echo(line)
    for text in (_summary(differences, tally), *notes):
        click.echo("\n".join(lay_out([[Cell(printable(text))]], terminal_width())))


def _summary(differences: Sequence[Difference], tally: Tally) -> str:
    taken = ", ".join(_plural(count, action) for action, count in sorted(tally.actions.items())) or "no action"
    if tally.begun is None or tally.ended is None:
        return "No decision is in it."
    span = " to ".join(local_time(_iso(at.wall), with_date=True) for at in (tally.begun, tally.ended))
    read = f"{_plural(tally.decisions, 'decision')} for {_plural(len(tally.services), 'service')}, {span}: {taken}."
    if not tally.deviations:
        return f"{read} Nothing would have differed."
    counted = [
        sentence.format(count=count, action=action if count == 1 else f"{action}s")
        + _by_how_much([one.seconds for one in differences if (one.deviation, one.action) == (found, action)])
        for deviation, sentence in _COUNTED.items()
        for (found, action), count in sorted(tally.deviations.items(), key=str)
        if found is deviation
    ]
    return f"{read} {_capital('; '.join(counted) or 'every action would have come as it did')}."


def _by_how_much(seconds: Sequence[float | None]) -> str:
    known = sorted(each for each in seconds if each is not None)
    if not known:
        return ""
    return f", by {span(known[0])}" if len(known) == 1 else f", by {span(known[0])} to {span(known[-1])}"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _document(differences: Sequence[Difference], tally: Tally, notes: Sequence[str]) -> Document:
    deviations: Counter[str] = Counter()
    for (deviation, _), count in tally.deviations.items():
        deviations[deviation] += count
    return {
        "differences": [
            {
                "at": _iso(each.at.wall),
                "service": each.service,
                "deviation": each.deviation,
                "words": each.words,
                "action": each.action,
                "seconds": each.seconds,
            }
            for each in differences
        ],
        "decisions": tally.decisions,
        "services": sorted(tally.services),
        "actions": dict(tally.actions),
        "deviations": deviations,
        "from": None if tally.begun is None else _iso(tally.begun.wall),
        "to": None if tally.ended is None else _iso(tally.ended.wall),
        "notes": list(notes),
    }


def _iso(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
