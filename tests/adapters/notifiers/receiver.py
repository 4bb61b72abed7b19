"""A real HTTP receiver on a port of the loopback interface, that behaves as it is told to."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Received:
    path: str
    headers: Mapping[str, str]
    """By their lowercase names."""
    body: bytes


@dataclass
class Receiver:
    address: str = ""
    """``127.0.0.1:12345``"""
    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of its answers."""
    endless: bool = False
    """Its answer has no end."""
    hangs: bool = False
    received: list[Received] = field(default_factory=list)
    _released: threading.Event = field(default_factory=threading.Event)

    def release(self) -> None:
        """Whom it kept waiting is let go."""
        self.hangs = False
        self._released.set()

    def wait(self) -> None:
        self._released.wait(60)


@contextmanager
def listening(port: int = 0) -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if receiver.hangs:
                receiver.wait()
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.received.append(Received(self.path, headers, body))
            self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.end_headers()
            while receiver.endless:
                self.wfile.write(b"x" * 65536)

        do_GET = do_POST  # noqa: N815 - the name is the base class's

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                return

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    receiver.address = f"127.0.0.1:{server.server_port}"
    try:
        yield receiver
    finally:
        receiver.endless = False
        receiver.release()
        server.shutdown()
        server.server_close()
        thread.join()
