"""The Containerfile, built and run as docs/deploy.md says: without rights, on a read-only file system."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.live.debian import BASE, CHECKOUT, import_base, wheels
from tests.live.engines import Engine, wait_until
from tests.live.serve import START_TIMEOUT, Api, port_in, service_labels

IMAGE = "localhost/container-orchestrator:latest"
SOCKET = "/run/engine.sock"
BUILD_TIMEOUT = 300.0


@pytest.fixture(scope="module")
def image_context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a build is given: a checkout, and wheels instead of a package index."""
    folder = tmp_path_factory.mktemp("context")
    for name in ("Containerfile", ".containerignore", ".dockerignore", "pyproject.toml", "README.md"):
        shutil.copy(CHECKOUT / name, folder / name)
    for name in ("src", "requirements", "frontend"):
        shutil.copytree(CHECKOUT / name, folder / name, ignore=shutil.ignore_patterns("node_modules"))
    (folder / "scripts").mkdir()
    for name in ("page.py", "page_hook.py"):
        shutil.copy(CHECKOUT / "scripts" / name, folder / "scripts" / name)
    shutil.copytree(wheels(), folder / "wheels")
    return folder


def test_the_image_heals_others_never_itself_says_how_it_is_and_ends_politely(
    engine: Engine, image_context: Path
) -> None:
    _build(engine, image_context)
    ours = engine.run(
        "ours",
        "--network=host",
        "--read-only",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        "--stop-signal=SIGTERM",
        "--health-interval=1s",
        *_rights(engine),
        f"--volume={engine.socket}:{SOCKET}",
        f"--env=ORCHESTRATOR_DOCKER_HOST=unix://{SOCKET}",
        *service_labels("ours", port="9"),  # nobody listens there: its check fails for ever
        image=IMAGE,
    )
    wait_until(lambda: port_in(engine.logs(ours)) == 8787, START_TIMEOUT, "an address in the container's log")
    api = Api(8787)
    other = engine.run("other", *service_labels("other"))
    api.wait_for("other", status="running")
    engine.kill(other)
    api.wait_for_event("other", "Restart completed")

    assert api.get("/health/full")["store"]["healthy"]
    assert b"<title>" in api.page("/"), "the image has no dashboard"
    assert engine.inspect(ours)["State"]["Running"]
    api.wait_for("ours", status="unhealthy", container_id=ours[:12], restart_count=0)
    assert "the container we run in" in api.ask("POST", "/services/ours/restart").body["detail"]

    _must_pass_its_health_check(engine, ours)
    assert engine.execute(ours, "orchestrator", "ps", "--json") != ""

    engine.command("stop", "--time=10", ours)
    assert engine.inspect(ours)["State"]["ExitCode"] == 0, "it was killed"


def _build(engine: Engine, context: Path) -> None:
    import_base(engine.client, engine.environment)
    form = ["--format=docker"] if engine.kind == "podman" else []
    engine.command(
        "build",
        *form,
        "--network=none",
        f"--file={context / 'Containerfile'}",
        f"--build-arg=BASE={BASE}",
        "--build-arg=PIP_NO_INDEX=1",
        f"--tag={IMAGE}",
        str(context),
        timeout=BUILD_TIMEOUT,
    )


def _rights(engine: Engine) -> Sequence[str]:
    """Docker's socket is its group's; Podman's is root's alone, who then has to write another's state folder."""
    if engine.kind == "podman":
        return "--user=0:0", "--cap-add=DAC_OVERRIDE"
    return (f"--group-add={engine.socket.stat().st_gid}",)


def _must_pass_its_health_check(engine: Engine, container: str) -> None:
    if engine.kind == "podman":
        engine.command("healthcheck", "run", container)  # fails with its exit code; no timer runs it here
        return
    wait_until(
        lambda: engine.inspect(container)["State"]["Health"]["Status"] == "healthy", START_TIMEOUT, "a healthy image"
    )
