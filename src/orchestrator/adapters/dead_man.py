"""The dead-man ping: a GET that says no more than that we live."""

from __future__ import annotations

from orchestrator.adapters.outbound import public_address, request


class DeadManPing:
    """Implements :class:`orchestrator.ports.Pinger` for whoever offers an address for it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._address = public_address(url)

    @property
    def address(self) -> str:
        return self._address

    async def ping(self, timeout: float) -> str:
        receipt = await request("GET", self._url, timeout)
        return "" if receipt.accepted else receipt.detail
