"""The orchestrator in an application of your own, an entry point beside the command line::

from fastapi import FastAPI
from orchestrator.api import Orchestration, Workers

workers = Workers()
workers.register("detection_worker", lambda: "running")

app = FastAPI()
Orchestration(workers=workers).mount(app)
"""

from __future__ import annotations

import logging
from typing import Final

from pydantic import SecretStr

from orchestrator import bootstrap
from orchestrator.api import tokens
from orchestrator.api.app import create_app
from orchestrator.api.embedded import OPENAPI_PATH, Embedded
from orchestrator.api.security import Access
from orchestrator.api.workers import Workers
from orchestrator.configuration.settings import OrchestratorSettings

logger: Final = logging.getLogger("orchestrator")


class Orchestration(Embedded):
    """Everything that ``orchestrator serve`` runs but its server: configured the same, not started yet."""

    def __init__(self, workers: Workers | None = None, **settings: object) -> None:
        """``settings`` go before the environment, by their names in it: ``docker_host="unix:///run/docker.sock"``.

        What cannot be used of the configuration is logged, and its default holds. Raises :class:`TypeError` for a
        setting that there is not, and ``UnusableTokens``.
        """
        unknown = sorted(settings.keys() - OrchestratorSettings.model_fields.keys())
        if unknown:
            raise TypeError(f"Orchestration has no setting {', '.join(unknown)}: docs/configuration.md lists all.")
        configuration = bootstrap.configure(settings)
        for problem in configuration.problems:
            logger.warning("Configuration problem: %s", problem)
        chosen = configuration.settings
        token, read_token = _secret(chosen.api_token), _secret(chosen.api_read_token)
        for warning in tokens.check(token, read_token):
            logger.warning("Access: %s", warning)
        assembly = bootstrap.build(configuration, settings)
        app = create_app(
            assembly.orchestrator,
            assembly.clock,
            Access(chosen.host, token, read_token),
            reload=assembly.reload,
            version=assembly.version,
            workers=workers,
            openapi_path=OPENAPI_PATH,
        )
        super().__init__(app, assembly.orchestrator, guarded=token is not None)


def _secret(setting: SecretStr | None) -> str | None:
    return None if setting is None else setting.get_secret_value()
