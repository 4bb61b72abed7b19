"""When maintenance windows are, by clocks that are changed twice a year."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from orchestrator.core.model import Instant, ServiceSpec
from orchestrator.core.sighting import Sighting
from orchestrator.core.windows import Window
from orchestrator.runtime.maintenance import MaintenanceWindows, occurrences
from orchestrator.runtime.registry import ServiceRegistry

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Window(2 * 60, 3 * 60 + 30, timezone="Europe/Berlin", why="nightly backup")


@pytest.fixture
def in_new_york() -> Iterator[None]:
    """The machine's own zone, for a test."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "America/New_York"
    time.tzset()
    yield
    os.environ.pop("TZ")
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


def utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def on(day: str, window: Window) -> list[tuple[str, str]]:
    """The occurrences that begin on a day of the window's zone, in UTC."""
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=BERLIN)
    found = [
        (datetime.fromtimestamp(begin, UTC), datetime.fromtimestamp(end, UTC))
        for begin, end in occurrences(window, noon.timestamp())
    ]
    return [(f"{one:%H:%M}", f"{two:%H:%M}") for one, two in found if abs(one - noon) < timedelta(hours=14)][:1]


def test_on_a_usual_day_it_is_when_it_is_written() -> None:
    assert on("2026-06-10", NIGHT) == [("00:00", "01:30")]


def test_when_clocks_go_forward_a_time_that_does_not_exist_makes_it_no_shorter() -> None:
    """2026-03-29: 02:00 is 03:00. It lasts an hour and a half, as written."""
    assert on("2026-03-29", NIGHT) == [("00:00", "01:30")]
    assert on("2026-03-29", Window(150, 165, timezone="Europe/Berlin")) == [("00:30", "01:45")]


def test_when_clocks_go_back_it_covers_both_readings_of_its_times() -> None:
    """2026-10-25: 03:00 is 02:00 again. From the first 02:00 to 03:30: two hours and a half."""
    assert on("2026-10-25", NIGHT) == [("00:00", "02:30")]
    assert on("2026-10-25", Window(90, 150, timezone="Europe/Berlin")) == [("23:30", "01:30")]


def test_one_that_ends_before_it_begins_ends_on_the_next_day() -> None:
    over_midnight = Window(23 * 60, 60, timezone="UTC", days=frozenset({4}))
    friday_night = list(occurrences(over_midnight, utc("2026-06-12T23:30")))
    assert (utc("2026-06-12T23:00"), utc("2026-06-13T01:00")) in friday_night
    assert all(datetime.fromtimestamp(begin, UTC).weekday() == 4 for begin, _ in friday_night)


def test_equal_times_are_a_whole_day() -> None:
    spans = occurrences(Window(0, 0, timezone="UTC", days=frozenset({5})), utc("2026-06-12T12:00"))
    assert (utc("2026-06-13T00:00"), utc("2026-06-14T00:00")) in list(spans)


def test_without_a_zone_it_is_the_machines_own(in_new_york: None) -> None:
    spans = list(occurrences(Window(120, 180), utc("2026-06-12T12:00")))
    assert (utc("2026-06-12T06:00"), utc("2026-06-12T07:00")) in spans
    assert (utc("2026-12-12T07:00"), utc("2026-12-12T09:00")) not in spans


# --- kept in its place ---------------------------------------------------------------------------------------


class Desk:
    """The windows of one service, asked at wall times."""

    def __init__(self, *windows: Window) -> None:
        self.registry = ServiceRegistry()
        self.record = self.registry.admit(Sighting(ServiceSpec("web", "Web"), None, True), None)
        self.windows = MaintenanceWindows(self.registry)
        self.windows.adopt(windows)

    def turn(self, text: str) -> list[str]:
        return list(self.windows.turn(self.at(text)))

    def at(self, text: str) -> Instant:
        return Instant(0.0, utc(text))

    @property
    def held(self) -> str:
        return self.record.holds.get("maintenance", "")


def test_it_is_decided_again_at_its_two_edges_and_at_no_other_turn() -> None:
    desk = Desk(NIGHT)
    assert desk.turn("2026-06-09T23:00") == []
    assert desk.windows.seconds_to_edge(desk.at("2026-06-09T23:00")) == 3600
    assert desk.turn("2026-06-10T00:00") == ["web"]
    assert desk.held == "maintenance until 03:30 Europe/Berlin (nightly backup)"
    assert desk.turn("2026-06-10T01:29") == []
    assert desk.turn("2026-06-10T01:30") == ["web"]
    assert desk.held == ""


def test_a_clock_that_is_put_back_closes_and_opens_it_again() -> None:
    desk = Desk(NIGHT)
    assert desk.turn("2026-06-10T00:30") == ["web"]
    assert desk.turn("2026-06-09T20:00") == ["web"]
    assert desk.held == ""
    assert desk.turn("2026-06-10T00:10") == ["web"]


def test_who_comes_while_it_is_open_is_held_at_once() -> None:
    desk = Desk(NIGHT)
    desk.turn("2026-06-10T00:30")
    desk.registry.admit(Sighting(ServiceSpec("db", "DB"), None, True), None)
    desk.windows.adopt((NIGHT,))
    assert desk.turn("2026-06-10T00:31") == ["db"]


def test_other_windows_count_at_once() -> None:
    desk = Desk(NIGHT)
    desk.turn("2026-06-10T00:30")
    desk.windows.adopt((Window(0, 0, timezone="UTC"),))
    assert desk.turn("2026-06-10T00:31") == ["web"]
    assert desk.held == "maintenance until 00:00 UTC"
    desk.windows.adopt(())
    assert desk.turn("2026-06-10T00:32") == ["web"]
    assert desk.held == ""


def test_of_two_that_are_open_both_are_told() -> None:
    desk = Desk(NIGHT, Window(0, 0, timezone="UTC", why="audit"))
    desk.turn("2026-06-10T00:30")
    assert desk.held == "maintenance until 03:30 Europe/Berlin (nightly backup); maintenance until 00:00 UTC (audit)"
