"""How many files and sockets this process may hold: what everybody who opens many of them shares."""

from __future__ import annotations

import contextlib
import resource
from typing import Final

WANTED: Final = 8192


def open_files() -> int:
    """The limit, raised as far as is useful and allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(hard, WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return WANTED if soft == resource.RLIM_INFINITY else soft
