"""Secrets are replaced before anything is kept or told: by what they look like, and by where they were seen.

What a container's own environment calls a password is masked wherever the container wrote it, whatever it looks like.
Masking errs towards hiding: a word too many that is masked costs less than a secret that is kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

MASK: Final = "[masked]"
SHORTEST: Final = 4
"""Characters below which a secret value is not looked for: ``1`` and ``yes`` stand everywhere."""

_WORDS: Final = (
    r"pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|api_?-?key|access_?-?key|private_?-?key|auth|cookie"
    r"|signature|key|dsn"
)
_SECRET_NAME: Final = re.compile(rf"(?:^|[_.-])(?:{_WORDS})(?:s?$|[_.-])|password|passwd|secret|token|apikey", re.I)
_HARMLESS_NAMES: Final = frozenset({"PWD", "OLDPWD"})
_URL: Final = re.compile(r"(\b[a-z][a-z0-9+.-]*://)([^\s/@'\"]+)(?=@)", re.I)
_PATTERNS: Final = (
    # key=value, key: value, "key": "value"
    re.compile(
        r"((?:\b|_)(?:password|passwd|passphrase|pwd|secret|token|credentials?|api[_-]?key|access[_-]?key|private[_-]?key)"
        r"[a-z0-9_-]*[\"']?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;&]+)",
        re.I,
    ),
    re.compile(r"(\bauthorization[\"']?\s*[=:]\s*[\"']?(?:(?:bearer|basic|token)\s+)?)([^\s\"',;]+)", re.I),
    re.compile(r"(\b(?:bearer|basic)\s+)([a-z0-9._~+/=-]{8,})", re.I),
    re.compile(r"()(\b(?:AKIA|ASIA)[0-9A-Z]{16}\b)"),
    re.compile(r"()(\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)"),
    re.compile(r"()(\b(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-|sk-)[\w-]{16,})"),
)  # fmt: skip
_BEGIN: Final = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
_END: Final = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY-----")
_BLOCK_ON_ONE_LINE: Final = re.compile(rf"{_BEGIN.pattern}.*?{_END.pattern}")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/=]{16,}")


def names_a_secret(name: str) -> bool:
    """Whether a variable of this name holds one."""
    return name.upper() not in _HARMLESS_NAMES and _SECRET_NAME.search(name) is not None


def secrets_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The values to look for, longest first: one may be the beginning of another."""
    found: set[str] = set()
    for name, value in environment.items():
        if names_a_secret(name):
            found.update(line.strip() for line in value.splitlines())
        found.update(_credentials_in(value))
    return tuple(sorted((each for each in found if len(each) >= SHORTEST), key=lambda each: (-len(each), each)))


def masked_environment(environment: Mapping[str, str]) -> dict[str, str]:
    secrets = secrets_of(environment)
    return {
        name: MASK if names_a_secret(name) and value else mask(value, secrets) for name, value in environment.items()
    }


def mask(text: str, secrets: Sequence[str] = ()) -> str:
    """``text`` without what looks like a secret, and without ``secrets`` (longest first)."""
    for secret in secrets:
        text = text.replace(secret, MASK)
    text = _BLOCK_ON_ONE_LINE.sub(MASK, text)
    text = _URL.sub(_without_credentials, text)
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\g<1>{MASK}", text)
    return text


def mask_lines(lines: Sequence[str], secrets: Sequence[str] = ()) -> list[str]:
    """Line by line; of a private key that goes over many, also where its beginning was cut off."""
    masked: list[str] = []
    within = False
    for line in lines:
        if within or (_BEGIN.search(line) and not _BLOCK_ON_ONE_LINE.search(line)):
            within = _END.search(line) is None
            masked.append(MASK)
        elif _END.search(line) and not _BEGIN.search(line):
            for place in range(len(masked) - 1, -1, -1):
                if not _BASE64.fullmatch(masked[place].strip()):
                    break
                masked[place] = MASK
            masked.append(MASK)
        else:
            masked.append(mask(line, secrets))
    return masked


def _without_credentials(found: re.Match[str]) -> str:
    """The name of a user alone may be a token."""
    user, separator, _ = found[2].partition(":")
    return f"{found[1]}{user}:{MASK}" if separator else f"{found[1]}{MASK}"


def _credentials_in(value: str) -> list[str]:
    """The passwords of the addresses in a value."""
    return [found[2].rpartition(":")[2] for found in _URL.finditer(value)]
