"""Every address where an engine may answer, tried side by side."""

from __future__ import annotations

import asyncio
import getpass
import grp
import os
import pwd
import shutil
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from orchestrator.adapters.engine.connection import Connection, guarded
from orchestrator.adapters.engine.endpoint import candidates
from orchestrator.doctor.facts import Attempt, EngineSeen, SocketFile
from orchestrator.errors import EngineUnavailable

_PROGRAMS: Final = {"dockerd": "docker", "podman": "podman"}


async def look_at_engines(explicit: str | None, environment: Mapping[str, str], patience: float) -> EngineSeen:
    """``patience``: seconds for each address."""
    addresses = candidates(environment, _exists, os.getuid(), explicit)
    attempts = await asyncio.gather(*(_attempt(address, environment, patience) for address in addresses))
    installed = frozenset(name for program, name in _PROGRAMS.items() if shutil.which(program))
    return EngineSeen(tuple(attempts), _user(), installed)


async def _attempt(address: str, environment: Mapping[str, str], patience: float) -> Attempt:
    socket = socket_file(address)
    try:
        connection = Connection(address, environment, patience)
    except EngineUnavailable as error:
        return Attempt(address, error, socket)
    try:
        async with guarded(address, patience):
            identity = await connection.negotiate()
            begun = time.time()
            told, date = await connection.ask_dated("/info")
            ahead = ahead_of_us(date, begun, time.time())
    except EngineUnavailable as error:
        return Attempt(address, error, socket)
    finally:
        await connection.close()
    return Attempt(address, identity, socket, ahead, rootless(told))


def ahead_of_us(date: float, begun: float, ended: float) -> float:
    """Of a clock that showed ``date``, in whole seconds or 0 for none, at some moment between the two of ours."""
    if not date or int(begun) <= date <= ended:
        return 0.0
    return date - ended if date > ended else date - int(begun)


def rootless(told: object) -> bool | None:
    options = told.get("SecurityOptions") if isinstance(told, dict) else None
    return None if options is None else any("rootless" in str(option) for option in options)


def socket_file(address: str) -> SocketFile | None:
    path = address.removeprefix("unix://")
    if not path.startswith("/"):
        return None
    try:
        status = Path(path).stat()
    except OSError:
        return None
    mode = stat.S_IMODE(status.st_mode)
    return SocketFile(_owner(status.st_uid), _group(status.st_gid), mode & stat.S_IRGRP > 0 < mode & stat.S_IWGRP)


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:  # a folder that we may not look into
        return False


def _owner(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an id without a name, as in many containers
        return str(os.getuid())
