"""``/api/system/reload``: the configuration read anew."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from orchestrator.api.answers import ACCESS, problems
from orchestrator.api.security import requester_of
from orchestrator.api.supervisor import Reload, Reloaded

_RELOAD: Final = {
    **ACCESS,
    **problems(
        s422="The configuration cannot be used: `errors` holds all that is wrong. The one in force stays.",
    ),
}


class ReloadAnswer(BaseModel):
    """What the configuration that came into force changed."""

    success: bool = True
    message: str = Field(examples=["Configuration reloaded: 1 added, 2 changed, 0 removed"])
    added: list[str] = Field(description="Services that are listed now.")
    removed: list[str] = Field(description="Services that are not listed any more; nothing is done to containers.")
    changed: list[str] = Field(description="Services with another specification.")
    needs_restart: list[str] = Field(
        description="Settings whose new value waits for the next start of the orchestrator.", examples=[["port"]]
    )

    @classmethod
    def of(cls, reloaded: Reloaded) -> ReloadAnswer:
        return cls(
            message=f"Configuration reloaded: {reloaded}",
            added=list(reloaded.changes.added),
            removed=list(reloaded.changes.removed),
            changed=list(reloaded.changes.changed),
            needs_restart=list(reloaded.needs_restart),
        )


class ConfigurationRoutes:
    """``/api/system/reload``."""

    def __init__(self, reload: Reload) -> None:
        self._reload = reload

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/api/system", tags=["configuration"])
        router.post("/reload", summary="Read the configuration anew", responses=_RELOAD)(self.reload_configuration)
        return router

    async def reload_configuration(self, request: Request) -> ReloadAnswer:
        return ReloadAnswer.of(await self._reload(requester_of(request.scope)))
