"""Where log records go and how they look: one pipeline for ours, uvicorn's and every library's.

All of our code writes to the standard library's loggers with fields in ``extra``; only this module knows how they are
rendered. On a terminal a line is for eyes: short time, level, sentence, then ``key=value``, below it where the
terminal is too narrow for both. Redirected it is one line and carries the whole date. With
``ORCHESTRATOR_LOG_FORMAT=json`` each record is one JSON object: ``timestamp`` (ISO 8601 UTC), ``level``, ``event``
(the sentence), ``logger``, and the fields.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import sys
import textwrap
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from orchestrator.terminal import printable, printable_json

LogFormat = Literal["text", "json"]

_RESET: Final = "\x1b[0m"
_BOLD: Final = "\x1b[1m"
_DIM: Final = "\x1b[2m"
_STYLES: Final = {
    "debug": _DIM,
    "info": "\x1b[32m",
    "warning": "\x1b[33m",
    "error": "\x1b[31m",
    "critical": "\x1b[1;31m",
}
_SENTENCE_WIDTH: Final = 44
"""Fields line up behind the longest common sentences; longer ones push theirs out."""
_NARROWEST: Final = 20
"""Columns that fields are given even where the terminal has fewer."""
_NEEDS_QUOTES: Final = re.compile(r"""[\s="']|^$""")


def configure(
    log_format: LogFormat = "text",
    level: int = logging.INFO,
    stream: TextIO | None = None,
    *,
    colour: bool | None = None,
) -> None:
    """Send every record of this process to ``stream`` (standard error). Replaces what was configured before.

    ``colour`` is by default on where ``stream`` is a terminal and ``NO_COLOR`` is not set.
    """
    target = stream if stream is not None else sys.stderr
    if colour is None:
        colour = target.isatty() and not os.environ.get("NO_COLOR")
    handler = logging.StreamHandler(target)
    columns = _columns if target.isatty() else None
    handler.setFormatter(formatter(log_format, colour=colour, short_time=target.isatty(), columns=columns))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    # What they tell at INFO (process ids, "waiting for application shutdown") is ours to say, or noise.
    for chatty in ("uvicorn", "asyncio", "aiohttp", "aiodocker"):
        logging.getLogger(chatty).setLevel(level if level <= logging.DEBUG else max(level, logging.WARNING))
    # Its warnings come again with every attempt, and how a message ended is ours to say.
    logging.getLogger("apprise").propagate = False
    _route_structlog()


def formatter(
    log_format: LogFormat,
    *,
    colour: bool = False,
    short_time: bool = False,
    columns: Callable[[], int] | None = None,
) -> logging.Formatter:
    """For a handler of one's own: what :func:`configure` installs. ``columns``: how wide the terminal is now."""
    renderer: Processor = _JsonRenderer() if log_format == "json" else _TextRenderer(colour, short_time, columns)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[_add_fields],
        processors=[_describe, structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )


def _route_structlog() -> None:
    """Loggers made by ``structlog.get_logger()`` end in the standard library's, and so in the same pipeline."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _add_fields(logger: logging.Logger, method: str, event: EventDict) -> EventDict:
    """The record's ``extra``; a field named like the sentence does not replace it."""
    sentence = event["event"]
    return {**structlog.stdlib.ExtraAdder()(logger, method, event), "event": sentence}


def _describe(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take time, level and origin from the record: they are those of the writing, not of the rendering."""
    record: logging.LogRecord = event["_record"]
    event.pop("color_message", None)  # uvicorn's duplicate of its message
    exception = event.pop("exc_info", None)
    if exception is True:
        exception = sys.exc_info()
    if isinstance(exception, BaseException):
        exception = (type(exception), exception, exception.__traceback__)
    trace = "".join(traceback.format_exception(*exception)) if exception and exception[0] else ""
    event["_head"] = (record.created, record.levelname.lower(), record.name, trace.rstrip())
    return event


class _JsonRenderer:
    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> str:
        created, level, origin, trace = event.pop("_head")
        moment = datetime.fromtimestamp(created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        fixed = {"timestamp": moment, "level": level, "event": event.pop("event"), "logger": origin}
        document = {**fixed, **event, **fixed}
        if trace:
            document["exception"] = trace
        return printable_json(json.dumps(document, default=str, ensure_ascii=False))


class _TextRenderer:
    def __init__(self, colour: bool, short_time: bool, columns: Callable[[], int] | None) -> None:
        self._colour = colour
        self._short_time = short_time
        self._columns = columns

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> str:
        created, level, origin, trace = event.pop("_head")
        moment = datetime.fromtimestamp(created).astimezone()
        clock = moment.strftime("%H:%M:%S") if self._short_time else moment.isoformat(timespec="milliseconds")
        sentence = printable(str(event.pop("event")))
        if not origin.startswith("orchestrator"):
            event["logger"] = origin
        fields = [(f"{key}=", _quoted(value)) for key, value in event.items()]
        below = self._below(len(clock) + 9, sentence, " ".join(key + value for key, value in fields))
        if fields and not below:
            sentence = sentence.ljust(_SENTENCE_WIDTH)
        parts = [
            self._styled(clock, _DIM),
            self._styled(level.ljust(7), _STYLES.get(level, "")),
            self._styled(sentence, _BOLD if level not in ("debug", "info") else ""),
            *(self._styled(key, _DIM) + value for key, value in fields if not below),
        ]
        # A message of an exception holds foreign words and line ends: indented, none of its lines passes for a record.
        traced = [f"  {printable(line)}" for line in trace.splitlines()]
        return "\n".join([" ".join(parts), *(self._styled(line, _DIM) for line in below), *traced])

    def _below(self, margin: int, sentence: str, fields: str) -> list[str]:
        """The fields on lines of their own, broken between words, where they do not fit beside the sentence."""
        if self._columns is None or not fields:
            return []
        columns = max(self._columns(), margin + _NARROWEST)
        if margin + max(len(sentence), _SENTENCE_WIDTH) + 1 + len(fields) <= columns:
            return []
        indent = " " * margin
        return textwrap.wrap(
            fields,
            columns,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )

    def _styled(self, text: str, style: str) -> str:
        return f"{style}{text}{_RESET}" if self._colour and style else text


def _columns() -> int:
    return shutil.get_terminal_size().columns


def _quoted(value: object) -> str:
    text = printable(str(value))
    return '"' + text.replace('"', '\\"') + '"' if _NEEDS_QUOTES.search(text) else text
