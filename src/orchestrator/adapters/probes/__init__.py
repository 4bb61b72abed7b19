"""The ways to ask for health, one a module; :func:`make_probes` knows which answers which check."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.adapters.probes.command import CommandProbe
from orchestrator.adapters.probes.engine import EngineProbe
from orchestrator.adapters.probes.http import HttpProbe
from orchestrator.adapters.probes.postgres import PostgresProbe
from orchestrator.adapters.probes.redis import RedisProbe
from orchestrator.adapters.probes.tcp import TcpProbe
from orchestrator.core.model import CommandCheck, EngineCheck, HttpCheck, PostgresCheck, RedisCheck, TcpCheck
from orchestrator.ports import ContainerEngine, Probe

__all__ = ["make_probes"]


def make_probes(engine: ContainerEngine) -> Mapping[type, Probe]:
    """One probe for each kind of check that is asked; that a container runs needs no asking."""
    return {
        HttpCheck: HttpProbe(),
        TcpCheck: TcpProbe(),
        RedisCheck: RedisProbe(),
        PostgresCheck: PostgresProbe(),
        CommandCheck: CommandProbe(engine),
        EngineCheck: EngineProbe(engine),
    }
