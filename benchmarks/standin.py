"""A stand-in for an engine with more running containers than a small machine can hold.

    python -m benchmarks.standin SOCKET COUNT PORT

Speaks as much of Docker's API as watching needs, in documents that a real Docker gave. All containers run, and are
checked over HTTP at one local port. ``GET /calls`` tells how often each kind of call came.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

RECORDED = Path(__file__).parent.parent / "tests" / "adapters" / "engine" / "recorded"
AGE = 1800
"""Seconds for which all were running when this began."""
LONGEST = 3600.0
"""Seconds after which this ends by itself, should nobody end it."""

Document = dict[str, Any]


class StandIn:
    def __init__(self, count: int, port: int) -> None:
        self.calls: Counter[str] = Counter()
        self._version = (RECORDED / "docker-version.json").read_bytes()
        labels = {
            f"{number:064x}": {
                "orchestrator.service": f"service-{number}",
                "orchestrator.host": "127.0.0.1",
                "orchestrator.port": str(port),
                "orchestrator.health.http": "/health",
            }
            for number in range(1, count + 1)
        }
        row = json.loads((RECORDED / "docker-list.json").read_text())[0]
        look = json.loads((RECORDED / "docker-inspect.json").read_text())["web"]
        self._since = time.time() - AGE
        self._list = json.dumps([_listed(row, key, own) for key, own in labels.items()]).encode()
        self._looks = {key: json.dumps(_looked_at(look, key, own, self._since)).encode() for key, own in labels.items()}

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/{path:.*}", self._answer)
        return application

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = re.sub(r"^/v[\d.]+", "", request.path)
        container = re.match(r"/containers/([0-9a-f]{64})/json", path)
        if container is not None:
            return self._json("inspect", self._looks[container[1]])
        match path:
            case "/calls":
                return web.json_response(self.calls)
            case "/version":
                return self._json("version", self._version)
            case "/_ping":
                return self._json("ping", b'"OK"')
            case "/containers/json":
                minutes = int(time.time() - self._since) // 60
                return self._json("list", self._list.replace(b"Up MINUTES", b"Up %d minutes" % minutes))
            case "/events":
                self.calls["events"] += 1
                return await _silence(request)
        raise web.HTTPNotFound

    def _json(self, kind: str, body: bytes) -> web.Response:
        self.calls[kind] += 1
        return web.Response(body=body, content_type="application/json")


async def _silence(request: web.Request) -> web.StreamResponse:
    """An event stream on which nothing happens."""
    response = web.StreamResponse()
    await response.prepare(request)
    await asyncio.sleep(LONGEST)
    return response


def _listed(row: Document, key: str, labels: Document) -> Document:
    up = {"State": "running", "Status": "Up MINUTES", "Ports": []}
    return {**row, **up, "Id": key, "Names": [f"/{labels['orchestrator.service']}"], "Labels": labels}


def _looked_at(look: Document, key: str, labels: Document, since: float) -> Document:
    state = {**look["State"], "StartedAt": datetime.fromtimestamp(since, UTC).isoformat()}
    config = {**look["Config"], "Labels": labels}
    return {**look, "Id": key, "Name": f"/{labels['orchestrator.service']}", "State": state, "Config": config}


if __name__ == "__main__":
    socket_path, containers, checked_port = sys.argv[1:]
    stand_in = StandIn(int(containers), int(checked_port))
    web.run_app(stand_in.application(), path=socket_path, print=None, access_log=None)
