"""Every store, and the fake, under the one contract suite."""

from __future__ import annotations

import pytest

from orchestrator.adapters.stores import SqliteStore
from orchestrator.ports import StateStore
from orchestrator.testing import VirtualClock
from orchestrator.testing.store import Medium, MemoryStore
from tests.adapters.stores.contract import StateStoreContract


class TestSqliteStore(StateStoreContract):
    def make(self) -> StateStore:
        return SqliteStore(self.directory / "state.db", VirtualClock())


class TestMemoryStore(StateStoreContract):
    @pytest.fixture(autouse=True)
    def medium(self) -> None:
        self.kept = Medium()

    def make(self) -> StateStore:
        return MemoryStore(self.kept)
