"""``orchestrator serve``: the options; what they start is imported when it starts."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--host", metavar="ADDRESS", help="Listen there.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Listen on it; 0 takes a free one.  [default: 8787]")
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The configuration file.  [default: orchestrator.yaml here, then the user's]",
)
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file that remembers, where no ORCHESTRATOR_REDIS_URL is set.",
)
@click.option(
    "--record",
    metavar="FILE",
    help="Record every decision there, with its inputs; off: nowhere.  [default: beside the state]",
)
@click.option(
    "--endpoint",
    "docker_host",
    metavar="URL",
    help="The engine: unix:///run/docker.sock, tcp://host:2375.  [default: found]",
)
@click.option("--dry-run", is_flag=True, default=None, help="Decide and tell everything, and change nothing.")
def serve(**given: object) -> None:
    """Find, watch and heal the containers of this machine's Docker or Podman, and serve the API.

    Every option has a variable: ORCHESTRATOR_HOST, _PORT, _CONFIG, _STATE, _RECORD, _DOCKER_HOST, _DRY_RUN. It starts
    without an engine, and keeps trying. SIGINT (Ctrl-C) and SIGTERM end it within 10 seconds; containers are left as
    they are.

    Listening beyond this machine needs ORCHESTRATOR_API_TOKEN. Exit codes: 0 ended by a signal; 1 could not start.
    """
    from orchestrator.cli.serving import run  # noqa: PLC0415 - help must not import a web server

    run({key: value for key, value in given.items() if value is not None})
