"""The address of the Redis that keeps the state: what is taken, and what is said without a password."""

from __future__ import annotations

import pytest

from orchestrator.adapters.stores.redis import public
from orchestrator.configuration.settings import load_settings


@pytest.mark.parametrize(
    "address",
    [
        "redis://host",
        "redis://:hush@host:6379/2",
        "rediss://user:hush@host",
        "redis://[::1]:7/0",
        "unix:///run/r.sock?db=1",
    ],
)
def test_an_address_is_taken_and_never_shown(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATOR_REDIS_URL", address)
    loaded = load_settings({}, None)
    assert loaded.problems == ()
    assert loaded.settings.redis_url is not None
    assert loaded.settings.redis_url.get_secret_value() == address
    assert "hush" not in repr(loaded.settings) + public(address)


@pytest.mark.parametrize(
    ("address", "remedy"),
    [
        ("http://:hush@host", "rediss:// for TLS"),
        ("redis://:hush@", "percent-encode"),
        ("redis://:hu/sh@host", "percent-encode"),
        ("redis://:hush#1@host", "percent-encode"),
        ("redis://:hush@host:99999", "percent-encode"),
        ("redis://:hush@host/first", "/0, /1"),
        ("redis://:hush@host?ssl_ca_certs=/x", "known are"),
        ("rediss://:hush@host?retries=5", "known are"),
        ("rediss://:hush@host?ssl_ca_certs=/nowhere", "is no file: /nowhere"),
        ("unix://run/redis.sock", "unix:///PATH"),
        ("unix:///run/redis.sock?db=x", "?db=1"),
    ],
)
def test_an_address_that_cannot_be_used_is_a_problem_with_its_remedy(
    address: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORCHESTRATOR_REDIS_URL", address)
    loaded = load_settings({}, None)
    (problem,) = loaded.problems
    assert problem.source == "ORCHESTRATOR_REDIS_URL"
    assert remedy in problem.fact
    assert "hu" not in problem.fact.replace("hub", "")
    assert loaded.settings.redis_url is None
