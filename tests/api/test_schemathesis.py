"""The published document held against the application: generated calls, good and bad, to every operation.

Always the same calls. Whatever is answered has to be declared, in its status, media type, headers and schema, by an
orchestrator that is well, by one that refuses or fails, and to a client without a token.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import schemathesis
from hypothesis import settings
from schemathesis import BaseSchema, Case, CheckFunction
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import positive_data_acceptance, unsupported_method

from orchestrator.api.app import create_app
from orchestrator.api.security import PUBLIC_PATHS, Access
from orchestrator.api.supervisor import Reloaded
from orchestrator.api.workers import Workers
from orchestrator.core.circuit import Circuit
from orchestrator.core.ending import Ending
from orchestrator.core.evidence import LogLine
from orchestrator.core.messages import Reply
from orchestrator.core.model import Category, Status
from orchestrator.core.sighting import Changes
from orchestrator.errors import ConfigurationError, EngineAway, OrchestratorError, Problem, StoreUnavailable
from orchestrator.ports import ScrapeTarget
from orchestrator.runtime.monitoring import PrometheusView, TargetView
from orchestrator.runtime.requests import Requester
from orchestrator.runtime.vitals import FiguresView, GpuView, VitalsView
from tests.api.fakes import NOON, FakeSupervisor, StoppedClock, a_service, an_event

LOCAL = {"Host": "127.0.0.1:8787"}
AI = a_service("ai-yolo26")
"""The document's own example of a name."""
PROMETHEUS = a_service("prometheus", Category.MONITORING)
TOKEN = "a token of more than enough characters"
ADMIN = {"Authorization": f"Bearer {TOKEN}"}
EXAMPLES = 10
"""Generated calls to one operation, besides those at the edges of its parameters."""
OF_ONE_THAT_IS_WELL: list[CheckFunction] = [not_a_server_error, positive_data_acceptance]


def supervisor(ending: Ending | None = None, failure: OrchestratorError | None = None) -> FakeSupervisor:
    fake = FakeSupervisor((AI, PROMETHEUS), [an_event(number, AI.name, "Service recovered") for number in (1, 2, 3)])
    fake.measured = (VitalsView(AI, Circuit.CLOSED, FiguresView(3, 1, 0, 2.0, 4.0), GpuView(True, 4096.0, True)),)
    target = ScrapeTarget("yolo", "ai-yolo26:8095", "ai-yolo26", 8095, "down", "connection refused", NOON)
    fake.watched = PrometheusView("http://127.0.0.1:9090", "", NOON, (TargetView(target, AI.name, "host"),))
    fake.written = [LogLine("stdout", NOON, "a line"), LogLine("stderr", None, "another")]
    fake.ending = ending
    fake.failure = failure
    return fake


async def reload(requester: Requester) -> Reloaded:
    return Reloaded(Changes(added=("web",)), ("port",))


async def refuse_to_reload(requester: Requester) -> Reloaded:
    raise ConfigurationError((Problem("orchestrator.yaml", "services.web", "is no service"),))


def refusing() -> FakeSupervisor:
    fake = supervisor()
    fake.reply = Reply(False, "an action is in flight", "in_flight")
    fake.shown[AI.name] = replace(AI, status=Status.UNHEALTHY, health=None, container_state=None)
    fake.overall = replace(fake.overall, status="unhealthy", surveyed=False)
    return fake


def served(fake: FakeSupervisor, access: Access | None = None, *, reloads: bool = True) -> BaseSchema:
    answer = reload if reloads else refuse_to_reload
    app = create_app(fake, StoppedClock(), access, reload=answer, workers=WORKERS)
    return schemathesis.openapi.from_asgi("/openapi.json", app, headers=LOCAL | ADMIN)


WORKERS = Workers()
WORKERS.register("detection_worker", lambda: "running")

WELL = served(supervisor(Ending(True, "verified: HTTP 200")))
REFUSING = served(refusing(), reloads=False)
AWAY = served(supervisor(failure=EngineAway("unix:///run/docker.sock", "nobody listens there", "Start it.")))
UNREADABLE = served(supervisor(Ending(False, "exited with code 3"), failure=StoreUnavailable("the disk is full")))
GUARDED = served(supervisor(), Access(token=TOKEN))

few_calls = settings(derandomize=True, max_examples=EXAMPLES, deadline=None, database=None)


@WELL.parametrize()
@few_calls
def test_what_an_orchestrator_that_is_well_answers_is_declared(case: Case[Any]) -> None:
    case.call_and_validate(headers=LOCAL)


@REFUSING.parametrize()
@few_calls
def test_what_is_refused_is_declared(case: Case[Any]) -> None:
    case.call_and_validate(headers=LOCAL, excluded_checks=OF_ONE_THAT_IS_WELL)


@AWAY.parametrize()
@few_calls
def test_what_cannot_be_told_without_the_engine_is_declared(case: Case[Any]) -> None:
    case.call_and_validate(headers=LOCAL, excluded_checks=OF_ONE_THAT_IS_WELL)


@UNREADABLE.parametrize()
@few_calls
def test_what_fails_is_declared(case: Case[Any]) -> None:
    case.call_and_validate(headers=LOCAL, excluded_checks=OF_ONE_THAT_IS_WELL)


@GUARDED.parametrize()
@few_calls
def test_what_somebody_without_a_token_is_answered_is_declared(case: Case[Any]) -> None:
    # Methods that there are not are refused for want of a token, too.
    response = case.call_and_validate(headers=LOCAL, excluded_checks=[*OF_ONE_THAT_IS_WELL, unsupported_method])
    assert case.path in PUBLIC_PATHS or response.status_code == 401
