"""The recording in a file: lines of JSON, appended in batches by a thread, bounded in size."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from orchestrator.core.recording import DecisionRecord, Writer
from orchestrator.errors import StoreUnavailable
from orchestrator.ports import Clock

LARGEST: Final = 32 * 1024 * 1024
"""Bytes of one file: some 15,000 decisions. The one before it is kept as ``NAME.1``, older ones are not."""

_BEGINNING: Final = b'{"recording":'
_LONGEST_LINE: Final = 1024 * 1024


class RecordingFile:
    """Implements :class:`orchestrator.ports.DecisionSink` on a local file (0600), which is made where it is missing.

    A file of others is never touched. What a process that was killed left of its last line is cut off.
    """

    def __init__(self, path: Path, clock: Clock, version: str, *, largest: int = LARGEST) -> None:
        self._path = path
        self._clock = clock
        self._version = version
        self._largest = largest
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="recording")
        self._writer: Writer | None = None
        """``None``: nothing was written yet to the file that is there."""

    @property
    def location(self) -> str:
        return str(self._path)

    async def write(self, records: Sequence[DecisionRecord], lost: int) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._append, records, lost)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    # --- in the thread ---------------------------------------------------------------------------------------

    def _append(self, records: Sequence[DecisionRecord], lost: int) -> None:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._opened() as descriptor:
                self._write(descriptor, records, lost)
        except OSError as error:
            self._writer = None
            raise StoreUnavailable(f"{self._path} cannot be written: {error.strerror or error}") from None

    def _opened(self) -> _Descriptor:
        descriptor = _Descriptor(self._path)
        if descriptor.size >= self._largest:
            descriptor.close()
            self._path.replace(f"{self._path}.1")
            self._writer = None
            return _Descriptor(self._path)
        return descriptor

    def _write(self, descriptor: _Descriptor, records: Sequence[DecisionRecord], lost: int) -> None:
        text = ""
        if self._writer is None or descriptor.size == 0:
            descriptor.take_over()
            self._writer = Writer()
            text = self._writer.head(self._version, self._clock.now())
        if lost:
            text += self._writer.lost(lost)
        descriptor.append((text + "".join(map(self._writer.lines, records))).encode())


class _Descriptor:
    """The file while a batch is written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.size = os.fstat(self._number).st_size

    def __enter__(self) -> _Descriptor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        os.close(self._number)

    def take_over(self) -> None:
        """From the process that wrote it before."""
        if self.size == 0:
            return
        if os.pread(self._number, len(_BEGINNING), 0) != _BEGINNING:
            raise StoreUnavailable(f"{self._path} is no recording of decisions, and is left alone: name another file.")
        start = max(self.size - _LONGEST_LINE, 0)
        whole = os.pread(self._number, _LONGEST_LINE, start).rfind(b"\n") + 1
        os.ftruncate(self._number, start + whole)

    def append(self, written: bytes) -> None:
        """Whole or not at all, as far as the disk lets us."""
        size = os.fstat(self._number).st_size
        try:
            while written:
                written = written[os.write(self._number, written) :]
        except OSError:
            os.ftruncate(self._number, size)
            raise
