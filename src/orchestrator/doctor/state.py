"""The store: whether what is decided survives, and who has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orchestrator.doctor.facts import ServeSeen, StateSeen
from orchestrator.doctor.findings import Finding, failed, warning, well

SCARCE: Final = 100 * 1024 * 1024
"""Bytes; the file with its 100 000 events needs some 50 MB."""


def judge_state(seen: StateSeen, serve: ServeSeen) -> Iterator[Finding]:
    if seen.trouble:
        yield failed(seen.location, seen.trouble, seen.remedy)
    else:
        words = "is not there yet and can be made" if seen.new else "can be read and written"
        yield well(seen.location, f"{words}, in use by {seen.holder}" if seen.holder else words)
    if seen.free is not None and seen.free < SCARCE:
        yield warning(seen.location, f"{seen.free / 2**20:.0f} MB are free beside it", "Free some space")
    if seen.holder and serve.health is None and not serve.refused:
        yield warning(
            seen.location,
            f"{seen.holder} has it, and no orchestrator answers at {serve.address}",
            "Name that one's address with --server; if it hangs, end it",
        )
    if serve.health is None:
        for name in seen.disabled:
            yield disabled(name, "it is remembered as disabled, and nothing is done for it")


def disabled(name: str, fact: str) -> Finding:
    remedy = f"Once the cause is gone, `orchestrator enable {name}` forgets its failures and heals it again"
    return warning(f"service {name}", fact, remedy)
