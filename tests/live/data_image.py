"""An image with the machine's own Redis and PostgreSQL, their clients and a shell: the programs, the libraries that
they load, and what PostgreSQL reads. Its user is 70: PostgreSQL refuses to run as root."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.live.engines import COMMAND_TIMEOUT, Engine

DATA_IMAGE = "localhost/orchestrator-data:latest"
_SETTINGS = ("USER 70:70", "ENV PATH=/usr/bin", "ENV TZ=UTC")
_LINKED = ("bin", "lib", "lib64", "sbin")
"""To /usr, as on the machine."""


def import_data(engine: Engine) -> None:
    subprocess.run(
        [*engine.client, "import", *(f"--change={each}" for each in _SETTINGS), "-", DATA_IMAGE],
        input=_archive(),
        env=dict(engine.environment),
        check=True,
        capture_output=True,
        timeout=COMMAND_TIMEOUT,
    )


def start_postgres(*options: str) -> tuple[str, ...]:
    """A container's command: a new cluster, then the server, with these settings."""
    initdb = "initdb --auth=trust --username=postgres --no-sync --locale=C --pgdata=/tmp/data"
    serve = " ".join(["exec", "postgres", "-D", "/tmp/data", *(f"-c {option}" for option in options)])
    return "/bin/sh", "-c", f"{initdb} && {serve}"


def _archive() -> bytes:
    programs = {Path(f"/usr/bin/{name}"): _found(name) for name in ("dash", "sleep", "redis-server", "redis-cli")}
    postgres = _postgres()
    files = {target: source.resolve() for target, source in programs.items()}
    files |= {postgres / "bin" / name: postgres / "bin" / name for name in ("postgres", "initdb", "psql")}
    files |= {postgres / "lib" / name: postgres / "lib" / name for name in ("dict_snowball.so", "plpgsql.so")}
    for library in _libraries(files.values()):
        files.setdefault(library, library.resolve())
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name in ("tmp", "run/postgresql"):
            _folder(tar, name, 0o1777)
        for name in _LINKED:
            _link(tar, name, f"usr/{name}")
        _link(tar, "var/run", "../run")
        _link(tar, "usr/bin/sh", "dash")
        for name in ("postgres", "initdb", "psql"):
            _link(tar, f"usr/bin/{name}", f"{postgres}/bin/{name}")
        _text(tar, "etc/passwd", "root:x:0:0::/:/bin/sh\npostgres:x:70:70::/tmp:/bin/sh\n")
        for target, source in files.items():
            tar.add(source, _within(target))
        tar.add(f"/usr/share/postgresql/{postgres.name}", f"usr/share/postgresql/{postgres.name}")
        tar.add(Path("/usr/share/zoneinfo/UTC").resolve(), "usr/share/zoneinfo/UTC")
    return archive.getvalue()


def _found(program: str) -> Path:
    return Path(shutil.which(program) or pytest.fail(f"apt-get install {program}", pytrace=False))


def _postgres() -> Path:
    """``/usr/lib/postgresql/15``."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return found[-1].parents[1] if found else pytest.fail("apt-get install postgresql", pytrace=False)


def _libraries(programs: object) -> list[Path]:
    listed = subprocess.run(
        ["ldd", *map(str, programs)],  # type: ignore[call-overload]
        check=True, capture_output=True, text=True, timeout=COMMAND_TIMEOUT,
    )  # fmt: skip
    return [Path(word) for word in listed.stdout.split() if word.startswith("/") and not word.endswith(":")]


def _within(path: Path) -> str:
    """Under /usr where the machine has it linked there: a link and a folder of one name would not do."""
    parts = path.parts[1:]
    return str(Path("usr", *parts) if parts[0] in _LINKED else Path(*parts))


def _folder(tar: tarfile.TarFile, name: str, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    tar.addfile(entry)


def _link(tar: tarfile.TarFile, name: str, target: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    tar.addfile(entry)


def _text(tar: tarfile.TarFile, name: str, text: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(text.encode()), 0o644
    tar.addfile(entry, io.BytesIO(text.encode()))
