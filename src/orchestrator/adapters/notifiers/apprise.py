"""Everything that Apprise speaks: mail, chats, push services. Imported when the first message is sent.

Its plugins block, each with time-outs of its own: a thread for each channel sends one message at a time, and while one
hangs in there further ones are refused at once.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from orchestrator.core.notification import Notification, Tone
from orchestrator.ports import Receipt

MISSING: Final = (
    "Apprise is not installed here: pip install 'container-orchestrator[notifications]', then restart the orchestrator"
)
_TONES: Final = {Tone.INFO: "info", Tone.GOOD: "success", Tone.WARNING: "warning", Tone.BAD: "failure"}
_LONGEST_WORDS: Final = 200
_HIDDEN: Final = "***"


class AppriseNotifier:
    """Implements :class:`orchestrator.ports.Notifier` for one of Apprise's addresses."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._scheme = urlsplit(url).scheme
        self._thread: ThreadPoolExecutor | None = None
        self._job: asyncio.Future[Receipt] | None = None

    @property
    def address(self) -> str:
        """The scheme alone: which part of the rest is a secret, each service has its own way."""
        return f"{self._scheme}://"

    async def send(self, notification: Notification, timeout: float) -> Receipt:
        if self._job is not None and not self._job.done():
            return Receipt(False, "the message before still hangs")
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "notifications")
        self._job = asyncio.get_running_loop().run_in_executor(self._thread, self._deliver, notification)
        self._job.add_done_callback(_taken_note_of)
        await asyncio.wait({self._job}, timeout=timeout)
        return self._job.result() if self._job.done() else Receipt(False, f"no answer within {timeout:g} s")

    async def close(self) -> None:
        """What hangs is not waited for."""
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)
            self._thread = None

    def _deliver(self, notification: Notification) -> Receipt:
        try:
            from apprise import Apprise, NotifyFormat  # noqa: PLC0415 - optional, and large
        except ImportError:
            return Receipt(False, MISSING)
        service = Apprise.instantiate(self._url, suppress_exceptions=True)
        if service is None:
            return Receipt(False, f"Apprise knows no such {self._scheme}:// address")
        with _heard() as said:
            accepted = Apprise([service]).notify(
                title=notification.subject,
                body=notification.markdown,
                body_format=NotifyFormat.MARKDOWN,
                notify_type=_TONES[notification.tone],
                interpret_escapes=False,
            )
        if accepted:
            return Receipt(True, f"Apprise handed it to {service.service_name}")
        words = self._masked(said[-1]) if said else "Apprise does not say why"
        return Receipt(False, words[:_LONGEST_WORDS])

    def _masked(self, words: str) -> str:
        """Without anything of the address: Apprise masks its own, and its services do not always."""
        parts = {part for part in re.split(r"[/:@?&=#,]+", self._url.partition("://")[2]) if len(part) > 3}
        for part in sorted(parts, key=len, reverse=True):
            words = words.replace(part, _HIDDEN)
        return " ".join(words.split())


@contextmanager
def _heard() -> Iterator[list[str]]:
    """What Apprise logs in this thread meanwhile: its answer is yes or no, and why is in its log alone."""
    said: list[str] = []
    ear = _Ear(said)
    logger = logging.getLogger("apprise")
    logger.addHandler(ear)
    try:
        yield said
    finally:
        logger.removeHandler(ear)


class _Ear(logging.Handler):
    def __init__(self, said: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._said = said
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self._said.append(record.getMessage())


def _taken_note_of(job: asyncio.Future[Any]) -> None:
    """Nobody may wait any more for one that came too late: its error must not be reported as forgotten."""
    if not job.cancelled():
        job.exception()
