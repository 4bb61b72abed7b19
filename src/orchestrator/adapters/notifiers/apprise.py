"""Everything that Apprise speaks: mail, chats, push services. Imported when the first message is sent.

Its plugins block, each with time-outs of its own: a thread for each channel sends one message at a time, and while one
hangs in there further ones are refused at once.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
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
        with _EAR.listening() as said:
            accepted = Apprise([service]).notify(
                title=notification.subject,
                body=notification.text,
                body_format=NotifyFormat.TEXT,  # what a container wrote becomes no markup in somebody's mail
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


class _Ear(logging.Handler):
    """Hears what Apprise logs of one message, in whichever of its threads: its answer is yes or no, and why is in its
    log alone."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: ContextVar[list[str] | None] = ContextVar("said", default=None)

    @contextmanager
    def listening(self) -> Iterator[list[str]]:
        said: list[str] = []
        token = self._said.set(said)
        logging.getLogger("apprise").addHandler(self)  # once, however often
        try:
            yield said
        finally:
            self._said.reset(token)

    def emit(self, record: logging.LogRecord) -> None:
        said = self._said.get()
        if said is not None:
            said.append(record.getMessage())


_EAR: Final = _Ear()


def _taken_note_of(job: asyncio.Future[Any]) -> None:
    """Nobody may wait any more for one that came too late: its error must not be reported as forgotten."""
    if not job.cancelled():
        job.exception()
