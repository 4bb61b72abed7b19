"""Telling people: hears of incidents from the brain, and sends what is due in tasks of its own.

Healing never waits for it: the brain only leaves word here, and a channel that hangs holds up its own next message
alone.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from orchestrator.core import notices
from orchestrator.core.incidents import Incident
from orchestrator.core.model import Category, Instant
from orchestrator.core.notices import Book, Dispatch, Heard
from orchestrator.core.routing import NO_RULES, Quiet, Rules
from orchestrator.errors import UnknownChannel
from orchestrator.ports import Clock, Document, Notifier, Receipt
from orchestrator.runtime import wording
from orchestrator.runtime.maintenance import occurrences
from orchestrator.runtime.notice_document import book_document, book_of
from orchestrator.runtime.observer import Observer
from orchestrator.runtime.views import ChannelView

PATIENCE: Final = 10.0
"""Seconds for one attempt to deliver one message."""
TOLD: Final = "@notifications"
"""What was told is kept under this name, among the histories; no service is named so."""
_LONGEST_SLEEP: Final = 60.0
"""Seconds after which quiet hours are reckoned anew: the wall clock may have been stepped."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Telling:
    """What is configured."""

    rules: Rules = NO_RULES
    channels: Mapping[str, Notifier] = field(default_factory=dict)
    sender: str = ""
    """How this orchestrator calls itself."""


NOTHING_TOLD: Final = Telling()


@dataclass(frozen=True, slots=True)
class Trial:
    """How a test message to one channel ended."""

    channel: str
    address: str
    receipt: Receipt
    seconds: float


class Archive(Protocol):
    """The incidents, beyond what is heard of them."""

    def is_open(self, number: int) -> bool: ...

    async def recent(self) -> Sequence[Incident]:
        """Those that are not long over, as far as they were kept."""
        ...

    def note(self, incident: Incident, words: str) -> None:
        """A line for its story."""
        ...


class Messenger(Observer):
    """``category_of`` a service, where it is known; ``keep`` keeps what was told, for the next process."""

    def __init__(
        self,
        telling: Telling,
        clock: Clock,
        archive: Archive,
        *,
        category_of: Callable[[str], Category | None],
        keep: Callable[[Document], None],
    ) -> None:
        self._telling = telling
        self._clock = clock
        self._category_of = category_of
        self._archive = archive
        self._keep = keep
        self._book = Book()
        self._heard: dict[int, Heard] = {}
        self._busy: set[str] = set()
        self._retired: list[Notifier] = []
        self._undelivered: Mapping[str, int] = {}
        self._delivered_at: dict[str, float] = {}
        self._attempts: Counter[tuple[str, str]] = Counter()
        self._wake_at = 0.0
        self._changed = asyncio.Event()

    # --- told ------------------------------------------------------------------------------------------------

    def take_over(self, kept: Mapping[str, object]) -> None:
        """What the process before has told, at the start or as soon as it can be read."""
        now = self._clock.now()
        book = notices.continued(book_of(kept, now), self._book)
        self._remember(notices.configured(book, self._telling.rules, now), now)

    def adopt(self, telling: Telling) -> None:
        """From now on; messages under way end as they were begun."""
        self._retired += self._telling.channels.values()
        self._telling = telling
        now = self._clock.now()
        self._remember(notices.configured(self._book, telling.rules, now), now)
        self._changed.set()

    def incident_changed(self, incident: Incident) -> None:
        now = self._clock.now()
        if incident.merged_into is not None:
            self._book = notices.merged(self._book, incident.id, incident.merged_into)
            self._heard.pop(incident.id, None)
        else:
            before = self._heard.get(incident.id)
            known = {self._category_of(each.service) for each in incident.members}
            self._heard[incident.id] = Heard(
                incident,
                since=now.moment - max(0.0, now.wall - incident.opened_at) if before is None else before.since,
                categories=frozenset(each for each in known if each) | (before.categories if before else frozenset()),
            )
        self._changed.set()

    # --- seen ------------------------------------------------------------------------------------------------

    def views(self) -> tuple[ChannelView, ...]:
        """In the order in which they are configured."""
        return tuple(self._view(name, self._clock.now()) for name in self._telling.rules.channels)

    def _view(self, channel: str, now: Instant) -> ChannelView:
        outlet = self._book.outlet(channel)
        waits = outlet.retry_at > now.moment
        return ChannelView(
            name=channel,
            address=self._telling.channels[channel].address,
            working=not outlet.failure,
            detail=outlet.failure,
            undelivered=self._undelivered.get(channel, 0),
            retry_at=now.wall + outlet.retry_at - now.moment if waits else None,
            delivered_at=self._delivered_at.get(channel),
            delivered=self._attempts[channel, "accepted"],
            failed=self._attempts[channel, "failed"],
        )

    # --- sending ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled."""
        for incident in await self._archive.recent():
            if incident.id not in self._heard:
                self.incident_changed(incident)
        async with asyncio.TaskGroup() as group:
            while True:
                self._changed.clear()
                await self._part()
                for dispatch in self._plan():
                    self._busy.add(dispatch.channel)
                    group.create_task(self._deliver(dispatch), name=f"notify {dispatch.channel}")
                await self._sleep()

    async def close(self) -> None:
        self._retired += self._telling.channels.values()
        await self._part()

    async def _part(self) -> None:
        """From channels that are configured no more."""
        while self._retired:
            await self._retired.pop().close()

    def _plan(self) -> Sequence[Dispatch]:
        now, rules = self._clock.now(), self._telling.rules
        for number in [number for number, each in self._heard.items() if each.incident.closed_at is None]:
            if not self._archive.is_open(number):
                self._heard.pop(number)  # it goes by another number, since the store could be read at last
        for number in notices.finished(self._book, self._heard, rules, now):
            self._heard.pop(number)
            for channel in notices.left_waiting(self._book, number, rules):
                _log.warning("Notification given up", channel=channel, incident=number)
        self._remember(notices.pruned(self._book, self._heard, now), now)
        planned = notices.plan(self._book, self._heard, rules, now, quiet=self._quiet(now), busy=self._busy)
        self._undelivered = planned.undelivered
        self._wake_at = planned.wake_at
        return planned.dispatches

    async def _sleep(self) -> None:
        left = min(self._wake_at - self._clock.now().moment, _LONGEST_SLEEP)
        try:
            async with asyncio.timeout(max(left, 0.0)):
                await self._changed.wait()
        except TimeoutError:
            return

    def _quiet(self, now: Instant) -> dict[str, list[Quiet]]:
        """What quiet hours are on now, by channel."""
        found: dict[str, list[Quiet]] = {}
        for hours in self._telling.rules.quiet_hours:
            ends = [end for begin, end in occurrences(hours.window, now.wall) if begin <= now.wall < end]
            if ends:
                quiet = Quiet(now.moment + max(ends) - now.wall, hours.critical_breaks_through)
                for channel in self._telling.rules.channels:
                    if hours.concern(channel):
                        found.setdefault(channel, []).append(quiet)
        return found

    async def _deliver(self, dispatch: Dispatch) -> None:
        try:
            notification = wording.compose(dispatch, self._telling.sender, self._clock.now())
            receipt = await self._telling.channels[dispatch.channel].send(notification, PATIENCE)
        finally:
            self._busy.discard(dispatch.channel)
            self._changed.set()
        self._take_in(dispatch, receipt)

    def _take_in(self, dispatch: Dispatch, receipt: Receipt) -> None:
        now, channel = self._clock.now(), dispatch.channel
        failing = self._book.outlet(channel).failure
        self._attempts[channel, "accepted" if receipt.accepted else "failed"] += 1
        if not receipt.accepted:
            if not failing:
                _log.warning("Notification channel fails", channel=channel, detail=receipt.detail)
            self._book = notices.refused(self._book, dispatch, receipt.detail, now)
            return
        if failing:
            _log.info("Notification channel works again", channel=channel)
        self._delivered_at[channel] = now.wall
        self._remember(notices.accepted(self._book, dispatch, self._telling.rules, now), now)
        told = ",".join(f"{each.incident.id}:{each.kind}" for each in dispatch.notices)
        _log.info("Notification sent", channel=channel, incidents=told)
        for notice in dispatch.notices:
            newest = self._heard.get(notice.incident.id)
            self._archive.note(newest.incident if newest else notice.incident, f"{channel} was told ({notice.kind})")

    def _remember(self, book: Book, now: Instant) -> None:
        if book is not self._book:
            self._book = book
            self._keep(book_document(book, now))

    # --- asked -----------------------------------------------------------------------------------------------

    async def test(self, channel: str | None = None) -> tuple[Trial, ...]:
        """Send a test message through this channel, or all, side by side. Raises :class:`UnknownChannel`."""
        chosen = self._telling.rules.channels if channel is None else (channel,)
        for name in chosen:
            if name not in self._telling.channels:
                raise UnknownChannel(name, self._telling.rules.channels)
        return tuple(await asyncio.gather(*map(self._test, chosen)))

    async def _test(self, channel: str) -> Trial:
        begun = self._clock.now()
        notifier = self._telling.channels[channel]
        notification = wording.test_message(secrets.token_hex(16), channel, self._telling.sender, begun)
        receipt = await notifier.send(notification, PATIENCE)
        return Trial(channel, notifier.address, receipt, self._clock.now().moment - begun.moment)
