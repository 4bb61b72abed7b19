"""What is known of one kind of thing, by key, and what of it the store does not have yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

Key = TypeVar("Key", str, int)
Thing = TypeVar("Thing")


class Shelf(Generic[Key, Thing]):
    """Everything told here or kept before: what a store that came back empty is filled with again.

    ``None`` is what has to be forgotten, until the store has forgotten it.
    """

    def __init__(self) -> None:
        self._things: dict[Key, Thing | None] = {}
        self._dirty: set[Key] = set()

    def put(self, key: Key, thing: Thing | None) -> bool:
        """Whether that is news; what was put there before and not yet written is superseded."""
        if thing is not None and self._things.get(key) == thing:
            return False
        self._things[key] = thing
        self._dirty.add(key)
        return True

    def get(self, key: Key) -> Thing | None:
        return self._things.get(key)

    def __iter__(self) -> Iterator[Thing]:
        """What is not to be forgotten."""
        return (thing for thing in self._things.values() if thing is not None)

    def drop(self, wanted: Callable[[Thing], bool]) -> None:
        """Let go, here alone, of what the store has and nobody wants here."""
        settled = [key for key in self._things if key not in self._dirty]
        for key in settled:
            thing = self._things[key]
            if thing is not None and not wanted(thing):
                del self._things[key]

    def withdraw(self, key: Key) -> None:
        """It was never there."""
        self._things.pop(key, None)
        self._dirty.discard(key)

    def waiting(self) -> dict[Key, Thing | None]:
        return {key: self._things[key] for key in self._dirty}

    @property
    def pending(self) -> int:
        return len(self._dirty)

    def written(self, batch: Mapping[Key, Thing | None]) -> None:
        """Take note of what the store has; what was put during the write stays to be written."""
        for key, thing in batch.items():
            if key not in self._things or self._things[key] is not thing:
                continue
            self._dirty.discard(key)
            if thing is None:
                del self._things[key]

    def join(self, kept: Mapping[Key, Thing]) -> None:
        """Take over what the store has and nothing was told of here."""
        for key, thing in kept.items():
            self._things.setdefault(key, thing)

    def rejoin(self, kept: Mapping[Key, Thing]) -> None:
        """The same, and mark what the store does not have (any more)."""
        told = dict(self._things)
        self.join(kept)
        self._dirty.update(key for key, thing in told.items() if kept.get(key) != thing)
