"""Programs that no shell can be: written byte by byte, because no compiler is required."""

from __future__ import annotations

import platform
import struct
from pathlib import Path

_BASE = 0x400000
_STUCK = bytes.fromhex("b83a000000 0f05 b822000000 0f05 ebf7")
"""x86-64: vfork(); for (;;) pause(). The parent waits in the kernel, in state D, for a child that never ends."""


def stuck_program(folder: Path) -> Path:
    """A program whose first process is in state D for ever; SIGKILL ends it."""
    assert platform.machine() == "x86_64", "the program that gets stuck is written for x86-64"
    program = folder / "stuck"
    program.write_bytes(_elf(_STUCK))
    program.chmod(0o755)
    return program


def _elf(code: bytes) -> bytes:
    """A static executable: file header, one loadable segment, code."""
    entry = _BASE + 64 + 56
    size = 64 + 56 + len(code)
    identification = b"\x7fELF" + bytes((2, 1, 1)) + bytes(9)
    header = struct.pack("<16sHHIQQQIHHHHHH", identification, 2, 62, 1, entry, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000)
    return header + segment + code
