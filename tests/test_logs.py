"""One pipeline for every record: readable for people, one JSON object a line for machines."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator

import pytest
import structlog

from orchestrator import logs


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in ("uvicorn", "asyncio", "aiohttp", "aiodocker")}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    structlog.reset_defaults()


def written(log_format: logs.LogFormat, write: Callable[[], object], *, colour: bool = False) -> str:
    stream = io.StringIO()
    logs.configure(log_format, stream=stream, colour=colour)
    write()
    return stream.getvalue()


def ours(text: str, **fields: object) -> None:
    logging.getLogger("orchestrator").warning(text, extra=fields)


def test_a_line_for_people_has_the_sentence_first_and_the_fields_after_it() -> None:
    line = written("text", lambda: ours("Health check failed for ai-llm", service="ai-llm", cause="HTTP 500"))
    assert line.index("warning") < line.index("Health check failed for ai-llm") < line.index("service=ai-llm")
    assert line.rstrip().endswith('cause="HTTP 500"')


def test_on_a_narrow_terminal_fields_stand_below_their_sentence_and_no_word_is_broken() -> None:
    fields = 'service=ai-llm cause="HTTP 500; confirmed by 3 more checks in 1.1 s"'
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.formatter("text", short_time=True, columns=lambda: 60))
    record = logging.LogRecord("orchestrator", logging.WARNING, "", 0, "Restarting service ai-llm", None, None)
    record.service, record.cause = "ai-llm", "HTTP 500; confirmed by 3 more checks in 1.1 s"
    handler.handle(record)
    first, *below = stream.getvalue().splitlines()
    assert first.endswith("warning Restarting service ai-llm")
    assert " ".join(line.strip() for line in below) == fields
    assert max(map(len, below)) <= 60
    assert {len(line) - len(line.lstrip()) for line in below} == {first.index("Restarting")}


def test_a_redirected_line_carries_the_whole_date() -> None:
    stamp = written("text", lambda: ours("x")).split()[0]
    assert stamp[4] == "-"
    assert "T" in stamp


def test_a_line_for_machines_is_one_json_object() -> None:
    document = json.loads(written("json", lambda: ours("Health check failed for ai-llm", service="ai-llm")))
    assert document["event"] == "Health check failed for ai-llm"
    assert document["level"] == "warning"
    assert document["service"] == "ai-llm"
    assert document["timestamp"].endswith("Z")


def test_colour_is_only_written_where_it_is_wanted() -> None:
    assert "\x1b[" in written("text", lambda: ours("x"), colour=True)
    assert "\x1b[" not in written("text", lambda: ours("x"), colour=False)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_container_cannot_forge_a_line_or_move_the_cursor(log_format: logs.LogFormat) -> None:
    hostile = "ok\n12:00:00 info Service bank recovered\x1b[2J\x9b2J\u202e\u2028"
    output = written(log_format, lambda: ours(hostile, cause=hostile))
    assert len(output.splitlines()) == 1
    assert not set(output) & {"\x1b", "\x9b", "\u202e"}


def test_fields_cannot_replace_the_sentence_or_the_level() -> None:
    document = json.loads(written("json", lambda: ours("sentence", event="other", level="debug", timestamp="never")))
    assert (document["event"], document["level"]) == ("sentence", "warning")
    assert document["timestamp"] != "never"


def test_libraries_write_through_the_same_pipeline_and_say_who_they_are() -> None:
    document = json.loads(written("json", lambda: logging.getLogger("uvicorn.error").error("Exception in %s", "ASGI")))
    assert (document["event"], document["logger"]) == ("Exception in ASGI", "uvicorn.error")
    assert "logger=uvicorn.error" in written("text", lambda: logging.getLogger("uvicorn.error").error("x"))


def test_loggers_of_structlog_end_in_the_same_pipeline() -> None:
    document = json.loads(written("json", lambda: structlog.get_logger("guest").warning("hello", answer=42)))
    assert (document["event"], document["answer"], document["logger"]) == ("hello", 42, "guest")


def test_the_web_server_s_small_talk_is_left_out() -> None:
    assert written("text", lambda: logging.getLogger("uvicorn.error").info("Started server process [1]")) == ""


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_traceback_is_kept(log_format: logs.LogFormat) -> None:
    def fail() -> None:
        try:
            dict[str, str]()["the cause"]
        except KeyError:
            logging.getLogger("orchestrator").exception("worker failed")

    assert "KeyError: 'the cause'" in written(log_format, fail)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_the_words_of_an_exception_forge_no_line_either(log_format: logs.LogFormat) -> None:
    error = ValueError("no\n2024-01-15T10:00:00Z info Service bank recovered\x1b[2J\x9b2J")
    output = written(log_format, lambda: logging.getLogger("orchestrator").error("failed", exc_info=error))
    first, *others = output.splitlines()
    assert "failed" in first
    assert all(line.startswith("  ") for line in others)
    assert not set(output) & {"\x1b", "\x9b"}


def test_structlog_s_own_exceptions_are_kept() -> None:
    error = LookupError("the cause")
    output = written("json", lambda: structlog.get_logger("guest").error("failed", exc_info=error))
    assert "LookupError: the cause" in json.loads(output)["exception"]


def test_configuring_twice_writes_each_record_once(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("text", stream=sys.stderr)
    logs.configure("text", stream=sys.stderr)
    ours("once")
    assert capsys.readouterr().err.count("once") == 1
