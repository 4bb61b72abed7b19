"""Tokens that read or change, wrong tokens, large bodies, and what every answer forbids a browser."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from starlette.types import Message

from orchestrator.api import tokens
from orchestrator.api.app import create_app
from orchestrator.api.envelope import LARGEST_BODY, bounded_body
from orchestrator.api.logins import BURST, REFILL, FailedLogins
from orchestrator.api.problems import ProblemResponse
from orchestrator.api.security import Access
from orchestrator.core.messages import Restart
from orchestrator.core.model import Instant
from orchestrator.runtime.requests import Requester
from tests.api.asgi import Answer, call
from tests.api.fakes import NOON, FakeSupervisor, StoppedClock, a_service
from tests.api.test_services import problem

LIST = "/api/system/services"
RESTART = "/api/system/services/ai-llm/restart"
ADMIN = "an admin's secret of this test"
READER = "a reader's secret of this test"


@dataclass
class SetClock:
    moment: float = 1000.0

    def now(self) -> Instant:
        return Instant(self.moment, NOON)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def supervisor() -> FakeSupervisor:
    return FakeSupervisor([a_service("ai-llm")])


def served(asked: FakeSupervisor, clock: SetClock | None = None) -> FastAPI:
    return create_app(asked, clock or SetClock(), Access("0.0.0.0", ADMIN, READER))


# --- reading and changing -----------------------------------------------------------------------------------


def test_the_read_token_reads() -> None:
    assert call(served(supervisor()), "GET", LIST, bearer(READER)).status == 200


@pytest.mark.parametrize("verb", ["restart", "start", "stop", "enable", "disable", "hold", "release"])
def test_the_read_token_changes_nothing(verb: str) -> None:
    asked = supervisor()
    problem(call(served(asked), "POST", f"{LIST}/ai-llm/{verb}", bearer(READER)), 403, "read_only")
    assert asked.commands == []


def test_a_read_token_alone_still_only_reads_on_loopback() -> None:
    app = create_app(supervisor(), StoppedClock(), Access(read_token=READER))
    assert call(app, "GET", LIST, bearer(READER)).status == 200
    problem(call(app, "POST", RESTART, bearer(READER)), 403, "read_only")
    assert call(app, "POST", RESTART).status == 202


def test_the_cause_says_who_asked_and_from_where() -> None:
    asked = supervisor()
    call(served(asked), "POST", RESTART, bearer(ADMIN))
    assert asked.commands == [("ai-llm", Restart("the admin token from 127.0.0.1"))]
    assert asked.requesters == [Requester("the admin token", "127.0.0.1")]


@pytest.mark.parametrize("path", ["/api/system/health/full", "/api/system/health/events", LIST, "/nowhere"])
@pytest.mark.parametrize("token", [ADMIN, READER, "wrong"])
def test_no_answer_shows_a_token(path: str, token: str) -> None:
    answer = call(served(supervisor()), "GET", path, bearer(token))
    assert token.encode() not in answer.body
    assert not any(one in str(answer.headers) for one in (ADMIN, READER))


def test_no_representation_shows_a_token() -> None:
    access = Access("0.0.0.0", ADMIN, READER)
    assert not any(one in f"{access!r} {access.tokens!r}" for one in (ADMIN, READER))


# --- tokens that must not be used ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("admin", "read", "words"),
    [(ADMIN, ADMIN, "is the same as"), (f" {ADMIN}", None, "cannot be sent"), (ADMIN, "caf\u00e9" * 5, "cannot be")],
)
def test_tokens_that_do_not_protect_keep_it_from_starting(admin: str, read: str | None, words: str) -> None:
    with pytest.raises(tokens.UnusableTokens, match=words) as refused:
        tokens.check(admin, read)
    assert ADMIN not in str(refused.value)


@pytest.mark.parametrize(
    ("admin", "read", "words"),
    [
        ("short", None, "fewer than 16"),
        (None, READER, "every user of this machine"),
        (ADMIN, "short", "API_READ_TOKEN"),
    ],
)
def test_weak_tokens_are_warned_of(admin: str | None, read: str | None, words: str) -> None:
    (warning,) = tokens.check(admin, read)
    assert words in warning
    assert "short" not in warning


def test_good_tokens_are_not_talked_about() -> None:
    assert list(tokens.check(ADMIN, READER)) == []
    assert list(tokens.check(None, None)) == []


# --- wrong tokens -------------------------------------------------------------------------------------------


def exhaust(app: FastAPI) -> Answer:
    for _ in range(BURST):
        problem(call(app, "GET", LIST, bearer("wrong")), 401, "unauthorized")
    return call(app, "GET", LIST, bearer("wrong"))


def test_guessing_is_stopped_and_told_when_it_may_go_on() -> None:
    clock = SetClock()
    app = served(supervisor(), clock)
    answer = exhaust(app)
    problem(answer, 429, "too_many_failures")
    problem(call(app, "GET", LIST, bearer(ADMIN)), 429, "too_many_failures")
    clock.moment += float(answer.headers["retry-after"])
    assert call(app, "GET", LIST, bearer(ADMIN)).status == 200


def test_asking_without_any_token_is_no_guess() -> None:
    app = served(supervisor())
    for _ in range(3 * BURST):
        problem(call(app, "GET", LIST), 401, "unauthorized")
    assert call(app, "GET", LIST, bearer(ADMIN)).status == 200


def test_failures_of_one_address_lock_out_no_other() -> None:
    logins = FailedLogins(SetClock())
    for _ in range(3 * BURST):
        logins.failed("10.0.0.5")
        logins.failed("2001:db8::5")
    assert logins.wait("10.0.0.5") > 0
    assert logins.wait("2001:db8::6") > 0, "one client has the whole /64"
    assert logins.wait("10.0.0.6") == 0
    assert logins.wait("2001:db8:0:1::5") == 0


def test_one_more_guess_is_allowed_as_time_passes() -> None:
    clock = SetClock()
    logins = FailedLogins(clock)
    for _ in range(BURST):
        logins.failed("10.0.0.5")
    assert logins.wait("10.0.0.5") == REFILL
    clock.moment += REFILL
    assert logins.wait("10.0.0.5") == 0


def test_the_table_of_addresses_is_bounded() -> None:
    logins = FailedLogins(SetClock(), most=8)
    for number in range(100):
        logins.failed(f"10.0.0.{number}")
    assert len(logins) == 8


def test_the_log_tells_of_refusals_rarely_and_without_what_was_sent(caplog: pytest.LogCaptureFixture) -> None:
    app = served(supervisor())
    with caplog.at_level(logging.WARNING, "orchestrator"):
        for _ in range(5):
            call(app, "GET", "/secret-path", bearer("wrong-token"))
    (line,) = caplog.records
    assert line.getMessage() == "Request refused"
    assert not any(word in str(vars(line)) for word in ("wrong-token", "secret-path"))


# --- bodies and headers -------------------------------------------------------------------------------------


def test_an_announced_body_that_is_too_large_is_refused() -> None:
    asked = supervisor()
    answer = call(served(asked), "POST", RESTART, {**bearer(ADMIN), "content-length": str(LARGEST_BODY + 1)})
    problem(answer, 413, "too_large")
    assert asked.commands == []


@pytest.mark.parametrize(("chunks", "refused"), [(16, False), (17, True)])
def test_chunks_are_counted(chunks: int, refused: bool) -> None:
    sent = iter(range(chunks))

    async def receive() -> Message:
        number = next(sent)
        return {"type": "http.request", "body": b"x" * 4096, "more_body": number + 1 < chunks}

    scope = {"type": "http", "path": "/", "headers": [(b"transfer-encoding", b"chunked")]}
    bounded = asyncio.run(bounded_body(scope, receive))
    assert isinstance(bounded, ProblemResponse) is refused


@pytest.mark.parametrize("path", [LIST, "/api/system/health/live", "/nowhere", "/openapi.json"])
@pytest.mark.parametrize("headers", [{}, bearer(ADMIN)])
def test_every_answer_forbids_what_no_answer_needs(path: str, headers: dict[str, str]) -> None:
    answered = call(served(supervisor()), "GET", path, headers).headers
    assert answered["x-content-type-options"] == "nosniff"
    assert answered["content-security-policy"].startswith("default-src 'none'")
    assert answered["x-frame-options"] == "DENY"
    assert answered["referrer-policy"] == "no-referrer"
    assert answered["cache-control"] == "no-store"
