"""Whether an address of a Redis server can be used. What is wrong with it is said without its password."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

_FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_EXAMPLE: Final = "write redis://USER:PASSWORD@HOST:6379/0, rediss:// for TLS, or unix:///PATH"


def redis_url(value: object) -> str:
    """The text as it is; :class:`ValueError` with what is wrong and what would be right."""
    text = value.strip() if isinstance(value, str) else ""
    try:
        parts = urlsplit(text)
        port = parts.port
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise ValueError(f"it cannot be read as an address; {_EXAMPLE}; percent-encode the password") from None
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise ValueError(f"it names no kind of Redis address; {_EXAMPLE}")
    if parts.fragment:
        raise ValueError("it contains a '#'; percent-encode the password (%23)")
    if parts.scheme == "unix":
        if not parts.path.startswith("/") or parts.hostname:
            raise ValueError(f"it names no absolute path; {_EXAMPLE}")
    elif not parts.hostname or port == 0:
        raise ValueError(f"it names no host and port; {_EXAMPLE}; percent-encode the password")
    _check_database(parts)
    for option, given in options:
        _check_option(parts.scheme, option, given)
    return text


def _check_database(parts: SplitResult) -> None:
    number = parts.path.removeprefix("/")
    if parts.scheme != "unix" and number and not (number.isascii() and number.isdecimal()):
        raise ValueError("its path is no database number; end it with /0, /1, ...")


def _check_option(scheme: str, option: str, given: str) -> None:
    if option == "db" and scheme == "unix":
        if not (given.isascii() and given.isdecimal()):
            raise ValueError("its db is no database number; write ?db=1")
    elif option in _FILES and scheme == "rediss":
        if not Path(given).is_file():
            raise ValueError(f"its {option} is no file: {given}")
    else:
        raise ValueError(
            f"its option {option!r} is not known for {scheme}://; "
            f"known are {', '.join(_FILES)} for rediss:// and db for unix://"
        )
