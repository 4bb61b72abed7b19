"""``/api/system/login``, ``logout`` and ``session``: a browser shows a token once, and is known until it leaves."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from orchestrator.api.answers import ACCESS
from orchestrator.api.security import LOGIN_PATH, LOGOUT_PATH, Access, Caller, caller_of
from orchestrator.api.sessions import LIFETIME, Sessions


class Session(BaseModel):
    caller: Caller = Field(description="local: no token is asked for here.")
    may_change: bool = Field(description="Whether commands are accepted, or only questions.")
    token_required: bool


class SessionRoutes:
    def __init__(self, access: Access, sessions: Sessions) -> None:
        self._access = access
        self._sessions = sessions

    def router(self) -> APIRouter:
        router = APIRouter(tags=["session"])
        who = "Who asks, and what they may do"
        router.get("/api/system/session", summary=who, responses=ACCESS)(self.show_session)
        router.post(LOGIN_PATH, summary="A cookie instead of the token", responses=ACCESS)(self.log_in)
        router.post(LOGOUT_PATH, summary="The end of that", status_code=204, responses=ACCESS)(self.log_out)
        return router

    async def show_session(self, request: Request) -> Session:
        caller = caller_of(request.scope)
        return Session(caller=caller, may_change=caller != "reader", token_required=self._access.tokens.required)

    async def log_in(self, request: Request, response: Response) -> Session:
        """Send the token as `Authorization: Bearer TOKEN`. Where none is asked for there is nothing to log in to."""
        session = await self.show_session(request)
        if session.token_required:
            self._set_cookie(
                request, response, self._sessions.begin("read" if session.caller == "reader" else "admin"), LIFETIME
            )
        return session

    async def log_out(self, request: Request, response: Response) -> None:
        self._sessions.end(request.headers.get("cookie", ""))
        self._set_cookie(request, response, "", 0)

    def _set_cookie(self, request: Request, response: Response, value: str, lifetime: int) -> None:
        # a proxy in front of us may speak TLS where we do not: the browser's own word for where it is tells
        secure = urlsplit(request.headers.get("origin", "")).scheme == "https"
        response.set_cookie(
            self._sessions.cookie, value, max_age=lifetime, path="/", secure=secure, httponly=True, samesite="strict"
        )
