"""The dashboard: the files that were built from ``frontend/``, kept in memory, served to whoever may reach us.

They hold nothing of anybody's: what they show they ask the API for, by its rules. So they need no token, and one who
has none is shown where to give it.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

FOLDER: Final = Path(__file__).resolve().parent.parent / "dashboard"
"""Where the build puts them, in a source tree as in a wheel."""
START: Final = "index.html"
VIEWS: Final = ("/", "/graph", "/services/{name:path}", "/incidents", "/incidents/{id}", "/system")
"""Every address of the page is answered with the same file: which view it is, the page reads from it itself."""
_MEDIA_TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_PREFIXES: Final = ("/assets/", "/services/", "/incidents/")

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Nothing inline, nothing from elsewhere, and no text that becomes a script or a page."""
_FOR_EVER: Final = "public, max-age=31536000, immutable"
"""For files whose name changes with their content."""


def is_page(path: str) -> bool:
    """Whether ``path`` is one of the dashboard's, built or not."""
    return path in VIEWS or path.startswith(_PREFIXES)


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    compressed: bytes
    media_type: str
    tag: str


class Dashboard:
    """Its files, read once. In a source tree where nothing was built, each view says how to build it."""

    def __init__(self, folder: Path = FOLDER) -> None:
        found = sorted(path for path in folder.rglob("*") if path.suffix in _MEDIA_TYPES)
        self._files = {f"/{path.relative_to(folder).as_posix()}": _read(path) for path in found}

    @property
    def built(self) -> bool:
        return f"/{START}" in self._files

    def routes(self) -> list[BaseRoute]:
        assets = Route("/assets/{path:path}", self._asset, include_in_schema=False)
        return [*(Route(path, self._view, include_in_schema=False) for path in VIEWS), assets]

    async def _view(self, request: Request) -> Response:
        if not self.built:
            return PlainTextResponse(_NOT_BUILT, 503)
        return _answer(request, self._files[f"/{START}"], "no-cache")

    async def _asset(self, request: Request) -> Response:
        file = self._files.get(f"/assets/{request.path_params['path']}")
        if file is None:
            return PlainTextResponse("There is no such file: reload the page, it may be of an older version.", 404)
        return _answer(request, file, _FOR_EVER)


_NOT_BUILT: Final = """\
The dashboard was not built in this source tree. Build it and reload this page after a restart:

    make page

The API is there all the same: /api/system/services
"""


def _read(path: Path) -> _File:
    content = path.read_bytes()
    return _File(
        content, gzip.compress(content, mtime=0), _MEDIA_TYPES[path.suffix], f'"{sha256(content).hexdigest()[:16]}"'
    )


def _answer(request: Request, file: _File, caching: str) -> Response:
    headers = {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "Cache-Control": caching,
        "ETag": file.tag,
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("if-none-match") == file.tag:
        return Response(status_code=304, headers=headers)
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(file.content, media_type=file.media_type, headers=headers)
    return Response(file.compressed, media_type=file.media_type, headers={**headers, "Content-Encoding": "gzip"})
