"""The example for a proxy in ``docs/security.md`` allows what its table lists for healing, and nothing else."""

from __future__ import annotations

import re

from tests.live.socket_proxy import SECURITY, documented


def test_the_example_has_the_rows_of_the_table() -> None:
    allowed = re.findall(r"'-allow(GET|POST)=(\S+)'", SECURITY.read_text(encoding="utf-8"))
    assert sorted(allowed) == sorted(
        (row.method, row.path) for row in documented("seeing", "healing", "signals", "evidence", "logs")
    )


def test_no_row_allows_to_create_or_to_remove_anything() -> None:
    rows = documented("seeing", "healing", "signals", "evidence", "logs", "commands", "Podman's checks")
    container = "0" * 64
    for method, path in (
        ("POST", "/v1.41/containers/create"),
        ("POST", f"/v1.41/containers/{container}/update"),
        ("GET", f"/v1.41/containers/{container}/archive"),
        ("DELETE", f"/v1.41/containers/{container}"),
        ("POST", "/v1.41/images/create"),
        ("GET", f"/v1.41/containers/{container}/json/../../create"),
    ):
        assert not any(row.allows(method, path) for row in rows), path
