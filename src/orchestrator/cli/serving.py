"""What ``orchestrator serve`` starts: one process, one loop, the orchestrator and its API."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import click
from pydantic import SecretStr

from orchestrator import bootstrap, logs
from orchestrator.api import server, tokens
from orchestrator.api.app import create_app
from orchestrator.api.dashboard import Dashboard
from orchestrator.api.security import Access
from orchestrator.cli.service_manager import ServiceManager
from orchestrator.errors import StoreInUse

logger: Final = logging.getLogger("orchestrator")

_TIME_FOR_THREADS: Final = 0.8


def run(command_line: Mapping[str, object]) -> None:
    """Until a signal ends it. ``command_line`` holds settings by their field names."""
    configuration = bootstrap.configure(command_line)
    settings = configuration.settings
    logs.configure(settings.log_format)
    for problem in configuration.problems:
        logger.warning("Configuration problem: %s", problem)
    token, read_token = _secret(settings.api_token), _secret(settings.api_read_token)
    try:
        for warning in tokens.check(token, read_token):
            logger.warning("Access: %s", warning)
        # Before anything is built that could act: two orchestrators must not heal the same containers by mistake.
        listener = server.listen(settings.host, settings.port, token=token)
    except (tokens.UnusableTokens, server.CannotListen) as error:
        raise click.ClickException(str(error)) from None
    with listener:
        assembly = bootstrap.build(configuration, command_line)
        access = Access(settings.host, token, read_token)
        app = create_app(
            assembly.orchestrator,
            assembly.clock,
            access,
            reload=assembly.reload,
            version=assembly.version,
            dashboard=Dashboard(),
        )
        logger.info("Serving on %s", server.address_of(listener))
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                manager = ServiceManager.of(os.environ)
                told = partial(manager.telling, assembly.orchestrator.run, assembly.orchestrator.system)
                runner.run(server.serve(app, listener, told, assembly.orchestrator.broadcast.close, assembly.reload))
        except StoreInUse as error:
            raise click.ClickException(str(error)) from None
        finally:
            server.end_within(_TIME_FOR_THREADS)


def _secret(setting: SecretStr | None) -> str | None:
    return None if setting is None else setting.get_secret_value()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - it does not install everywhere
    except ImportError:
        return None
    return uvloop.new_event_loop
