"""``orchestrator reload``: the running orchestrator reads its configuration anew, or says why it does not."""

from __future__ import annotations

import click

from orchestrator.cli.client import Refused, Server, json_option, print_json, server_option
from orchestrator.terminal import printable


@click.command(epilog="A configuration with any problem is refused whole, and the one in force stays: exit code 1.")
@server_option
@json_option
def reload(server: Server, as_json: bool) -> None:
    """Have the running orchestrator read its configuration anew: file, `.env`, variables. SIGHUP does the same.

    Services keep their counters, actions under way end, containers are not touched.
    """
    try:
        answer = server.post("/api/system/reload")
    except Refused as refusal:
        errors = refusal.document.get("errors")
        if not errors or as_json:
            if as_json:
                print_json(refusal.document)
            raise
        for error in errors:
            click.echo(f"{click.style(printable(error['where']), bold=True)}: {printable(error['fact'])}", err=True)
        raise Refused("Not reloaded: the configuration in force stays.") from None
    if as_json:
        print_json(answer)
        return
    click.echo(printable(answer["message"]))
    for word in ("added", "changed", "removed"):
        if answer[word]:
            click.echo(f"  {click.style(word.ljust(8), dim=True)} {printable(', '.join(answer[word]))}")
