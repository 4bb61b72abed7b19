"""A network of the test process's own: loopback, container addresses and published ports meet nobody else's.

The engines and everything else the tests start inherit it. It vanishes with its last process, so that a crashed
run leaves no bridge and no firewall rule behind.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CLONE_NEWNET = 0x40000000


@contextmanager
def private_network() -> Iterator[None]:
    """Move the calling thread, and all threads and processes it starts from now on, into a new network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open("rb") as home:
        _check(libc.unshare(CLONE_NEWNET), "unshare")
        try:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True, timeout=10)
            yield
        finally:
            _check(libc.setns(home.fileno(), CLONE_NEWNET), "setns")


def _check(returned: int, call: str) -> None:
    if returned != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{call}(CLONE_NEWNET): {os.strerror(error)}: the live tests need root")
