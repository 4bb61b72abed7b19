"""Foreign words on a terminal: what containers, engines and labels say is shown, never obeyed."""

from __future__ import annotations

import re
from typing import Final

_BEYOND_ASCII: Final = r"\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_CONTROL: Final = re.compile(f"[\x00-\x1f{_BEYOND_ASCII}]")
_LEFT_BY_JSON: Final = re.compile(f"[{_BEYOND_ASCII}]")


def printable(text: str) -> str:
    """Control characters made visible: no text moves the cursor, recolours the screen or forges a line."""
    return _CONTROL.sub(lambda match: match.group().encode("unicode_escape").decode("ascii"), text)


def printable_json(text: str) -> str:
    """JSON that means the same, with the control characters escaped that JSON itself lets pass."""
    return _LEFT_BY_JSON.sub(lambda match: f"\\u{ord(match.group()):04x}", text)
