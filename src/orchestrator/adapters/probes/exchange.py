"""One question over one fresh TCP connection: the transport under every network probe.

A health question is a few hundred bytes out and a few hundred in. Streams and transports spend most of their
time on what that does not need (buffers, flow control, a task for the wait), so the socket is driven directly:
connect, say the opening at once, wait for one wake-up, listen, close. What is said and how an answer is judged is
a :class:`Dialogue`, which does no input or output of its own.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from abc import ABC, abstractmethod
from functools import lru_cache
from typing import Any

from orchestrator.core.model import Verdict
from orchestrator.ports import Reading, Target

RECEIVE_SIZE = 16 * 1024
"""Bytes taken from the kernel at a time."""

_ASKED_AND_REFUSED = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.ECONNABORTED: "connection aborted",
    errno.EPIPE: "connection closed",
    errno.ETIMEDOUT: "no answer to the connection attempt",
}
"""What the other side did; every other error of a socket is about us or the way there, and proves nothing."""

_NO_WAY_THERE = (
    "{host}:{port}, the container's own address, cannot be reached from here: "
    "publish the port, or set host (label orchestrator.host)"
)

Address = tuple[socket.AddressFamily, Any]


class Dialogue(ABC):
    """What is said to a server and what its answer means: pure, fed with bytes as they come."""

    opening: bytes = b""
    """Said as soon as the connection stands."""
    farewell: bytes = b""
    """Said before hanging up, so that the server logs nothing; read when the dialogue ended by itself."""

    def connected(self) -> Reading | None:
        """The connection stands; a reading ends the dialogue there."""
        return None

    @abstractmethod
    def feed(self, received: bytes) -> Reading | None:
        """Take in what came; ``None`` while the answer is not complete."""

    def hung_up(self, words: str) -> Reading:
        """The other side ended the connection before the answer was complete."""
        return Reading(Verdict.FAIL, words)

    def late(self, timeout: float) -> Reading:
        """Time is up (``timeout`` seconds) before the answer was complete."""
        return no_answer(timeout)


def no_answer(timeout: float) -> Reading:
    return Reading(Verdict.FAIL, f"no answer within {timeout:g} s")


def not_asked(words: str) -> Reading:
    return Reading(Verdict.UNKNOWN, words)


async def converse(dialogue: Dialogue, target: Target, timeout: float) -> Reading:
    """Hold the dialogue with the target; raises nothing but cancellation and ends within ``timeout`` seconds.

    A name with several addresses is tried in the resolver's order, each address getting its share of the time.
    """
    if not target.host or target.port is None:
        return not_asked("no address to ask")
    if not 0 < target.port < 65536:
        return not_asked(f"{target.port} is no port")
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    numeric = numeric_address(target.host, target.port)
    if numeric is not None:
        exchange = _Exchange(loop, dialogue, timeout)
        reading = await exchange.hold(numeric, deadline)
        if target.doubtful and reading.verdict is Verdict.FAIL and exchange.silent:
            return not_asked(_NO_WAY_THERE.format(host=target.host, port=target.port))
        return reading
    found = await _resolve(loop, target.host, target.port, timeout)
    if isinstance(found, Reading):
        return found
    return await _first_that_connects(loop, dialogue, found, deadline, timeout)


async def _first_that_connects(
    loop: asyncio.AbstractEventLoop, dialogue: Dialogue, addresses: list[Address], deadline: float, timeout: float
) -> Reading:
    worst = not_asked("the name has no address")
    for position, address in enumerate(addresses):
        share = (deadline - loop.time()) / (len(addresses) - position)
        exchange = _Exchange(loop, dialogue, timeout)
        reading = await exchange.hold(address, loop.time() + share, deadline)
        if exchange.connected:
            return reading
        if worst.verdict is not Verdict.FAIL:
            worst = reading
    return worst


@lru_cache(maxsize=4096)
def numeric_address(host: str, port: int) -> Address | None:
    """The socket address of a literal IPv4 or IPv6 address; ``None`` for a name."""
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)[0]
    except (OSError, UnicodeError):
        return None
    return family, address


async def _resolve(loop: asyncio.AbstractEventLoop, host: str, port: int, timeout: float) -> list[Address] | Reading:
    try:
        async with asyncio.timeout(timeout):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError:
        return not_asked(f"the name {host} was not resolved within {timeout:g} s")
    except socket.gaierror as error:
        return not_asked(f"the name {host} is not resolved: {error.strerror}")
    except (OSError, UnicodeError) as error:
        return not_asked(f"the name {host} is not resolved: {error}")
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


class _Exchange:
    """One connection of one dialogue; used once."""

    __slots__ = (
        "_alarm",
        "_answered",
        "_connection",
        "_descriptor",
        "_dialogue",
        "_loop",
        "_timeout",
        "_unsaid",
        "connected",
        "silent",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, dialogue: Dialogue, timeout: float) -> None:
        self._loop = loop
        self._dialogue = dialogue
        self._timeout = timeout
        self._unsaid = dialogue.opening
        self._answered: asyncio.Future[Reading] = loop.create_future()
        self.connected = False
        self.silent = False
        """Time was up before anything at all came back."""

    async def hold(self, address: Address, connect_by: float, answer_by: float | None = None) -> Reading:
        """Connect by one moment, be answered by the other (or the same)."""
        family, sockaddr = address
        try:
            self._connection = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            return _reading_of(error)
        self._alarm = self._loop.call_at(connect_by, self._time_is_up, answer_by)
        try:
            self._descriptor = self._connection.fileno()
            self._connect(sockaddr)
            return await self._answered
        finally:
            self._alarm.cancel()
            self._unhook()
            self._connection.close()

    def _unhook(self) -> None:
        if self.connected:
            self._loop.remove_reader(self._descriptor)
            return
        self._loop.remove_writer(self._descriptor)

    def _connect(self, sockaddr: Any) -> None:
        self._connection.setblocking(False)
        code = self._connection.connect_ex(sockaddr)
        if code not in (0, errno.EINPROGRESS):
            self._broken(OSError(code, os.strerror(code)))
            return
        # Over loopback and bridges the handshake is often through already: one wake-up less.
        if self._unsaid and self._say():
            self._stands()
            return
        self._loop.add_writer(self._descriptor, self._writable)

    def _say(self) -> bool:
        """Whether everything that was to be said is out."""
        try:
            sent = self._connection.send(self._unsaid)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            self._broken(error)
            return False
        self._unsaid = self._unsaid[sent:]
        return not self._unsaid

    def _writable(self) -> None:
        code = self._connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._broken(OSError(code, os.strerror(code)))
            return
        if self._unsaid and not self._say():
            return
        self._loop.remove_writer(self._descriptor)
        self._stands()

    def _stands(self) -> None:
        self.connected = True
        reading = self._dialogue.connected()
        if reading is not None:
            self._end(reading)
            return
        self._loop.add_reader(self._descriptor, self._readable)

    def _readable(self) -> None:
        try:
            received = self._connection.recv(RECEIVE_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._broken(error)
            return
        if not received:
            self._end(self._dialogue.hung_up("connection closed without an answer"))
            return
        reading = self._dialogue.feed(received)
        if reading is not None:
            self._part(reading)

    def _part(self, reading: Reading) -> None:
        self._end(reading)
        if self._dialogue.farewell:
            self._unsaid = self._dialogue.farewell
            self._say()

    def _broken(self, error: OSError) -> None:
        words = _ASKED_AND_REFUSED.get(error.errno or 0)
        if self.connected and words is not None:
            self._end(self._dialogue.hung_up(words))
            return
        self._end(_reading_of(error))

    def _time_is_up(self, answer_by: float | None) -> None:
        if self.connected and answer_by is not None:
            self._alarm = self._loop.call_at(answer_by, self._time_is_up, None)
            return
        self.silent = not self.connected
        self._end(self._dialogue.late(self._timeout))

    def _end(self, reading: Reading) -> None:
        if not self._answered.done():
            self._answered.set_result(reading)


def _reading_of(error: OSError) -> Reading:
    words = _ASKED_AND_REFUSED.get(error.errno or 0)
    if words is not None:
        return Reading(Verdict.FAIL, words)
    return not_asked(f"could not be asked: {error.strerror or error}")
