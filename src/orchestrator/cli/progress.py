"""How it goes with services that were asked to come up, or to go down: put together from the live stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from orchestrator.cli.client import Document
from orchestrator.core.critical_path import Span, Step, critical_path

Verb = Literal["up", "down"]
Outcome = Literal["", "done", "failed", "left"]
"""Empty: it is not known yet."""

_BEGINNINGS: Final = {
    "up": ("Manual start initiated", "Manual restart initiated", "Restart initiated", "Container started"),
    "down": ("Manual stop initiated",),
}
_HOPELESS: Final = ("disabled", "not_found")
_UP: Final = ("running", "paused", "restarting", "stopping")
_WAITS_FOR_NOBODY: Final = 0.05
"""Seconds."""


@dataclass
class Course:
    """One service. Times are seconds since it was asked for."""

    name: str
    phase: int
    status: str
    waits_for: tuple[str, ...]
    """Whose end it may have to wait for."""
    outcome: Outcome = ""
    reason: str = ""
    hindered_by: tuple[str, ...] = ()
    begun: float | None = None
    ended: float | None = None

    @property
    def waited(self) -> float | None:
        return self.begun

    @property
    def took(self) -> float | None:
        return None if self.begun is None or self.ended is None else self.ended - self.begun


@dataclass
class Progress:
    """``answer`` is that of ``/api/system/up`` or ``/down``; ``asked_at`` is when, ISO 8601, by the clock of the
    messages that follow."""

    verb: Verb
    answer: Document
    asked_at: str
    courses: dict[str, Course] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for one in self.answer["services"]:
            waits_for = (*one["requires"], *one["wants"]) if self.verb == "up" else self._dependents(one["name"])
            course = Course(one["name"], one["phase"], one["status"], waits_for, reason=one["message"])
            self.courses[course.name] = course
            if not one["accepted"]:
                course.outcome = "left"
            elif self._is_done(one["status"], at_rest=one["at_rest"]):
                course.outcome = "done"
            elif self.verb == "up" and one["status"] == "starting":
                course.begun = 0.0

    def _dependents(self, name: str) -> tuple[str, ...]:
        return tuple(one["name"] for one in self.answer["services"] if name in one["requires"])

    def _is_done(self, status: str, *, at_rest: bool) -> bool:
        if self.verb == "up":
            return status == "running" or (status == "stopped" and at_rest)
        return at_rest and status not in ("running", "starting", "unhealthy")

    # --- what the stream tells ---------------------------------------------------------------------------------

    def take(self, message: Document) -> list[Course]:
        """Those that are not as they were."""
        changed: list[Course] = []
        match message:
            case {"type": "snapshot", "data": {"services": services}}:
                changed = [one for each in services if (one := self._seen(each, message["timestamp"])) is not None]
            case {"type": "service", "data": service}:
                one = self._seen(service, message["timestamp"])
                changed = [] if one is None else [one]
            case {"type": "service_status", "data": {"name": name}} if name in self.courses:
                self._told(self.courses[name], message)
            case {"type": "service_gone", "data": {"name": name}} if name in self.courses:
                changed = [self._end(self.courses[name], "failed", "it is not listed any more", message["timestamp"])]
        return changed

    def _told(self, course: Course, event: Document) -> None:
        """Events have the moment of what happened; services come a little later. What befalls it afterwards, a check
        that fails once, is no part of its course any more."""
        if course.outcome:
            return
        at = self.elapsed(event["timestamp"])
        if course.begun is None and event["message"] in _BEGINNINGS[self.verb]:
            course.begun = max(at, 0.0)
        if event["data"]["status"] == ("running" if self.verb == "up" else "stopped"):
            course.ended = at

    def _seen(self, service: Document, timestamp: str) -> Course | None:
        course = self.courses.get(service["name"])
        if course is None or course.outcome:
            return None
        before = (course.status, course.reason)
        course.status, course.reason = service["status"], service["reason"]
        course.hindered_by = tuple(service["waiting_on"])
        if self.verb == "up":
            self._comes_up(course, service, timestamp)
        elif course.status in ("stopped", "disabled", "not_found") and service["container_state"] not in _UP:
            self._end(course, "done", course.reason, timestamp)
        elif not service["at_rest"]:
            self._end(course, "failed", course.reason or "it runs on", timestamp)
        return course if (course.status, course.reason) != before or course.outcome else None

    def _comes_up(self, course: Course, service: Document, timestamp: str) -> None:
        completed = service["at_rest"] and course.reason.startswith("completed")
        if course.status == "running" or completed:
            self._end(course, "done", course.reason, timestamp)
        elif course.status in _HOPELESS or service["at_rest"]:
            self._end(course, "failed", course.reason or course.status, timestamp)

    def _end(self, course: Course, outcome: Outcome, reason: str, timestamp: str) -> Course:
        course.outcome, course.reason = outcome, reason
        course.ended = self.elapsed(timestamp) if course.ended is None else course.ended
        return course

    # --- where it stands ------------------------------------------------------------------------------------------

    def elapsed(self, timestamp: str) -> float:
        return (datetime.fromisoformat(timestamp) - datetime.fromisoformat(self.asked_at)).total_seconds()

    @property
    def unfinished(self) -> list[Course]:
        return [course for course in self.courses.values() if not course.outcome]

    @property
    def over(self) -> bool:
        """Nothing is left that could still go on: what waits for one that failed does not."""
        lost = {course.name for course in self.courses.values() if course.outcome in ("failed", "left")}
        going = self.unfinished
        while hopeless := [course for course in going if lost.intersection(course.hindered_by)]:
            lost.update(course.name for course in hopeless)
            going = [course for course in going if course.name not in lost]
        return not going

    @property
    def path(self) -> tuple[Step, ...]:
        return critical_path(dict(self._spans()), {name: one.waits_for for name, one in self.courses.items()})

    def waited_for(self, course: Course) -> list[str]:
        """Those whose end it waited for."""
        spans = dict(self._spans())
        begun = course.begun or 0.0
        ends = {name: spans[name].ended for name in course.waits_for if name in spans}
        return [name for name, ended in ends.items() if _WAITS_FOR_NOBODY < ended <= begun + _WAITS_FOR_NOBODY]

    def _spans(self) -> Iterator[tuple[str, Span]]:
        for course in self.courses.values():
            if course.outcome == "done" and course.begun is not None and course.ended is not None:
                yield course.name, Span(course.begun, max(course.ended, course.begun))
