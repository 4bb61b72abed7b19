"""What the endpoints answer with besides their own shapes: the OpenAPI entries of every error they can give."""

from __future__ import annotations

from typing import Any, Final

from orchestrator.api.problems import Problem


def problems(**described: str) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries of the errors an endpoint can answer with, keyed ``s404="..."``."""
    return {int(key[1:]): {"model": Problem, "description": text} for key, text in described.items()}


ACCESS: Final = problems(
    s401="A token is asked for.",
    s403="A foreign host or site, or a token that may only read.",
    s413="A body of more than 64 KiB; none is needed.",
    s429="Too many wrong tokens from this address; `Retry-After` tells when it may try again.",
    s500="Our own failure.",
)
READ: Final = {**ACCESS, **problems(s422="Bad input.")}
ONE: Final = {**READ, **problems(s404="No such service.")}
CHANGE: Final = {
    **ONE,
    **problems(
        s409="Refused as things stand: an action is in flight, or the service is disabled, paused, not ours to act on, "
        "or has no container.",
        s503="The engine cannot be reached, or the orchestrator did not decide in time.",
    ),
}
VERIFIED: Final = {
    **CHANGE,
    **problems(
        s502="With `wait`: it was carried out and did not work; the `detail` says why.",
        s504="With `wait`: not seen to have worked in time. It goes on.",
    ),
}
"""Of the commands that can be waited for; their 200 is declared with them."""
