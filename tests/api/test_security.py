"""Who may ask: the local user, or who holds the token; never a web page of another site."""

from __future__ import annotations

import pytest
from fastapi import FastAPI

from orchestrator.api.app import create_app
from orchestrator.api.security import Access, is_loopback
from tests.api.asgi import call
from tests.api.fakes import FakeSupervisor, StoppedClock, a_service
from tests.api.test_services import problem

LIST = "/api/system/services"
RESTART = "/api/system/services/ai-llm/restart"
TOKEN = "correct horse battery staple"  # a passphrase of this test


def served(supervisor: FakeSupervisor, access: Access | None = None) -> FastAPI:
    return create_app(supervisor, StoppedClock(), access)


def supervisor() -> FakeSupervisor:
    return FakeSupervisor([a_service("ai-llm")])


# --- loopback -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8787", "127.0.0.1:8787", "127.1.2.3", "[::1]:8787", "LOCALHOST"]
)
def test_this_machine_s_names_are_served(host: str) -> None:
    assert call(served(supervisor()), "GET", LIST, {"host": host}).status == 200


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example", "", "10.0.0.5"),
        *("localhost.", "0.0.0.0:8787", "2130706433", "[::1", "[::1]evil.example", "[::1]:8787.evil.example"),
        *("evil.example@127.0.0.1", "127.0.0.1/evil", "127.0.0.1#evil", "127.0.0.1?x", "127.0.0.1, evil.example"),
        "[::ffff:7f00:1",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_name_made_to_resolve_to_us_is_refused(host: str, method: str) -> None:
    asked = supervisor()
    target = LIST if method == "GET" else RESTART
    problem(call(served(asked), method, target, {"host": host}), 403, "foreign_host")
    assert asked.commands == []


def test_the_bound_host_s_own_name_is_served() -> None:
    access = Access(bound_host="gpu-box")
    assert call(served(supervisor(), access), "GET", LIST, {"host": "gpu-box:8787"}).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:3000"},
        {"origin": "null"},
        {"origin": "http://[broken"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_page_of_another_site_cannot_change_anything(headers: dict[str, str]) -> None:
    asked = supervisor()
    problem(call(served(asked), "POST", RESTART, headers), 403, "cross_site")
    assert asked.commands == []


@pytest.mark.parametrize(
    "headers", [{}, {"origin": "http://127.0.0.1:8787", "sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}]
)
def test_our_own_pages_and_the_command_line_may_change_things(headers: dict[str, str]) -> None:
    assert call(served(supervisor()), "POST", RESTART, headers).status == 202


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
    ],
)
def test_a_page_of_another_site_cannot_make_a_browser_read_anything(headers: dict[str, str]) -> None:
    for method in ("GET", "HEAD", "OPTIONS"):
        answer = call(served(supervisor()), method, f"{LIST}/ai-llm/logs?follow=true", headers)
        problem(answer, 403, "cross_site")


def test_a_link_of_another_site_may_lead_here_and_change_nothing() -> None:
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert call(served(supervisor()), "GET", LIST, link).status == 200
    problem(call(served(supervisor()), "POST", RESTART, link), 403, "cross_site")


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "DELETE", "CONNECT", "PROPFIND"])
def test_only_a_post_restarts(method: str) -> None:
    asked = supervisor()
    problem(call(served(asked), method, RESTART), 405, "http")
    assert asked.commands == []


# --- token --------------------------------------------------------------------------------------------------


def test_with_the_token_everything_is_served_under_any_name() -> None:
    headers = {"authorization": f"Bearer {TOKEN}", "host": "gpu-box.lan"}
    app = served(supervisor(), Access("0.0.0.0", TOKEN))
    assert call(app, "GET", LIST, headers).status == 200
    assert call(app, "POST", RESTART, headers).status == 202


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \u00e9"]
)
@pytest.mark.parametrize("bound", ["127.0.0.1", "0.0.0.0"])
def test_without_the_token_nothing_is_served_once_it_is_set(authorization: str | None, bound: str) -> None:
    asked = supervisor()
    headers = {} if authorization is None else {"authorization": authorization}
    answer = call(served(asked, Access(bound, TOKEN)), "POST", RESTART, headers)
    problem(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert asked.commands == []


def test_liveness_is_answered_without_the_token() -> None:
    assert call(served(supervisor(), Access("0.0.0.0", TOKEN)), "GET", "/api/system/health/live").status == 200


def test_the_token_does_not_open_the_door_to_foreign_pages() -> None:
    headers = {"authorization": f"Bearer {TOKEN}", "origin": "https://evil.example"}
    problem(call(served(supervisor(), Access("0.0.0.0", TOKEN)), "POST", RESTART, headers), 403, "cross_site")


def test_the_token_is_not_shown_where_the_rules_are() -> None:
    assert TOKEN not in repr(Access("0.0.0.0", TOKEN))


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("127.0.0.2", True), ("::1", True), ("0.0.0.0", False), ("::", False), ("gpu-box", False)],
)
def test_loopback_is_what_this_machine_is_by_definition(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_no_path_is_redirected_to_the_host_that_a_request_names() -> None:
    headers = {"authorization": f"Bearer {TOKEN}", "host": "evil.example"}
    answer = call(served(supervisor(), Access("0.0.0.0", TOKEN)), "POST", f"{RESTART}/", headers)
    problem(answer, 404, "http")
    assert "location" not in answer.headers


@pytest.mark.parametrize("query", [f"token={TOKEN}", f"access_token={TOKEN}", f"authorization=Bearer%20{TOKEN}"])
def test_a_token_in_the_address_is_none(query: str) -> None:
    target = f"{LIST}?{query.replace(' ', '%20')}"
    problem(call(served(supervisor(), Access("0.0.0.0", TOKEN)), "GET", target), 401, "unauthorized")


@pytest.mark.parametrize(
    "path",
    [
        *("/api/system/health/live/../full", "/api/system/health/live/../../services", "/api/system/health/live/"),
        *("//api/system/services", "/API/system/services", "/%61pi/system/services"),
        "/api/system/health/live%2f..%2ffull",
    ],
)
def test_no_spelling_of_a_path_leads_around_the_token(path: str) -> None:
    problem(call(served(supervisor(), Access("0.0.0.0", TOKEN)), "GET", path), 401, "unauthorized")


def test_mounted_into_another_application_liveness_alone_is_answered_without_the_token() -> None:
    around = FastAPI()
    around.mount("/ours", served(supervisor(), Access("0.0.0.0", TOKEN)))
    assert call(around, "GET", "/ours/api/system/health/live").status == 200
    problem(call(around, "GET", f"/ours{LIST}"), 401, "unauthorized")
    problem(call(around, "GET", "/ours/ours/api/system/health/live"), 401, "unauthorized")
