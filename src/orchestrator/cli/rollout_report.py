"""``up`` and ``down`` in words: while they go on, and what took how long."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Final

import click

from orchestrator.cli.client import Document
from orchestrator.cli.columns import Cell, lay_out, status_cell, terminal_width
from orchestrator.cli.progress import Course, Progress
from orchestrator.core.critical_path import Step
from orchestrator.terminal import printable

_INDENT: Final = "  "
_WORTH_TELLING: Final = 0.05
"""Seconds waited."""
_WORDS: Final = {"up": "healthy", "down": "down"}


def seconds(span: float | None) -> str:
    return "" if span is None else f"{span:.1f}s"


def plain_line(course: Course, at: float) -> str:
    reason = f"  {printable(course.reason)}" if course.reason else ""
    return f"{at:6.1f}s  phase {course.phase}  {printable(course.name)}  {course.status}{reason}"


def live_lines(progress: Progress, at: float, room: int) -> list[str]:
    """All services by phase; where there is no room for them, those that are done are left out first."""
    courses = list(progress.courses.values())
    if len(courses) + len(progress.answer["phases"]) > room:
        courses = [course for course in courses if not course.outcome][: max(room - 1, 1)]
    rows = {course.name: _live_row(course, at) for course in courses}
    widths = [max((len(row[column].text) for row in rows.values()), default=0) for column in range(3)]
    width = terminal_width()
    lines: list[str] = []
    for phase, members in groupby(courses, key=lambda course: course.phase):
        lines.append(click.style(f"phase {phase}", dim=True))
        laid = lay_out([rows[course.name] for course in members], None if width is None else width - 2, widths)
        lines.extend(f"{_INDENT}{line}" for line in laid)
    return lines[:room]


def _live_row(course: Course, at: float) -> list[Cell]:
    took = course.took
    if took is None and course.begun is not None and not course.outcome:
        took = max(at - course.begun, 0.0)
    return [
        Cell(printable(course.name), bold=True),
        status_cell(course.status, at_rest=course.outcome == "left"),
        Cell(seconds(took), right=True),
        Cell(printable(course.reason), dim=course.outcome == "done"),
    ]


# --- afterwards -----------------------------------------------------------------------------------------------------


def table(progress: Progress, timeout: float) -> Iterator[str]:
    """What took how long, what it waited for, what went wrong, and the critical path."""
    heads = [Cell(word, dim=True) for word in ("SERVICE", "PHASE", "STATUS", "WAITED", "TOOK", "")]
    rows = [heads, *(_row(progress, course) for course in progress.courses.values())]
    if progress.courses:
        yield from lay_out(rows, terminal_width())
    steps = progress.path
    if steps and not progress.unfinished:
        yield f"critical path: {' -> '.join(map(_step, steps))} = {_total(steps):.1f} s"
    for course in progress.courses.values():
        if course.outcome == "failed":
            yield click.style(f"{printable(course.name)} failed: {printable(course.reason)}", fg="red")
        elif not course.outcome:
            why = f": {printable(course.reason)}" if course.reason else ""
            when = "" if progress.over else f" after {timeout:g} s"
            yield click.style(f"{printable(course.name)} is not {_WORDS[progress.verb]}{when}{why}", fg="red")


def _row(progress: Progress, course: Course) -> list[Cell]:
    waited = course.waited if course.waited is not None and course.waited >= _WORTH_TELLING else None
    return [
        Cell(printable(course.name), bold=True),
        Cell(str(course.phase), right=True),
        status_cell(course.status, at_rest=course.outcome == "left"),
        Cell(seconds(waited), right=True),
        Cell(seconds(course.took), right=True),
        Cell(_remark(progress, course)),
    ]


def _remark(progress: Progress, course: Course) -> str:
    if course.outcome == "done":
        waited_for = progress.waited_for(course)
        return f"waited for {', '.join(map(printable, waited_for))}" if waited_for else ""
    return f"left: {printable(course.reason)}" if course.outcome == "left" else ""


def _step(step: Step) -> str:
    waited = f"(waited {step.waited:.1f} s) " if step.waited >= 1.0 else ""
    return f"{waited}{printable(step.name)} {step.took:.1f} s"


def _total(steps: tuple[Step, ...]) -> float:
    return sum(step.waited + step.took for step in steps)


def document_of(progress: Progress) -> Document:
    """For machines. ``outcome``: ``done``, ``failed``, ``left``, or ``unfinished``."""
    steps = progress.path
    return {
        "message": progress.answer["message"],
        "phases": progress.answer["phases"],
        "services": [
            {
                "name": course.name,
                "phase": course.phase,
                "outcome": course.outcome or "unfinished",
                "status": course.status,
                "reason": course.reason,
                "waited_seconds": _rounded(course.waited),
                "waited_for": progress.waited_for(course),
                "took_seconds": _rounded(course.took),
            }
            for course in progress.courses.values()
        ],
        "critical_path": [
            {"name": step.name, "waited_seconds": _rounded(step.waited), "took_seconds": _rounded(step.took)}
            for step in steps
        ],
        "total_seconds": _rounded(_total(steps)),
    }


def _rounded(span: float | None) -> float | None:
    return None if span is None else round(span, 3)
