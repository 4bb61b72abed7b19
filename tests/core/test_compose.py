"""What compose writes on containers."""

from __future__ import annotations

import pytest

from orchestrator.core.compose import passes_by, project_of


@pytest.mark.parametrize(
    ("labels", "project"),
    [
        ({"com.docker.compose.project": "shop"}, "shop"),
        ({"io.podman.compose.project": "shop"}, "shop"),
        ({"com.docker.compose.project": "shop", "com.docker.compose.oneoff": "False"}, "shop"),
        ({"com.docker.compose.project": "shop", "com.docker.compose.oneoff": "True"}, None),
        ({}, None),
    ],
)
def test_the_project_of_a_container(labels: dict[str, str], project: str | None) -> None:
    assert project_of(labels) == project


@pytest.mark.parametrize(
    ("name", "passes"),
    [("0123456789ab_shop-web-1", True), ("shop-web-1", False), ("0123456789ab", False), ("0123_shop-web-1", False)],
)
def test_the_name_of_a_container_while_it_is_replaced(name: str, passes: bool) -> None:
    assert passes_by(name, {"com.docker.compose.service": "web"}) is passes
    assert not passes_by(name, {})
