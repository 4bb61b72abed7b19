"""Who holds a shared store: an owner's name that tells others where it runs, and whether it still does."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from pathlib import Path
from typing import Final

LIFETIME: Final = 10_000
"""Milliseconds that a lease outlives its last renewal; the journal renews it every two seconds."""
OBSERVED: Final = 3.0
"""Seconds that a foreign lease is watched: a living owner renews it in that time."""


def new_owner() -> str:
    """Host, process id, where that id counts, and a number that no other has."""
    host = socket.gethostname().replace(" ", "") or "unknown"
    return f"{host} {os.getpid()} {_scope()} {secrets.token_hex(8)}"


def in_words(owner: str) -> str:
    parts = owner.split(" ")
    return f"process {parts[1]} on {parts[0]}" if len(parts) == 4 else "unknown"


def ended(owner: str) -> bool:
    """Whether it surely runs no more: its process id counts where ours does, and nobody has it."""
    parts = owner.split(" ")
    if len(parts) != 4 or parts[2] != _scope() or not parts[1].isdecimal():
        return False
    try:
        os.kill(int(parts[1]), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _scope() -> str:
    """The boot and the process namespace; empty parts would make strangers look alike, so they are made unique."""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}.{Path('/proc/self/ns/pid').stat().st_ino}"
    return secrets.token_hex(8)
