"""Prometheus' answer read, and everything that is none told in words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import pytest

from orchestrator.adapters.prometheus import LARGEST_ANSWER, LONGEST_ERROR, PrometheusClient
from orchestrator.ports import ScrapeTarget, Target
from tests.adapters.probes.servers import http, serving

UP = {
    "labels": {"instance": "redis-exporter:9121", "job": "redis"},
    "scrapePool": "redis",
    "scrapeUrl": "http://redis-exporter:9121/metrics",
    "lastError": "",
    "lastScrape": "2024-01-15T10:00:00.123456789Z",
    "health": "up",
}


def asked(*pieces: bytes, hold: bool = False, timeout: float = 5.0) -> tuple[ScrapeTarget, ...] | str:
    async def main(pieces: Sequence[bytes]) -> tuple[ScrapeTarget, ...] | str:
        async with serving(pieces, hold=hold) as served:
            told = await PrometheusClient().targets(Target("c1", served.host, served.port), timeout)
            assert b"GET /api/v1/targets?state=active HTTP/1.1\r\n" in served.heard[0]
            return told

    return asyncio.run(main(pieces))


def listing(*targets: object) -> bytes:
    return http("200 OK", json.dumps({"status": "success", "data": {"activeTargets": targets}}).encode())


def test_a_target_is_read_as_prometheus_tells_it() -> None:
    assert asked(listing(UP)) == (
        ScrapeTarget("redis", "redis-exporter:9121", "redis-exporter", 9121, "up", "", 1_705_312_800.123456),
    )


def test_a_target_that_was_never_scraped_and_one_without_a_port() -> None:
    never = {**UP, "health": "unknown", "lastScrape": "0001-01-01T00:00:00Z", "scrapeUrl": "https://[::1]/metrics"}
    assert asked(listing(never)) == (
        ScrapeTarget("redis", "redis-exporter:9121", "::1", 443, "unknown", "", None),
    )  # fmt: skip


def test_the_words_on_a_failed_scrape_are_bounded() -> None:
    told = asked(listing({**UP, "health": "down", "lastError": "x" * 2000}))
    assert isinstance(told, tuple)
    assert (told[0].health, len(told[0].last_error)) == ("down", LONGEST_ERROR)


@pytest.mark.parametrize("foreign", [7, None, {}, {"labels": 3, "scrapeUrl": "http://[", "lastScrape": "soon"}])
def test_a_target_that_nobody_understands_is_listed_without_what_it_does_not_tell(foreign: object) -> None:
    assert asked(listing(foreign)) == (ScrapeTarget("", "", "", None, "unknown", "", None),)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (http("401 Unauthorized"), "HTTP 401"),
        (http("302 Found", b"", "Location: /login"), "HTTP 302"),
        (http("200 OK", b"<html></html>"), "not that of a Prometheus"),
        (http("200 OK", b'{"data": []}'), "not that of a Prometheus"),
        (http("200 OK", b"[" * 100_000), "not that of a Prometheus"),
        (b"SSH-2.0-x\r\n", "not HTTP"),
    ],
)
def test_what_is_no_view_of_targets_is_told_in_words(answer: bytes, words: str) -> None:
    told = asked(answer)
    assert isinstance(told, str)
    assert words in told


def test_an_endless_answer_is_read_to_its_limit_only() -> None:
    piece = b" " * (256 * 1024)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
    told = asked(head, *[chunk] * (LARGEST_ANSWER // len(piece) + 1), hold=True, timeout=30.0)
    assert isinstance(told, str)
    assert "larger than" in told


def test_one_that_never_answers_is_not_waited_for() -> None:
    assert asked(hold=True, timeout=0.05) == "no answer within 0.05 s"


def test_a_closed_port_is_told_as_what_it_is() -> None:
    async def main() -> tuple[ScrapeTarget, ...] | str:
        async with serving(()) as served:
            target = Target("c1", served.host, served.port)
        return await PrometheusClient().targets(target, 5.0)

    assert asyncio.run(main()) == "connection refused"
