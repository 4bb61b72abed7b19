"""Logging in: a token shown once becomes a cookie that no script reads, no other site can use, and that ends."""

from __future__ import annotations

from dataclasses import dataclass
from http.cookies import Morsel, SimpleCookie

import pytest
from fastapi import FastAPI

from orchestrator.api.app import create_app
from orchestrator.api.logins import BURST
from orchestrator.api.security import Access
from orchestrator.api.sessions import LIFETIME, MOST_ENDED, Sessions
from orchestrator.core.messages import Restart
from orchestrator.core.model import Instant
from tests.api.asgi import Answer, call
from tests.api.fakes import NOON, FakeSupervisor, a_service
from tests.api.test_services import problem

SESSION = "/api/system/session"
LOGIN = "/api/system/login"
LOGOUT = "/api/system/logout"
LIST = "/api/system/services"
RESTART = "/api/system/services/ai-llm/restart"
ADMIN = "an admin's secret of this test"
READER = "a reader's secret of this test"
OURS = {"origin": "http://127.0.0.1:8787", "sec-fetch-site": "same-origin"}


@dataclass
class WallClock:
    wall: float = NOON

    def now(self) -> Instant:
        return Instant(1000.0, self.wall)


def served(
    asked: FakeSupervisor | None = None, clock: WallClock | None = None, admin: str = ADMIN, read: str | None = READER
) -> FastAPI:
    return create_app(
        asked or FakeSupervisor([a_service("ai-llm")]), clock or WallClock(), Access("0.0.0.0", admin, read)
    )


def log_in(app: FastAPI, token: str, **more: str) -> Answer:
    return call(app, "POST", LOGIN, {"authorization": f"Bearer {token}", **OURS, **more})


def morsel(answer: Answer) -> Morsel[str]:
    (found,) = SimpleCookie(answer.headers["set-cookie"]).values()
    return found


def cookie(answer: Answer) -> dict[str, str]:
    """What a browser sends from then on, from our own page."""
    found = morsel(answer)
    return {"cookie": f"theme=dark; {found.key}={found.value}", **OURS}


def test_who_shows_the_token_once_needs_it_no_more() -> None:
    asked = FakeSupervisor([a_service("ai-llm")])
    app = served(asked)
    answer = log_in(app, ADMIN)
    assert answer.json == {"caller": "admin", "may_change": True, "token_required": True}
    assert call(app, "GET", LIST, cookie(answer)).status == 200
    assert call(app, "POST", RESTART, cookie(answer)).status == 202
    assert asked.commands == [("ai-llm", Restart("the admin token from 127.0.0.1"))]


def test_scripts_and_other_sites_do_not_get_the_cookie() -> None:
    found = morsel(log_in(served(), ADMIN))
    assert (found["httponly"], found["samesite"], found["path"]) == (True, "strict", "/")
    assert int(found["max-age"]) == LIFETIME
    assert found["domain"] == ""
    assert ADMIN not in found.value


@pytest.mark.parametrize(("origin", "secure"), [("http://127.0.0.1:8787", False), ("https://127.0.0.1:8787", True)])
def test_behind_tls_it_is_not_sent_without(origin: str, secure: bool) -> None:
    found = morsel(log_in(served(), ADMIN, origin=origin))
    assert bool(found["secure"]) is secure


def test_who_has_the_read_token_logs_in_to_read() -> None:
    app = served()
    answer = log_in(app, READER)
    assert answer.json == {"caller": "reader", "may_change": False, "token_required": True}
    assert call(app, "GET", LIST, cookie(answer)).status == 200
    problem(call(app, "POST", RESTART, cookie(answer)), 403, "read_only")
    assert call(app, "POST", LOGOUT, cookie(answer)).status == 204


def test_a_wrong_token_is_no_login() -> None:
    answer = log_in(served(), "wrong")
    problem(answer, 401, "unauthorized")
    assert "set-cookie" not in answer.headers


def test_guessing_at_the_login_is_stopped() -> None:
    app = served()
    for _ in range(BURST):
        problem(log_in(app, "wrong"), 401, "unauthorized")
    problem(log_in(app, ADMIN), 429, "too_many_failures")


def test_a_page_of_another_site_logs_nobody_in() -> None:
    problem(log_in(served(), ADMIN, origin="https://evil.example"), 403, "cross_site")


@pytest.mark.parametrize("headers", [{}, {"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}])
def test_the_cookie_alone_changes_nothing(headers: dict[str, str]) -> None:
    asked = FakeSupervisor([a_service("ai-llm")])
    app = served(asked)
    sent = {"cookie": cookie(log_in(app, ADMIN))["cookie"], **headers}
    problem(call(app, "POST", RESTART, sent), 403, "cross_site")
    assert asked.commands == []


def test_a_session_outlives_our_restart_and_not_the_token() -> None:
    sent = cookie(log_in(served(), ADMIN))
    assert call(served(), "GET", LIST, sent).status == 200
    problem(call(served(admin="another secret of this test"), "GET", LIST, sent), 401, "unauthorized")


def test_a_session_ends_by_itself() -> None:
    clock = WallClock()
    app = served(clock=clock)
    sent = cookie(log_in(app, ADMIN))
    clock.wall += LIFETIME - 1
    assert call(app, "GET", LIST, sent).status == 200
    clock.wall += 1
    problem(call(app, "GET", LIST, sent), 401, "unauthorized")


def test_who_logs_out_is_out_also_with_a_copy_of_the_cookie() -> None:
    app = served()
    sent = cookie(log_in(app, ADMIN))
    others = cookie(log_in(app, ADMIN))
    answer = call(app, "POST", LOGOUT, sent)
    assert answer.status == 204
    assert (morsel(answer).value, morsel(answer)["max-age"]) == ("", "0")
    problem(call(app, "GET", LIST, sent), 401, "unauthorized")
    assert call(app, "GET", LIST, others).status == 200


@pytest.mark.parametrize("change", ["role", "expiry", "nonce", "seal", "cut", "empty", "foreign letters"])
def test_a_cookie_that_was_changed_is_none(change: str) -> None:
    app = served()
    found = morsel(log_in(app, READER))
    role, expires, nonce, seal = found.value.split(".")
    forged = {
        "role": f"admin.{expires}.{nonce}.{seal}",
        "expiry": f"{role}.{int(expires) + 1}.{nonce}.{seal}",
        "nonce": f"{role}.{expires}.{nonce[::-1]}.{seal}",
        "seal": f"{role}.{expires}.{nonce}.{'0' * len(seal)}",
        "cut": f"{role}.{expires}.{nonce}",
        "empty": "",
        "foreign letters": f"{role}.{expires}.{nonce}.\u00e9",
    }[change]
    problem(call(app, "GET", LIST, {"cookie": f"{found.key}={forged}"}), 401, "unauthorized")


def test_a_forged_cookie_does_not_count_as_a_wrong_token() -> None:
    app = served()
    name = morsel(log_in(app, ADMIN)).key
    for _ in range(2 * BURST):
        problem(call(app, "GET", LIST, {"cookie": f"{name}=admin.1.2.3"}), 401, "unauthorized")
    assert log_in(app, ADMIN).status == 200


def test_a_token_that_is_shown_goes_before_the_session() -> None:
    app = served()
    sent = cookie(log_in(app, ADMIN)) | {"authorization": f"Bearer {READER}"}
    assert call(app, "GET", SESSION, sent).json["caller"] == "reader"
    problem(call(app, "POST", RESTART, sent), 403, "read_only")


def test_two_orchestrators_on_one_machine_do_not_log_each_other_out() -> None:
    one, other = (morsel(log_in(served(admin=admin), admin)).key for admin in (ADMIN, "another secret of this test"))
    assert one != other


def test_without_a_token_there_is_nothing_to_log_in_to() -> None:
    app = create_app(FakeSupervisor(), WallClock())
    for method, path in (("GET", SESSION), ("POST", LOGIN)):
        answer = call(app, method, path)
        assert answer.json == {"caller": "local", "may_change": True, "token_required": False}
        assert "set-cookie" not in answer.headers


def test_ended_sessions_are_remembered_within_bounds() -> None:
    clock = WallClock()
    sessions = Sessions(clock, ADMIN)
    ended = []
    for _ in range(MOST_ENDED + 1):
        clock.wall += 1
        ended.append(f"{sessions.cookie}={sessions.begin('admin')}")
        sessions.end(ended[-1])
    assert sessions.role(ended[-1]) is None
    assert sessions.role(ended[0]) == "admin", "the oldest is forgotten"
    clock.wall += LIFETIME
    assert sessions.role(ended[0]) is None
