"""The two bearer tokens: one that may do everything, one that may only read. Neither is ever shown."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from hashlib import sha256
from typing import Final, Literal

from orchestrator.errors import OrchestratorError

ADMIN_VARIABLE: Final = "ORCHESTRATOR_API_TOKEN"
READ_VARIABLE: Final = "ORCHESTRATOR_API_READ_TOKEN"
SHORTEST: Final = 16
"""Characters below which a token can be guessed sooner than one thinks."""

Role = Literal["admin", "read"]


class UnusableTokens(OrchestratorError):
    """The tokens would not do what whoever set them expects; nothing was started."""


class Tokens:
    """Compares what a client sent, in a time that tells nothing: always with both, and digests of one length."""

    def __init__(self, admin: str | None = None, read: str | None = None) -> None:
        self._admin = None if admin is None else _digest(admin)
        self._read = None if read is None else _digest(read)

    def __repr__(self) -> str:
        admin, read = ("none" if one is None else "set" for one in (self._admin, self._read))
        return f"Tokens(admin={admin}, read={read})"

    @property
    def required(self) -> bool:
        """Whether nobody gets in without one."""
        return self._admin is not None

    def role(self, given: str) -> Role | None:
        """What the bearer of ``given`` may do; ``None``: it is neither."""
        digest = _digest(given)
        is_admin = hmac.compare_digest(digest, self._admin or b"")
        is_reader = hmac.compare_digest(digest, self._read or b"")
        if is_admin:
            return "admin"
        return "read" if is_reader else None


def check(admin: str | None, read: str | None) -> Sequence[str]:
    """Warnings, in words; raises :class:`UnusableTokens` for what must not be started with."""
    named = [(name, one) for name, one in ((ADMIN_VARIABLE, admin), (READ_VARIABLE, read)) if one is not None]
    for name, one in named:
        if not (one.isascii() and one.isprintable()) or one != one.strip():
            raise UnusableTokens(
                f"{name} cannot be sent in a header: it has blanks around it, or characters that are not printable "
                "ASCII. Take letters and digits, such as those of `openssl rand -hex 32`."
            )
    if admin is not None and read is not None and hmac.compare_digest(_digest(admin), _digest(read)):
        raise UnusableTokens(
            f"{READ_VARIABLE} is the same as {ADMIN_VARIABLE}: whoever is to read only could also restart containers. "
            "Give them different values."
        )
    warnings = [
        f"{name} has fewer than {SHORTEST} characters and can be guessed: take a longer one, such as that of "
        "`openssl rand -hex 32`."
        for name, one in named
        if len(one) < SHORTEST
    ]
    if read is not None and admin is None:
        warnings.append(
            f"{READ_VARIABLE} is set without {ADMIN_VARIABLE}: every user of this machine may still change things, "
            "without any token."
        )
    return warnings


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
