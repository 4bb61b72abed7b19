"""Few slots, many who want one: at most so many at once, at most one for each key, first come first served."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Guest = TypeVar("Guest", bound=Hashable)


class Ration(Generic[Guest]):
    """Waiting costs nothing and is no failure; a guest whose key is taken lets those behind it pass."""

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._taken: set[Hashable] = set()
        self._waiting: dict[Guest, Hashable] = {}

    def line_up(self, guest: Guest, key: Hashable) -> None:
        """Wait for a slot; who waits already keeps its place."""
        self._waiting.setdefault(guest, key)

    def leave(self, guest: Guest) -> None:
        """Wait no longer; a slot already taken is not given back by this."""
        self._waiting.pop(guest, None)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def admit(self) -> tuple[Guest, Hashable] | None:
        """The next whose turn it is, holding a slot and its key from now on; ``None``: all must wait."""
        if self._free == 0:
            return None
        for guest, key in self._waiting.items():
            if key not in self._taken:
                del self._waiting[guest]
                self._taken.add(key)
                self._free -= 1
                return guest, key
        return None

    def give_back(self, key: Hashable) -> None:
        self._taken.remove(key)
        self._free += 1
