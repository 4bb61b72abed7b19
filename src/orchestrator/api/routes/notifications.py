"""``/api/system/notifications``: how the channels are doing, and test messages through them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from orchestrator.api import schemas
from orchestrator.api.answers import ACCESS, problems
from orchestrator.api.security import requester_of
from orchestrator.api.supervisor import Supervisor
from orchestrator.ports import Clock
from orchestrator.runtime.notifier import Trial
from orchestrator.runtime.views import timestamp


class ChannelTest(BaseModel):
    """How a test message through one channel ended."""

    channel: str
    address: str = Field(description="Without anything that may be secret.", examples=["https://hooks.example.com"])
    accepted: bool
    detail: str = Field(examples=["HTTP 204"])
    seconds: float

    @classmethod
    def of(cls, tested: Trial) -> ChannelTest:
        return cls(
            channel=tested.channel,
            address=tested.address,
            accepted=tested.receipt.accepted,
            detail=tested.receipt.detail,
            seconds=round(tested.seconds, 3),
        )


class ChannelTests(BaseModel):
    results: list[ChannelTest] = Field(description="Empty: no channel is configured.")
    timestamp: schemas.Timestamp


class ChannelList(BaseModel):
    channels: list[schemas.Channel] = Field(description="In the order in which they are configured.")
    timestamp: schemas.Timestamp


class NotificationRoutes:
    def __init__(self, orchestrator: Supervisor, clock: Clock) -> None:
        self._orchestrator = orchestrator
        self._clock = clock

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/api/system/notifications", tags=["notifications"])
        tested = {**ACCESS, **problems(s404="No channel of this name is configured.", s422="No name.")}
        router.get("", summary="How the notification channels are doing", responses=ACCESS)(self.channels)
        router.post("/test", summary="Send a test message", responses=tested)(self.test_channels)
        return router

    async def channels(self) -> ChannelList:
        views = self._orchestrator.system().notifications
        return ChannelList(channels=[schemas.Channel.of(each) for each in views], timestamp=self._now())

    async def test_channels(
        self,
        request: Request,
        channel: Annotated[str | None, Query(description="Only through this one.", max_length=128)] = None,
    ) -> ChannelTests:
        tested = await self._orchestrator.test_notifications(requester_of(request.scope), channel)
        return ChannelTests(results=[ChannelTest.of(each) for each in tested], timestamp=self._now())

    def _now(self) -> str:
        return timestamp(self._clock.now().wall)
