"""How often a client may send a wrong token, and how often the log tells of those who were turned away."""

from __future__ import annotations

import ipaddress
import logging
from collections import OrderedDict
from typing import Final

from orchestrator.ports import Clock

logger: Final = logging.getLogger("orchestrator")

BURST: Final = 10
"""Wrong tokens that one address may send in a row."""
REFILL: Final = 6.0
"""Seconds after which it may send one more."""
MOST_ADDRESSES: Final = 1024
"""Remembered at once; of more, those that failed least recently are forgotten."""
TELL_EVERY: Final = 10.0
"""Seconds between two lines of one kind: strangers must not fill the log."""


class FailedLogins:
    """A token bucket for each address, on the monotonic clock. Addresses do not know of each other."""

    def __init__(self, clock: Clock, most: int = MOST_ADDRESSES) -> None:
        self._clock = clock
        self._most = most
        self._free_at: OrderedDict[str, float] = OrderedDict()
        """The moment at which an address has paid for all its failures; one costs ``REFILL`` seconds."""

    def __len__(self) -> int:
        return len(self._free_at)

    def wait(self, client: str) -> float:
        """Seconds for which this address is not listened to; 0: it may try."""
        owed = self._free_at.get(_network(client), 0.0) - self._clock.now().moment
        return max(0.0, owed - (BURST - 1) * REFILL)

    def failed(self, client: str) -> None:
        network, now = _network(client), self._clock.now().moment
        self._free_at[network] = max(self._free_at.get(network, now), now) + REFILL
        self._free_at.move_to_end(network)
        while len(self._free_at) > self._most:
            self._free_at.popitem(last=False)


class RefusalLog:
    """Tells of a refusal at once, then at most every 10 s of each kind, with the number of those not told of."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told_at: dict[str, float] = {}
        self._untold: dict[str, int] = {}

    def tell(self, code: str, method: str, client: str) -> None:
        """Nothing that the client sent is written: neither its token nor its path."""
        now = self._clock.now().moment
        if now - self._told_at.get(code, -TELL_EVERY) < TELL_EVERY:
            self._untold[code] = self._untold.get(code, 0) + 1
            return
        self._told_at[code] = now
        fields: dict[str, object] = {"refusal": code, "method": method, "client": client}
        untold = self._untold.pop(code, 0)
        if untold:
            fields["others_since"] = untold
        logger.warning("Request refused", extra=fields)


def _network(client: str) -> str:
    """Whoever has one IPv6 address has its whole /64."""
    try:
        address = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return client
    if isinstance(address, ipaddress.IPv4Address):
        return client
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))
