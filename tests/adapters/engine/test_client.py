"""An engine that is away, hung, forbidding, foreign or too old: each has its own error, with fact and remedy."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiodocker.exceptions import DockerError
from aiohttp import web

from orchestrator.adapters.engine import DockerClient
from orchestrator.adapters.engine.connection import translated
from orchestrator.adapters.engine.stream import EventStream
from orchestrator.core.model import ContainerState
from orchestrator.errors import (
    ActionRefused,
    ContainerNotFound,
    EngineAway,
    EngineForbidden,
    EngineHung,
    EngineUnavailable,
    EngineUnsuitable,
)
from orchestrator.ports import EngineEvent
from tests.adapters.engine.servers import RECORDED, Handler, answer, engine_at, never, version

UP = {"/version": answer(version())}
EVENT = {"Type": "container", "Action": "die", "Actor": {"ID": "abc"}, "time": 1}


@asynccontextmanager
async def asked(folder: Path, routes: dict[str, Handler], call_timeout: float = 30) -> AsyncIterator[DockerClient]:
    async with engine_at(folder / "engine.sock", routes) as address:
        client = DockerClient(address, environment={}, call_timeout=call_timeout)
        try:
            yield client
        finally:
            await client.close()


def play(story: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(60):
            await story()

    asyncio.run(main())


def identify(folder: Path, handler: Handler, call_timeout: float = 30) -> EngineUnavailable:
    errors: list[EngineUnavailable] = []

    async def story() -> None:
        async with asked(folder, {"/version": handler}, call_timeout) as client:
            with pytest.raises(EngineUnavailable) as raised:
                await client.identify()
            assert client.endpoint in str(raised.value)
            errors.append(raised.value)

    play(story)
    return errors[0]


# --- who answers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("engine", "api"), [("docker", "1.41"), ("podman", "1.41")])
def test_the_version_is_negotiated(tmp_path: Path, engine: str, api: str) -> None:
    async def story() -> None:
        async with asked(tmp_path, {"/version": answer(version(engine))}) as client:
            identity = await client.identify()
            assert (identity.kind, identity.api_version) == (engine, api)

    play(story)


def test_a_version_is_asked_for_once_and_anew_after_the_stream_broke(tmp_path: Path) -> None:
    """Podman takes half a second to say it."""
    asked_for: list[str] = []

    async def tell(request: web.Request) -> web.StreamResponse:
        asked_for.append(request.path)
        return web.json_response(version("podman"))

    async def story() -> None:
        routes = {"/version": tell, "/events": answer(EVENT), "/containers/json": answer([])}
        async with asked(tmp_path, routes) as client:
            await client.identify()
            with pytest.raises(EngineAway):
                async for _ in client.events():
                    await client.containers()
                    assert asked_for == ["/version"]
            await client.containers()
            assert asked_for == ["/version"] * 2

    play(story)


def test_a_newer_engine_is_spoken_to_in_the_newest_version_we_know(tmp_path: Path) -> None:
    paths: list[str] = []

    async def listing(request: web.Request) -> web.StreamResponse:
        paths.append(request.path)
        return web.json_response([])

    async def story() -> None:
        routes = {"/version": answer(version(ApiVersion="1.99", MinAPIVersion="1.44")), "/containers/json": listing}
        async with asked(tmp_path, routes) as client:
            assert await client.containers() == ()
            assert (await client.identify()).api_version == "1.51"

    play(story)
    assert paths == ["/v1.51/containers/json"]


@pytest.mark.parametrize(
    "document",
    [
        version(ApiVersion="1.39", Version="18.09.1"),
        version("podman", Version="3.4.4", ApiVersion="1.40"),
        version(ApiVersion="1.99", MinAPIVersion="1.98"),
    ],
)
def test_an_engine_of_the_wrong_age_is_named_with_the_remedy(tmp_path: Path, document: dict[str, object]) -> None:
    error = identify(tmp_path, answer(document))
    assert isinstance(error, EngineUnsuitable)
    assert any(version in error.fact for version in ("1.39", "3.4.4", "1.98"))
    assert "update" in error.remedy


@pytest.mark.parametrize(
    ("document", "status"),
    [({"message": "page not found"}, 404), ({"Version": "nginx"}, 200), ([], 200), ({"ApiVersion": "new"}, 200)],
)
def test_what_answers_and_is_no_engine_is_unsuitable(tmp_path: Path, document: object, status: int) -> None:
    error = identify(tmp_path, answer(document, status))
    assert isinstance(error, EngineUnsuitable)
    assert "neither Docker nor Podman" in error.fact


def test_a_server_that_does_not_speak_http_is_unsuitable(tmp_path: Path) -> None:
    async def story() -> None:
        async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mail.example.org ESMTP\r\n")
            writer.close()

        server = await asyncio.start_unix_server(greet, tmp_path / "engine.sock")
        async with server:
            with pytest.raises(EngineUnsuitable):
                await DockerClient(f"unix://{tmp_path}/engine.sock", environment={}).identify()

    play(story)


def test_a_hung_engine_is_given_up_on_at_the_deadline(tmp_path: Path) -> None:
    error = identify(tmp_path, never, call_timeout=0.05)
    assert isinstance(error, EngineHung)
    assert "0.05 s" in error.fact
    assert error.remedy


def test_an_engine_that_refuses_us_is_forbidden(tmp_path: Path) -> None:
    assert isinstance(identify(tmp_path, answer({"message": "not you"}, 403)), EngineForbidden)


async def a_page(_: web.Request) -> web.StreamResponse:
    """What HAProxy answers for a call that its rules do not allow."""
    page = "<html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>"
    return web.Response(status=403, text=page, content_type="text/html")


@pytest.mark.parametrize("refused", [a_page, answer({"message": "Method Not Allowed"}, 405)])
def test_a_proxy_that_lets_nothing_through_is_named_with_the_remedy(tmp_path: Path, refused: Handler) -> None:
    error = identify(tmp_path, refused)
    assert isinstance(error, EngineForbidden)
    assert "not let through (40" in error.fact
    assert "docs/security.md" in error.remedy
    assert "<" not in error.fact


def test_a_question_that_a_proxy_refuses_is_no_observation(tmp_path: Path) -> None:
    async def story() -> None:
        routes = {"/version": answer(version()), "/containers/json": a_page, "/events": a_page}
        async with asked(tmp_path, routes) as client:
            with pytest.raises(EngineForbidden, match=r"administrative rules.*docs/security.md"):
                await client.containers()
            with pytest.raises(EngineForbidden, match=r"administrative rules.*docs/security.md"):
                await anext(client.events())

    play(story)


def test_an_action_that_a_proxy_refuses_is_told_in_the_proxy_s_words_with_the_remedy(tmp_path: Path) -> None:
    async def story() -> None:
        async with asked(tmp_path, {"/version": answer(version()), "/containers/web/restart": a_page}) as client:
            with pytest.raises(ActionRefused, match=r"administrative rules.*docs/security.md"):
                await client.restart("web", 1)

    play(story)


def test_an_old_health_result_is_not_told_where_a_proxy_refuses_the_check(tmp_path: Path) -> None:
    """Podman has none newer than what is asked for."""
    document = json.loads((RECORDED / "podman-inspect.json").read_text())["web"]
    document["State"]["Health"] = {"Status": "unhealthy", "FailingStreak": 3, "Log": None}

    async def story() -> None:
        routes = {"/version": answer(version("podman")), "/containers/web/json": answer(document)}
        async with asked(tmp_path, routes | {"/libpod/containers/web/healthcheck": a_page}) as client:
            with pytest.raises(EngineForbidden, match="not let through"):
                await client.health("web")

    play(story)


def test_an_engine_in_trouble_is_unavailable_in_its_own_words(tmp_path: Path) -> None:
    assert "out of disk" in identify(tmp_path, answer({"message": "out of disk"}, 500)).fact


def test_without_a_socket_the_engine_is_away(tmp_path: Path) -> None:
    async def story() -> None:
        with pytest.raises(EngineAway, match="no such socket") as away:
            await DockerClient(f"unix://{tmp_path}/none.sock", environment={}).containers()
        assert "ORCHESTRATOR_DOCKER_HOST" in away.value.remedy

    play(story)


def test_a_socket_that_nobody_serves_is_away(tmp_path: Path) -> None:
    async def story() -> None:
        socket = tmp_path / "engine.sock"
        async with engine_at(socket, UP) as address:
            server_socket = socket.rename(tmp_path / "kept.sock")
        assert address
        assert server_socket.exists()
        with pytest.raises(EngineAway, match="nobody listens"):
            await DockerClient(f"unix://{server_socket}", environment={}).containers()

    play(story)


def test_a_refused_port_is_away() -> None:
    async def story() -> None:
        with pytest.raises(EngineAway, match="nobody listens"):
            await DockerClient("tcp://127.0.0.1:1", environment={}).containers()

    play(story)


def test_permission_denied_is_forbidden_and_says_who_may() -> None:
    denied = aiohttp.ClientOSError(13, "Permission denied")
    wrapped = DockerError(900, "Cannot connect")
    wrapped.__context__ = denied
    for error in (denied, wrapped, PermissionError(13, "Permission denied")):
        ours = translated("unix:///run/docker.sock", error)
        assert isinstance(ours, EngineForbidden)
        assert "permission denied" in str(ours)
        assert "group" in ours.remedy


def test_an_answer_that_breaks_off_is_told_in_words() -> None:
    ours = translated(
        "unix:///run/docker.sock", aiohttp.ClientPayloadError("not completed: <TransferEncodingError: 400>")
    )
    assert isinstance(ours, EngineAway)
    assert "in the middle of an answer" in str(ours)
    assert "<" not in str(ours)


def test_certificates_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    async def story() -> None:
        (tmp_path / "ca.pem").write_text("no certificate")
        environment = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(tmp_path)}
        with pytest.raises(EngineForbidden, match="DOCKER_CERT_PATH"):
            await DockerClient("tcp://127.0.0.1:1", environment=environment).identify()

    play(story)


@pytest.mark.parametrize("address", ["ssh://box", "unix://relative", "tcp://"])
def test_an_address_that_is_none_is_unsuitable_and_breaks_nothing_else(address: str) -> None:
    async def story() -> None:
        client = DockerClient(address, environment={})
        assert client.endpoint == address
        assert client.published_host
        with pytest.raises(EngineUnsuitable, match="ORCHESTRATOR_DOCKER_HOST"):
            await client.identify()

    play(story)


# --- finding it --------------------------------------------------------------------------------------------


def test_a_dead_docker_socket_does_not_hide_podman(tmp_path: Path) -> None:
    async def story() -> None:
        (tmp_path / "podman").mkdir()
        (tmp_path / "docker.sock").touch()
        environment = {"XDG_RUNTIME_DIR": str(tmp_path)}
        async with engine_at(tmp_path / "podman" / "podman.sock", UP) as address:
            client = DockerClient(environment=environment, call_timeout=30)
            await client.identify()
            assert client.endpoint == address
            await client.close()

    play(story)


def test_an_engine_installed_later_is_found_and_then_kept(tmp_path: Path) -> None:
    async def story() -> None:
        environment = {"XDG_RUNTIME_DIR": str(tmp_path)}
        (tmp_path / "podman").mkdir()
        client = DockerClient(environment=environment, call_timeout=30)
        async with engine_at(tmp_path / "podman" / "podman.sock", UP) as address:
            await client.identify()
            assert client.endpoint == address
        async with engine_at(tmp_path / "docker.sock", UP):
            # Another engine knows none of the first one's containers: it must not answer for it.
            with pytest.raises(EngineAway):
                await client.identify()
        await client.close()

    play(story)


# --- questions and actions ---------------------------------------------------------------------------------


def test_a_question_answered_with_an_error_told_us_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        routes = UP | {"/containers/json": answer({"message": "database is locked"}, 500)}
        async with asked(tmp_path, routes) as client:
            with pytest.raises(EngineUnavailable, match="database is locked"):
                await client.containers()

    play(story)


def test_a_garbled_answer_is_unsuitable(tmp_path: Path) -> None:
    async def story() -> None:
        async with asked(tmp_path, UP | {"/containers/json": answer([{"no": "id"}])}) as client:
            with pytest.raises(EngineUnsuitable):
                await client.containers()

    play(story)


def test_an_action_that_is_refused_carries_the_engine_s_words(tmp_path: Path) -> None:
    async def story() -> None:
        routes = UP | {
            "/containers/web/start": answer({"message": "bind source path does not exist"}, 500),
            "/containers/old/start": answer({"message": "No such container: old"}, 404),
            "/containers/gone/start": answer({"message": "container gone: no such container"}, 500),
        }
        async with asked(tmp_path, routes) as client:
            with pytest.raises(ActionRefused, match="bind source") as refused:
                await client.start("web")
            assert refused.value.status == 500
            for name in ("old", "gone"):
                with pytest.raises(ContainerNotFound):
                    await client.start(name)

    play(story)


def test_the_engine_is_given_more_time_than_the_container(tmp_path: Path) -> None:
    """A container that uses up its stop time-out must not look like a hung engine."""
    asked_for: list[str] = []

    async def stopping(request: web.Request) -> web.StreamResponse:
        asked_for.append(request.query["t"])
        await asyncio.sleep(0.6)
        return web.Response(status=204)

    async def story() -> None:
        async with asked(tmp_path, UP | {"/containers/web/stop": stopping}, call_timeout=0.5) as client:
            await client.stop("web", 0.6)

    play(story)
    assert asked_for == ["1"]


def test_a_kill_of_what_is_dead_is_success_and_of_what_lives_is_not(tmp_path: Path) -> None:
    async def story() -> None:
        def inspected(word: str) -> Handler:
            return answer({"Id": "abc", "State": {"Status": word}})

        routes = UP | {
            "/containers/dead/kill": answer({"message": "is not running"}, 409),
            "/containers/dead/json": inspected("exited"),
            "/containers/alive/kill": answer({"message": "permission denied"}, 500),
            "/containers/alive/json": inspected("running"),
        }
        async with asked(tmp_path, routes) as client:
            await client.kill("dead")
            with pytest.raises(ActionRefused, match="permission denied"):
                await client.kill("alive")

    play(story)


def test_a_container_s_name_is_one_part_of_the_path(tmp_path: Path) -> None:
    asked_for: list[str] = []

    async def story() -> None:
        async def inspecting(request: web.Request) -> web.StreamResponse:
            asked_for.append(request.raw_path)
            return web.json_response({"Id": "abc", "State": {"Status": "exited"}})

        async with asked(tmp_path, UP | {"/containers/a/b c/json": inspecting}) as client:
            assert (await client.inspect("a/b c")).state is ContainerState.EXITED

    play(story)
    assert asked_for == ["/v1.41/containers/a%2Fb%20c/json"]


# --- events ------------------------------------------------------------------------------------------------


def streaming(*lines: bytes, hold: bool = False) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for line in lines:
            await response.write(line)
        if hold:
            await asyncio.Event().wait()
        return response

    return handle


def heard(folder: Path, handler: Handler, count: int) -> list[tuple[str, str]]:
    events: list[tuple[str, str]] = []

    async def story() -> None:
        async with asked(folder, UP | {"/events": handler}) as client, aclosing(client.events()) as stream:  # type: ignore[type-var]
            while len(events) < count:
                event = await anext(stream)
                events.append((event.container_id, event.action))

    play(story)
    return events


def test_events_split_across_packets_are_whole(tmp_path: Path) -> None:
    line = json.dumps(EVENT).encode() + b"\n"
    assert heard(tmp_path, streaming(line[:20], line[20:] + b"\n" + line, hold=True), 3) == [
        ("", "connected"),
        ("abc", "die"),
        ("abc", "die"),
    ]


def test_a_long_event_and_a_torn_one_break_nothing(tmp_path: Path) -> None:
    long = json.dumps(EVENT | {"Actor": {"ID": "long", "Attributes": {"label": "x" * 300_000}}}).encode() + b"\n"
    torn = b'{"Type": "conta\n[]\n'
    assert heard(tmp_path, streaming(torn, long, hold=True), 2)[1] == ("long", "die")


def test_a_stream_that_ends_says_so(tmp_path: Path) -> None:
    async def story() -> None:
        async with asked(tmp_path, UP | {"/events": streaming()}) as client:
            with pytest.raises(EngineAway, match="ended the event stream"):
                async for event in client.events():
                    assert event.action == "connected"

    play(story)


def test_a_line_without_end_is_no_event(tmp_path: Path) -> None:
    async def story() -> None:
        async with asked(tmp_path, UP | {"/events": streaming(b"x" * (2 << 20), hold=True)}) as client:
            with pytest.raises(EngineUnsuitable, match="longer than"):
                async for event in client.events():
                    assert event.action == "connected"

    play(story)


async def _no_death() -> EngineEvent:
    await asyncio.Event().wait()
    raise AssertionError


async def _stream(client: DockerClient, quiet: float, renewal: float) -> EventStream:
    connection = await client._connected()
    return EventStream(connection, 0.5, _no_death, quiet=quiet, renewal=renewal)


def test_a_quiet_stream_of_a_hung_engine_is_ended(tmp_path: Path) -> None:
    async def story() -> None:
        routes = UP | {"/events": streaming(hold=True), "/_ping": never}
        async with asked(tmp_path, routes) as client:
            stream = await _stream(client, quiet=0.05, renewal=60)
            with pytest.raises(EngineHung):
                async for event in stream.listen():
                    assert event.action == "connected"

    play(story)


def test_a_quiet_stream_of_a_living_engine_is_renewed_with_a_new_connected(tmp_path: Path) -> None:
    async def story() -> None:
        routes = UP | {"/events": streaming(hold=True), "/_ping": answer("OK")}
        async with asked(tmp_path, routes) as client:
            stream = await _stream(client, quiet=0.02, renewal=0.1)
            async with aclosing(stream.listen()) as events:
                assert [(await anext(events)).action for _ in range(3)] == ["connected"] * 3

    play(story)


def test_docker_is_not_asked_for_exec_events(tmp_path: Path) -> None:
    filters: list[dict[str, list[str]]] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        filters.append(json.loads(request.query["filters"]))
        return await streaming(hold=True)(request)

    assert heard(tmp_path, handle, 1) == [("", "connected")]
    assert filters[0]["type"] == ["container"]
    assert "die" in filters[0]["event"]
    assert not [word for word in filters[0]["event"] if word.startswith("exec")]


# --- who stopped it ----------------------------------------------------------------------------------------


def stopped_at(engine: str, release: str, libpod: dict[str, object], status: str = "exited") -> dict[str, Handler]:
    """Podman's own API says more of a container than the one that is Docker's."""
    shown = {"Id": "abc", "State": {"Status": status, "StartedAt": "2026-01-01T00:00:00Z"}}

    async def inspect(request: web.Request) -> web.StreamResponse:
        return web.json_response(shown)

    async def inspect_by_podman(request: web.Request) -> web.StreamResponse:
        assert status == "exited", "only what is down is worth a second question"
        return web.json_response({"State": libpod})

    return {
        "/version": answer(version(engine, Version=release)),
        "/containers/abc/json": inspect,
        "/libpod/containers/abc/json": inspect_by_podman,
    }


@pytest.mark.parametrize(
    ("engine", "release", "libpod", "stopped"),
    [
        ("podman", "4.7.0", {"StoppedByUser": True}, True),
        ("podman", "4.9.4", {}, False),
        ("podman", "5.2.1", {"StoppedByUser": False}, False),
        ("podman", "4.6.2", {"StoppedByUser": True}, None),
        ("podman", "4.3.1", {}, None),
        ("docker", "28.2.2", {"StoppedByUser": True}, False),
    ],
)
def test_podman_s_own_record_of_a_stop_is_read_from_where_it_is_shown_on(
    tmp_path: Path, engine: str, release: str, libpod: dict[str, object], stopped: bool | None
) -> None:
    async def story() -> None:
        async with asked(tmp_path, stopped_at(engine, release, libpod)) as client:
            assert (await client.inspect("abc")).stopped_by_user is stopped

    play(story)


def test_what_runs_is_looked_at_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with asked(tmp_path, stopped_at("podman", "5.2.1", {"StoppedByUser": True}, "running")) as client:
            assert (await client.inspect("abc")).stopped_by_user is False

    play(story)
