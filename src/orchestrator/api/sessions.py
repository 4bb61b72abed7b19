"""What a browser holds instead of a token: a cookie that says what its holder may do and until when, sealed.

The token itself is sent once, to log in, and kept nowhere. The seal is made with the token: a session outlives our
restart, and ends when the token is changed. Scripts cannot read the cookie, and browsers do not send it along with what
pages of other sites ask for.
"""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256
from typing import Final

from orchestrator.api.tokens import Role
from orchestrator.ports import Clock

LIFETIME: Final = 30 * 86400
"""Seconds. The page is left open on a second screen."""
MOST_ENDED: Final = 4096
"""Ended sessions that are remembered; of more, the one that expires first is forgotten."""


class Sessions:
    """Of the holders of two tokens; without tokens there are none."""

    def __init__(self, clock: Clock, admin: str | None = None, read: str | None = None) -> None:
        self._clock = clock
        given: dict[Role, str | None] = {"admin": admin, "read": read}
        self._keys = {role: _key(token) for role, token in given.items() if token is not None}
        self._ended: dict[str, float] = {}
        """When the sessions whose holders logged out would have expired, by nonce."""
        names = b"".join(self._keys.values())
        self.cookie: Final = f"orchestrator_{sha256(names).hexdigest()[:8]}"
        """Its name: cookies know no port, and two orchestrators on one machine must not log each other out."""

    def begin(self, role: Role) -> str:
        """The value of a new session's cookie."""
        expires = int(self._clock.now().wall) + LIFETIME
        words = f"{role}.{expires}.{secrets.token_hex(16)}"
        return f"{words}.{self._seal(role, words)}"

    def role(self, cookies: str) -> Role | None:
        """What a request with this ``Cookie`` header may do; ``None``: it has no session that holds."""
        found = self._opened(cookies)
        return None if found is None or found[2] in self._ended else found[0]

    def end(self, cookies: str) -> None:
        """Whoever copied the cookie cannot go on with it either, until our next start."""
        found = self._opened(cookies)
        if found is None:
            return
        now = self._clock.now().wall
        self._ended = {nonce: expires for nonce, expires in self._ended.items() if expires > now}
        self._ended[found[2]] = found[1]
        if len(self._ended) > MOST_ENDED:
            self._ended.pop(min(self._ended, key=self._ended.__getitem__))

    def _opened(self, cookies: str) -> tuple[Role, float, str] | None:
        """Role, expiry and nonce of what was sealed by us and has not expired."""
        for pair in cookies.split(";"):
            name, _, value = pair.strip().partition("=")
            words, _, seal = value.rpartition(".")
            parts = words.split(".")
            if name != self.cookie or len(parts) != 3 or not seal.isascii():
                continue
            for role in self._keys:
                if hmac.compare_digest(self._seal(role, words), seal) and parts[0] == role:
                    expires = float(parts[1])
                    return (role, expires, parts[2]) if expires > self._clock.now().wall else None
        return None

    def _seal(self, role: Role, words: str) -> str:
        return hmac.new(self._keys[role], words.encode("utf-8", "surrogatepass"), sha256).hexdigest()


def _key(token: str) -> bytes:
    return hmac.new(token.encode("utf-8", "surrogatepass"), b"orchestrator session", sha256).digest()
