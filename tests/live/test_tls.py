"""A real engine behind real TLS, with certificates as the Docker command line names them."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from orchestrator.adapters.engine import DockerClient
from orchestrator.errors import EngineForbidden
from tests.live.engines import Engine


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)


def authority(folder: Path) -> Path:
    """A folder with an authority of its own, ``ca.pem``, and a server's and a client's certificate signed by it."""
    folder.mkdir()
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl(folder, "req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=ca")
    for name, usage in (("server", "serverAuth"), ("client", "clientAuth")):
        (folder / f"{name}.ext").write_text(f"subjectAltName=IP:127.0.0.1\nextendedKeyUsage={usage}\n")
        openssl(folder, "req", *new_key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl(
            folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem",
        )  # fmt: skip
    (folder / "client.pem").rename(folder / "cert.pem")
    (folder / "client.key").rename(folder / "key.pem")
    return folder


@contextlib.asynccontextmanager
async def tls_front(engine: Engine, certificates: Path) -> AsyncIterator[str]:
    """The engine's socket behind TLS that asks for a client's certificate; yields its ``tcp://`` address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    context.load_verify_locations(certificates / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while block := await reader.read(65536):
                writer.write(block)
                await writer.drain()
        writer.close()

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind = await asyncio.open_unix_connection(str(engine.socket))
        await asyncio.gather(pour(reader, behind[1]), pour(behind[0], writer))

    server = await asyncio.start_server(join, "127.0.0.1", 0, ssl=context)
    try:
        yield f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def with_client(
    engine: Engine, certificates: Path, environment: Mapping[str, str], story: Callable[[DockerClient], Awaitable[None]]
) -> None:
    async def played() -> None:
        async with tls_front(engine, certificates) as address:
            client = DockerClient(address, environment=environment)
            try:
                async with asyncio.timeout(30):
                    await story(client)
            finally:
                await client.close()

    asyncio.run(played())


def test_an_engine_behind_tls_is_seen_and_acted_on(engine: Engine, tmp_path: Path) -> None:
    certificates = authority(tmp_path / "ours")
    container = engine.run("web")

    async def story(client: DockerClient) -> None:
        assert (await client.identify()).kind == engine.kind
        assert container in {row.container_id for row in await client.containers()}
        await client.restart(container, 0)
        assert (await client.inspect(container)).run is not None

    with_client(engine, certificates, {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(certificates)}, story)


def test_an_engine_whose_certificate_we_do_not_trust_is_not_talked_to(engine: Engine, tmp_path: Path) -> None:
    theirs, ours = authority(tmp_path / "theirs"), authority(tmp_path / "ours")

    async def story(client: DockerClient) -> None:
        with pytest.raises(EngineForbidden, match="DOCKER_CERT_PATH"):
            await client.identify()

    with_client(engine, theirs, {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(ours)}, story)


def test_an_engine_that_asks_for_a_certificate_we_do_not_have_is_named_with_the_remedy(
    engine: Engine, tmp_path: Path
) -> None:
    theirs = authority(tmp_path / "theirs")
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "ca.pem").write_bytes((theirs / "ca.pem").read_bytes())

    async def story(client: DockerClient) -> None:
        with pytest.raises(EngineForbidden, match="DOCKER_CERT_PATH"):
            await client.identify()

    with_client(engine, theirs, {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(bare)}, story)
