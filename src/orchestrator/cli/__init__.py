"""The command line: ``orchestrator``. One command a module, imported when it is called.

Exit codes: 0 it worked; 1 it was refused, or problems were found; 2 the call was wrong; 3 no orchestrator answers.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Final, NamedTuple

import click


class _Entry(NamedTuple):
    module: str
    summary: str


_COMMANDS: Final = {
    "serve": _Entry("serve", "Find, watch and heal containers, and serve the API."),
    "ps": _Entry("ps", "How the services are, and what is done about it."),
    "watch": _Entry("watch", "The same, live, with what happens."),
    "show": _Entry("show", "Everything about one service."),
    "plan": _Entry("insight", "What would be done next, and what keeps it from being done."),
    "explain": _Entry("insight", "Why a service is as it is, and what comes next."),
    "events": _Entry("events", "What happened, and why."),
    "incidents": _Entry("incidents", "What went wrong, each cause once, and the story of one."),
    "graph": _Entry("graph", "Who needs whom, and in which order they can start."),
    "logs": _Entry("logs", "What a service's container writes."),
    "up": _Entry("rollout", "Start services in the order of their dependencies, and see them come up."),
    "down": _Entry("rollout", "Stop services in the reverse order, and keep them stopped."),
    "restart": _Entry("actions", "Restart services now."),
    "start": _Entry("actions", "Start stopped services."),
    "stop": _Entry("actions", "Stop services, and keep them stopped."),
    "enable": _Entry("actions", "Heal a service automatically again."),
    "disable": _Entry("actions", "Watch a service, but never act on it."),
    "hold": _Entry("hold", "Leave services alone for a while: maintenance."),
    "release": _Entry("hold", "End a hold early."),
    "reload": _Entry("reload", "Have a running orchestrator read its configuration anew."),
    "state": _Entry("state", "Move what is remembered to another store."),
    "doctor": _Entry("doctor", "Look at everything that can keep services from being healed."),
    "check": _Entry("check", "Validate the configuration and the labels; report all problems."),
}
"""The summaries are here so that help needs none of the modules."""


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = _COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = getattr(import_module(f"orchestrator.cli.{entry.module}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in _COMMANDS.items()])


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="container-orchestrator", prog_name="orchestrator")
@click.pass_context
def main(context: click.Context) -> None:
    """Heals Docker and Podman containers: the cause first, in dependency order, verified, and says why.

    Start with `orchestrator serve`; the other commands talk to it.

    Exit codes: 0 it worked; 1 it was refused, or problems were found; 2 the call was wrong; 3 no orchestrator answers.
    """
    if os.environ.get("NO_COLOR"):
        context.color = False
