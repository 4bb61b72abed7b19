"""Where state is kept."""

from orchestrator.adapters.stores.sqlite import SqliteStore

__all__ = ["SqliteStore"]
