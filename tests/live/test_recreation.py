"""A guest whose network's owner was recreated: on real engines it can only be recreated too, and keeps all it had."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from scripts.image import IMAGE

from orchestrator.adapters.engine import DockerClient
from orchestrator.core.rejoin import REPLACES, SUFFIX
from orchestrator.errors import ActionRefused
from tests.live.engines import CommandFailed, Engine, wait_until
from tests.live.serve import Serve, service_labels, serving
from tests.live.test_dependencies import fetched

FURNISHED = (
    "--env=PORT=8081",
    "--env=SENTENCE=a=b c",
    "--label=kept=yes",
    "--user=0:0",
    "--workdir=/tmp",
    "--stop-signal=SIGKILL",
    "--restart=on-failure:3",
    "--ulimit=nofile=512:1024",
    "--ulimit=nproc=512:1024",
    "--cap-add=NET_ADMIN",
    "--cap-drop=MKNOD",
    "--device=/dev/null:/dev/nothing",
    "--memory=64m",
    "--pids-limit=50",
    "--oom-score-adj=100",
    "--security-opt=no-new-privileges",
    "--group-add=5",
    "--tmpfs=/quick:size=1m",
    "--volume=/unnamed",
    "--mount=type=volume,target=/mounted",
    "--log-opt=max-size=1m",
    "--health-cmd=true",
    "--health-interval=1s",
    "--health-retries=2",
)


def furnish(engine: Engine, name: str, owner: str, *labels: str, data: Path) -> str:
    """A guest with something of everything; its full id."""
    network = f"--network=container:{engine.full_name(owner)}"
    logs = f"--log-driver={'k8s-file' if engine.kind == 'podman' else 'json-file'}"
    mounts = (f"--volume={data}:/data:ro", f"--volume={engine.full_name('kept')}:/kept")
    return engine.run(name, *labels, *FURNISHED, logs, network, *mounts)


def replace_owner(engine: Engine, serve: Serve, old: str) -> str:
    """As an update does; Podman keeps what others use, so there the old one stays under another name, stopped."""
    if engine.kind == "docker":
        engine.remove(old)
        return engine.run("owner", *service_labels("owner"))
    engine.command("rename", old, engine.full_name("before"))
    new = engine.run("owner", *service_labels("owner"))
    serve.wait_for("owner", container_id=new[:12])  # else the death of the old one is still the service's
    engine.command("stop", "--time=1", old)
    return new


def held_by(document: dict[str, Any]) -> dict[str, object]:
    """What has to be the same of the two, as the engine's command line tells it."""
    config, host = document["Config"], document["HostConfig"]
    told = {field: config[field] for field in ("Cmd", "Entrypoint", "User", "WorkingDir", "StopSignal", "Healthcheck")}
    told |= {"Image": document["Image"], "Env": sorted(e for e in config["Env"] if not e.startswith("HOSTNAME="))}
    told["Labels"] = {key: value for key, value in config["Labels"].items() if key != REPLACES}
    listed = ("Ulimits", "CapAdd", "CapDrop", "Devices", "GroupAdd", "SecurityOpt")
    told |= {field: sorted(map(str, host[field] or ())) for field in listed}
    figures = ("RestartPolicy", "Memory", "PidsLimit", "OomScoreAdj", "Tmpfs", "Privileged", "ReadonlyRootfs")
    told |= {field: host[field] for field in figures}
    told["LogConfig"] = {field: each for field, each in host["LogConfig"].items() if field != "Path"}
    mounts = document["Mounts"]
    told["Mounts"] = sorted((m["Destination"], m.get("Name") or m["Source"], m["RW"]) for m in mounts)
    return told


def test_it_is_recreated_in_the_new_one_s_network_with_all_it_had(engine: Engine, tmp_path: Path) -> None:
    owner = engine.run("owner", *service_labels("owner"))
    labels = service_labels("guest", health__http="", port="", recovery__recreate="true")
    old = furnish(engine, "guest", "owner", *labels, data=tmp_path)
    engine.execute(old, "sh", "-c", "echo precious | tee /unnamed/file >/mounted/file")
    before = held_by(engine.inspect(old))

    with serving(engine.url, tmp_path / "serve") as serve:
        serve.wait_for("guest", status="running", requires=["owner"])
        owner = replace_owner(engine, serve, owner)
        told = serve.wait_for_event("guest", "Restart completed")

        assert "its network ended with the former container of owner" in told["cause"]
        assert "--force-recreate" not in told["cause"]
        wait_until(lambda: bool(fetched(f"http://{engine.address(owner)}:8081/")), 30, "an answer in the new network")
        new = engine.inspect(engine.full_name("guest"))
        assert new["Config"]["Labels"][REPLACES] == old
        assert held_by(new) == before
        assert engine.execute(new["Id"], "cat", "/unnamed/file", "/mounted/file") == "precious\nprecious"
        with pytest.raises(CommandFailed):
            engine.inspect(old)
        serve.wait_for("guest", status="running", requires=["owner"], restart_count=1, strikes=0)


def test_without_leave_it_is_told_what_to_run_and_nothing_is_done_that_would_end_it(
    engine: Engine, tmp_path: Path
) -> None:
    owner = engine.run("owner", *service_labels("owner"))
    network = f"--network=container:{engine.full_name('owner')}"
    labels = service_labels("guest", health__http="", port="")
    guest = engine.run("guest", *labels, "--env=PORT=8081", network)

    with serving(engine.url, tmp_path) as serve:
        serve.wait_for("guest", status="running", requires=["owner"])
        replace_owner(engine, serve, owner)
        told = serve.wait_for_event("guest", "Shared namespace is gone")
        assert f"docker rm -f {engine.full_name('guest')}" in told["cause"]
        assert "--network=container:" in told["cause"]
        refused = serve.ask("POST", "/services/guest/restart")
        assert (refused.status, refused.body["code"]) == (409, "severed")
        assert engine.state(guest) == "running"
        assert serve.service("guest")["status"] == "unhealthy"


def test_killed_in_the_middle_it_loses_no_container_and_the_next_one_ends_what_was_begun(
    engine: Engine, tmp_path: Path
) -> None:
    owner = engine.run("owner", *service_labels("owner"))
    labels = service_labels("guest", health__http="", port="", recovery__recreate="true")
    network = f"--network=container:{engine.full_name('owner')}"
    engine.run("guest", *labels, "--env=PORT=8081", network)
    name = engine.full_name("guest")

    def there() -> list[str]:
        listed = engine.command("ps", "--all", "--format={{.Names}}", f"--filter=name={name}").splitlines()
        return sorted(listed)

    with serving(engine.url, tmp_path) as serve:
        serve.wait_for("guest", status="running", requires=["owner"])
        owner = replace_owner(engine, serve, owner)
        wait_until(lambda: f"{name}{SUFFIX}" in there(), 30, "the beginning of a recreation")
        serve.kill()
        assert f"{name}{SUFFIX}" in there()
        serve.start()
        wait_until(lambda: bool(fetched(f"http://{engine.address(owner)}:8081/")), 30, "an answer in the new network")
        serve.wait_for("guest", status="running")
        wait_until(lambda: there() == [name], 30, "nothing left over")


def test_what_could_not_be_kept_is_refused_with_words_and_leaves_nothing(engine: Engine) -> None:
    owner, successor = engine.run("owner"), engine.run("successor")
    network = f"--network=container:{engine.full_name('owner')}"
    fleeting = engine.run("fleeting", "--rm", "--env=PORT=8081", network)

    async def story() -> str:
        client = DockerClient(engine.url, environment={})
        try:
            with pytest.raises(ActionRefused) as refused:
                await client.create_like(fleeting, engine.full_name("copy"), {owner: successor}, {})
            return str(refused.value)
        finally:
            await client.close()

    assert "--rm" in asyncio.run(story())
    assert engine.command("ps", "--all", "--quiet", f"--filter=name={engine.full_name('copy')}") == ""


def test_the_image_is_kept_by_its_id_where_its_name_went_to_another(engine: Engine) -> None:
    owner, successor = engine.run("owner"), engine.run("successor")
    tag = f"localhost/{engine.prefix}moving:latest"
    engine.command("tag", IMAGE, tag)
    network = f"--network=container:{engine.full_name('owner')}"
    guest = engine.run("guest", "--env=PORT=8081", network, image=tag)
    image = engine.inspect(guest)["Image"]
    other = engine.command("commit", owner, tag).splitlines()[-1]
    assert other not in image

    async def story() -> str:
        client = DockerClient(engine.url, environment={})
        try:
            return await client.create_like(guest, engine.full_name("copy"), {owner: successor}, {})
        finally:
            await client.close()

    try:
        assert engine.inspect(asyncio.run(story()))["Image"] == image
    finally:
        engine.remove(engine.full_name("copy"))
        engine.command("rmi", "--force", tag)
