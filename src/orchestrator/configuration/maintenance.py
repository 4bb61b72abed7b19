"""The configuration file's ``maintenance``: a list of recurring windows. Pure but for the list of time zones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from orchestrator.configuration import values
from orchestrator.configuration.keys import Key, Settings, read_mapping
from orchestrator.core.model import Category
from orchestrator.core.windows import EVERY_DAY, Window
from orchestrator.errors import Problem

SECTION: Final = "maintenance"

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TIME: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def read_windows(written: object, source: str) -> tuple[tuple[Window, ...], tuple[Problem, ...]]:
    """The windows that can be used, and what is wrong with the rest: one with any problem does not count."""
    if written is None:
        return (), ()
    if not isinstance(written, list):
        return (), (Problem(source, SECTION, f"{values.in_words(written)} is not a list of windows"),)
    windows: list[Window] = []
    problems: list[Problem] = []
    for index, each in enumerate(written):
        where = f"{SECTION}[{index}]"
        if not isinstance(each, dict):
            problems.append(Problem(source, where, f"{values.in_words(each)} is not a mapping of keys"))
            continue
        reading = read_mapping(each, WINDOW_KEYS, source, where)
        absent = [key for key in ("from", "to") if each.get(key) is None]
        found = [*reading.problems, *(Problem(source, f"{where}.{key}", "is missing; write 02:00") for key in absent)]
        problems.extend(found)
        if not found:
            windows.append(_window(reading.settings))
    return tuple(windows), tuple(problems)


def _window(settings: Settings) -> Window:
    given: dict[str, Any] = {key: setting.value for key, setting in settings.items()}
    return Window(
        begins=given["from"],
        ends=given["to"],
        days=given.get("days", EVERY_DAY),
        timezone=given.get("timezone"),
        why=given.get("why", ""),
        services=frozenset(given.get("services", ())),
        projects=frozenset(given.get("projects", ())),
        categories=frozenset(given.get("categories", ())),
    )


def time_of_day(value: object) -> int:
    """Minutes after midnight."""
    found = TIME.fullmatch(str(value).strip())
    if found is None:
        raise ValueError(f"{values.in_words(value)} is not a time of day; write 02:00")
    return int(found[1]) * 60 + int(found[2])


def days(value: object) -> frozenset[int]:
    """``daily``, one day or several; a day may be written out."""
    words = [str(each).strip().lower() for each in (value if isinstance(value, list) else str(value).split(","))]
    if words == ["daily"]:
        return EVERY_DAY
    unknown = next((word for word in words if word[:3] not in DAYS or not _full(word).startswith(word)), None)
    if unknown is not None or not words:
        raise ValueError(f"{values.in_words(unknown or value)} is no day; write daily, or some of {', '.join(DAYS)}")
    return frozenset(DAYS.index(word[:3]) for word in words)


def _full(word: str) -> str:
    names = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    return names[DAYS.index(word[:3])]


def timezone(value: object) -> str:
    name = values.text(value)
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"{values.in_words(value)} is no time zone known here; write one such as Europe/Berlin (the system's "
            "package tzdata has them), or leave it out for the machine's own"
        ) from None
    return name


def categories(value: object) -> tuple[Category, ...]:
    """One, or several as a list or separated by commas."""
    read = values.OneOf(tuple(Category))
    return tuple(Category(read(each)) for each in (value if isinstance(value, list) else str(value).split(",")))


WINDOW_KEYS: Final[Mapping[str, Key]] = {
    "from": Key(time_of_day, "when it begins, by the clock on the wall"),
    "to": Key(time_of_day, "when it ends: where that is not after `from`, on the next day; equal times are 24 hours"),
    "days": Key(days, "on which it begins: `daily`, or some of `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`"),
    "timezone": Key(timezone, "`Europe/Berlin`, `UTC`: names of the system's time zone database"),
    "why": Key(values.text, "shown with those who are held"),
    "services": Key(values.service_names, "whose it is, with `projects` and `categories`: any of the named"),
    "projects": Key(values.service_names, "compose projects; see `services`"),
    "categories": Key(categories, "categories; see `services`"),
}
