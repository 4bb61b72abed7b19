"""One value at a time: what was written, as text or as YAML, to what is meant. Pure.

Every reader takes a YAML scalar or list, or the text of a label or variable, and returns the value or raises
:class:`ValueError` with what is wrong and what would be right.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final
from urllib.parse import urlsplit

from orchestrator.core import resources
from orchestrator.core.graph import RESOURCES

Reader = Callable[[object], object]

LONGEST: Final = 366 * 86400.0
"""Seconds; a longer duration is a mistake of unit."""

_BEYOND: Final = 10**12
"""Seconds; larger numbers are as wrong, and may be too large to compute with."""

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
DURATION: Final = re.compile(r"(?:\d+(?:\.\d+)? *(?:ms|s|m|h|d) *)+")
_DURATION_PART: Final = re.compile(r"(\d+(?:\.\d+)?) *(ms|s|m|h|d)")
_SIZE_UNITS: Final = {"": 1, "MB": 10**6, "GB": 10**9, "MIB": 2**20, "GIB": 2**30}
SIZE: Final = re.compile(r"(\d{1,18}(?:\.\d{1,18})?) *(|[MmGg][Ii]?[Bb])")
SMALLEST_SIZE: Final = 10**6
LARGEST_SIZE: Final = 10**13
PLAIN_SECONDS: Final = re.compile(r"\d+(?:\.\d+)?")
INTEGER: Final = re.compile(r"\s*[-+]?\d{1,18}\s*")
SERVICE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
TRUE: Final = frozenset({"true", "yes", "on", "1"})
FALSE: Final = frozenset({"false", "no", "off", "0"})
STATUS: Final = re.compile(r"([1-5]\d\d)(?:-([1-5]\d\d))?|([1-5])xx")


def in_words(value: object) -> str:
    """A value as its writer would recognise it, short enough for one line."""
    match value:
        case bool():
            return "true" if value else "false"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case None:
            return "nothing"
        case _:
            text = repr(value) if isinstance(value, str) else str(value)
            return text if len(text) <= 60 else f"{text[:57]}..."


def seconds_in_words(seconds: float) -> str:
    """``3 s``, ``0.5 s``."""
    return f"{seconds:g} s"


def did_you_mean(word: str, known: Sequence[str], prefix: str = "") -> str:
    """``; did you mean 'x'?`` or nothing. ``prefix`` is what every known word starts with and is not compared."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {prefix + close[0]!r}?" if close else ""


@dataclass(frozen=True, slots=True)
class Duration:
    """Seconds, from ``500ms``, ``5s``, ``2m``, ``1h30m`` or a plain number of seconds."""

    shortest: float = 0.0
    longest: float = LONGEST

    def __call__(self, value: object) -> float:
        seconds = _seconds(value)
        if seconds is None:
            raise ValueError(f"{in_words(value)} is not a duration; write 500ms, 5s, 2m, 1h or a number of seconds")
        if seconds < 0:
            raise ValueError(f"{in_words(value)} is negative; a duration is 0 or more")
        if seconds < self.shortest:
            raise ValueError(f"{in_words(value)} is too short; the least is {seconds_in_words(self.shortest)}")
        if not seconds <= self.longest:
            most = "366d" if self.longest == LONGEST else seconds_in_words(self.longest)
            raise ValueError(f"{in_words(value)} is too long; the most is {most}")
        return seconds


def _seconds(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return float(max(min(value, _BEYOND), -_BEYOND))
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if not isinstance(value, str):
        return None
    text = value.strip()
    sign = -1.0 if text.startswith("-") else 1.0
    text = text.removeprefix("-")
    if PLAIN_SECONDS.fullmatch(text):
        return sign * float(text)
    if DURATION.fullmatch(text):
        return sign * sum(float(number) * _UNITS[unit] for number, unit in _DURATION_PART.findall(text))
    return None


def size(value: object) -> int:
    """Bytes, from ``4GB``, ``14.7GB``, ``3000MB``, ``4GiB`` or a plain number of bytes. A GB is 10^9 bytes."""
    written = "" if isinstance(value, bool) else str(value).strip()
    found = SIZE.fullmatch(written)
    if found is None:
        raise ValueError(f"{in_words(value)} is not a size; write 4GB, 14.7GB, 3000MB or 4GiB")
    amount = float(found[1]) * _SIZE_UNITS[found[2].upper()]
    if not SMALLEST_SIZE <= amount <= LARGEST_SIZE:
        raise ValueError(f"{in_words(value)} is no likely size; use 1MB to 10000GB")
    return round(amount)


@dataclass(frozen=True, slots=True)
class WholeNumber:
    least: int
    most: int

    def __call__(self, value: object) -> int:
        number = _integer(value)
        if number is None:
            raise ValueError(f"{in_words(value)} is not a whole number")
        if not self.least <= number <= self.most:
            raise ValueError(f"{in_words(value)} is out of range; use {self.least} to {self.most}")
        return number


def _integer(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and INTEGER.fullmatch(value):
        return int(value)
    return None


def port(value: object) -> int:
    number = _integer(value)
    if number is None:
        raise ValueError(f"{in_words(value)} is not a port; use a number from 1 to 65535")
    if not 1 <= number <= 65535:
        raise ValueError(f"{in_words(value)} is no valid port; use 1 to 65535")
    return number


def switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise ValueError(f"{in_words(value)} is neither true nor false")


def text(value: object) -> str:
    if isinstance(value, bool | dict | list) or value is None or not str(value).strip():
        raise ValueError(f"{in_words(value)} is not a text")
    return str(value).strip()


def host(value: object) -> str:
    written = text(value)
    if re.search(r"[\s/]", written):
        raise ValueError(f"{in_words(value)} is not a host; write a name or an address, without scheme, path or port")
    return written.removeprefix("[").removesuffix("]")


def http_url(value: object) -> str:
    """An address that may be a secret: what is wrong with it is said without it."""
    written = value.strip() if isinstance(value, str) else ""
    try:
        parts = urlsplit(written)
        usable = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("it is no address to ask; write http://HOST/PATH or https://HOST/PATH")
    return written


def service_name(value: object) -> str:
    written = text(value)
    if not SERVICE_NAME.fullmatch(written):
        raise ValueError(f"{in_words(value)} is not a service name; use letters, digits, '-', '_' and '.'")
    return written


def own_name(value: object) -> str:
    """A service's own name: none that means a resource of the host."""
    written = service_name(value)
    if written in RESOURCES:
        raise ValueError(f"{written!r} names a resource of the host; give the service another name")
    return written


def service_names(value: object) -> tuple[str, ...]:
    """From a list, or comma-separated text; each once, in the order written. Empty text is no name."""
    return tuple(dict.fromkeys(_partner(each) for each in _listed(value)))


def dependencies(value: object) -> tuple[str, ...]:
    """As :func:`service_names`, and resources of the host among them."""
    return tuple(dict.fromkeys(_dependency(each) for each in _listed(value)))


def _listed(value: object) -> list[object]:
    if isinstance(value, dict | bool) or value is None:
        raise ValueError(f"{in_words(value)} is not a list of service names")
    return value if isinstance(value, list) else [each for each in str(value).split(",") if each.strip()]


def _partner(value: object) -> str:
    if resources.is_resource(str(value)):
        raise ValueError(f"{in_words(value)} is no service, and is never restarted; write it under requires or wants")
    return service_name(value)


def _dependency(value: object) -> str:
    written = text(value)
    if not resources.is_resource(written):
        return service_name(written)
    resources.read(written)
    return written


@dataclass(frozen=True, slots=True)
class OneOf:
    words: tuple[str, ...]

    def __call__(self, value: object) -> str:
        word = in_words(value) if isinstance(value, bool) else str(value).strip().lower()
        if word in self.words:
            return word
        listed = ", ".join(self.words[:-1]) + f" or {self.words[-1]}"
        raise ValueError(f"{in_words(value)} is not known; use {listed}")


def patterns(value: object) -> tuple[str, ...]:
    """One name pattern or a list of them."""
    written = value if isinstance(value, list) else [value]
    if not written:
        raise ValueError("the list is empty; write a container name, * and ? allowed")
    return tuple(text(each) for each in written)


def cache_keys(value: object) -> tuple[str, ...]:
    """Patterns of Redis keys, each with a beginning of its own: one that fits every key would be a flush."""
    written = patterns(value)
    blind = next((each for each in written if not re.match(r"[^*?\[\\]", each)), None)
    if blind is not None:
        raise ValueError(
            f"{in_words(blind)} may fit any key, also what is no cache; begin it with a name, as in cache:*"
        )
    return written


def status_codes(value: object) -> tuple[int, ...]:
    """``200``, ``200-299``, ``2xx``, or several in a list or separated by commas."""
    if isinstance(value, bool | dict) or value is None:
        raise ValueError(f"{in_words(value)} is not an HTTP status; write 200, 200-299 or 2xx")
    written = value if isinstance(value, list) else str(value).split(",")
    codes: dict[int, None] = {}
    for each in written:
        found = STATUS.fullmatch(str(each).strip())
        if found is None:
            raise ValueError(f"{in_words(each)} is not an HTTP status; write 200, 200-299 or 2xx")
        first, last, hundreds = found.groups()
        low, high = (int(hundreds) * 100, int(hundreds) * 100 + 99) if hundreds else (int(first), int(last or first))
        if high < low:
            raise ValueError(f"{in_words(each)} runs backwards")
        codes.update(dict.fromkeys(range(low, high + 1)))
    if not codes:
        raise ValueError("no HTTP status is listed; write 200, 200-299 or 2xx")
    return tuple(codes)


# --- check methods: False says "not this one" -----------------------------------------------------------------


def http_path(value: object) -> str | bool:
    if _declined(value):
        return False
    written = "" if isinstance(value, bool) else text(value)
    if not written.startswith("/") or re.search(r"\s", written):
        raise ValueError(
            f"{in_words(value)} is not a path; write one that starts with '/', such as /health "
            "(host and port are keys of their own)"
        )
    return written


def command(value: object) -> str | tuple[str, ...] | bool:
    """Text for the container's shell, or a list of the program and its arguments."""
    if _declined(value):
        return False
    if isinstance(value, list):
        if not value or any(isinstance(each, dict | list) or each is None for each in value):
            raise ValueError("a command's list holds the program and its arguments, each a text")
        return tuple(in_words(each) if isinstance(each, bool) else str(each) for each in value)
    return text(value)


def network_check(value: object) -> int | bool:
    """``true``, or the port to ask."""
    if _declined(value):
        return False
    if value is True or str(value).strip().lower() in TRUE - {"1"}:
        return True
    return port(value)


def postgres_check(value: object) -> str | bool:
    """``true``, or the user to ask for."""
    if _declined(value):
        return False
    if value is True or str(value).strip().lower() in TRUE:
        return True
    return text(value)


def _declined(value: object) -> bool:
    return value is False or (isinstance(value, str) and value.strip().lower() in FALSE - {"0"})
