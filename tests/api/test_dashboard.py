"""The dashboard's files: served to whoever may reach us, with a policy that lets nothing in from elsewhere."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from fastapi import FastAPI

from orchestrator.api.app import create_app
from orchestrator.api.dashboard import Dashboard
from orchestrator.api.security import Access
from tests.api.asgi import call
from tests.api.fakes import FakeSupervisor, StoppedClock
from tests.api.test_services import problem

TOKEN = "correct horse battery staple"  # a passphrase of this test
PAGE = "<!doctype html><title>Dashboard</title>"
SCRIPT = "console.log(1);" * 100
VIEWS = ["/", "/graph", "/services/ai-llm", "/services/a%2Fb", "/incidents", "/incidents/7", "/system"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "assets" / "index-1a2b.js").write_text(SCRIPT)
    (tmp_path / "built-from").write_text("no page of ours")
    return tmp_path


def served(folder: Path, access: Access | None = None) -> FastAPI:
    return create_app(FakeSupervisor(), StoppedClock(), access, dashboard=Dashboard(folder))


@pytest.mark.parametrize("path", VIEWS)
def test_every_view_s_address_is_the_page(folder: Path, path: str) -> None:
    answer = call(served(folder), "GET", path)
    assert (answer.status, answer.body.decode()) == (200, PAGE)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/", "/assets/index-1a2b.js"])
def test_nothing_inline_and_nothing_from_elsewhere_may_run(folder: Path, path: str) -> None:
    headers = call(served(folder), "GET", path).headers
    policy = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert (policy["script-src"], policy["style-src"], policy["connect-src"]) == ("'self'",) * 3
    assert (policy["frame-ancestors"], policy["base-uri"], policy["form-action"]) == ("'none'",) * 3
    assert (headers["x-frame-options"], headers["x-content-type-options"]) == ("DENY", "nosniff")


def test_a_file_whose_name_tells_its_content_is_kept_by_browsers(folder: Path) -> None:
    answer = call(served(folder), "GET", "/assets/index-1a2b.js")
    assert (answer.status, answer.body.decode()) == (200, SCRIPT)
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in answer.headers["cache-control"]


def test_it_comes_compressed_to_who_can_read_that(folder: Path) -> None:
    answer = call(served(folder), "GET", "/assets/index-1a2b.js", {"accept-encoding": "gzip, br"})
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body).decode() == SCRIPT
    assert len(answer.body) < len(SCRIPT)


def test_a_page_that_the_browser_has_is_not_sent_again(folder: Path) -> None:
    tag = call(served(folder), "GET", "/").headers["etag"]
    again = call(served(folder), "GET", "/", {"if-none-match": tag})
    assert (again.status, again.body) == (304, b"")
    assert "content-security-policy" in again.headers
    (folder / "index.html").write_text(PAGE + "<p>newer")
    assert call(served(folder), "GET", "/", {"if-none-match": tag}).status == 200


@pytest.mark.parametrize(
    "path", ["/assets/none.js", "/assets/../index.html", "/assets/..%2fbuilt-from", "/built-from", "/index.html"]
)
def test_nothing_but_the_page_s_files_is_served(folder: Path, path: str) -> None:
    assert call(served(folder), "GET", path).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_pages_are_only_read(folder: Path, method: str) -> None:
    assert call(served(folder), method, "/").status == 405


def test_the_page_needs_no_token_and_what_it_shows_does(folder: Path) -> None:
    app = served(folder, Access("0.0.0.0", TOKEN))
    for path in (*VIEWS, "/assets/index-1a2b.js"):
        assert call(app, "GET", path, {"host": "box.example"}).status == 200
    problem(call(app, "GET", "/api/system/services"), 401, "unauthorized")


def test_a_name_made_to_resolve_to_us_gets_no_page(folder: Path) -> None:
    problem(call(served(folder), "GET", "/", {"host": "evil.example"}), 403, "foreign_host")


def test_a_page_of_another_site_cannot_have_ours_in_it(folder: Path) -> None:
    framed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}
    problem(call(served(folder), "GET", "/", framed), 403, "cross_site")
    link = {**framed, "sec-fetch-dest": "document"}
    assert call(served(folder), "GET", "/", link).status == 200


@pytest.mark.parametrize("path", VIEWS)
def test_a_source_tree_without_the_page_says_how_to_build_it(tmp_path: Path, path: str) -> None:
    answer = call(served(tmp_path / "nothing"), "GET", path)
    assert answer.status == 503
    assert "make page" in answer.body.decode()
    assert call(served(tmp_path / "nothing"), "GET", "/api/system/services").status == 200


def test_an_application_of_somebody_else_keeps_its_own_start_page() -> None:
    assert call(create_app(FakeSupervisor(), StoppedClock()), "GET", "/").status == 404
