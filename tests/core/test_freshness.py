from dataclasses import replace

import pytest

from orchestrator.core.freshness import agrees, summary_of
from orchestrator.core.model import ContainerSnapshot, ContainerState, ContainerSummary, EngineHealth, PublishedPort

NOW = 1_000_000.0
ROW = ContainerSummary(
    container_id="c1",
    name="web",
    image="web:1",
    state=ContainerState.RUNNING,
    created_at=NOW - 4000,
    uptime_at_most=360.0,
    health="healthy",
)
LOOK = ContainerSnapshot(
    container_id="c1",
    name="web",
    image="web:1",
    state=ContainerState.RUNNING,
    created_at=NOW - 4000,
    started_at=NOW - 330,
    health=EngineHealth("healthy", NOW - 10),
)


@pytest.mark.parametrize(
    ("row", "look", "expected"),
    [
        pytest.param(ROW, LOOK, True, id="the-same-run"),
        pytest.param(ROW, None, False, id="never-looked-at"),
        pytest.param(ROW, replace(LOOK, container_id="c0"), False, id="another-container"),
        pytest.param(replace(ROW, state=ContainerState.EXITED), LOOK, False, id="down-by-the-list"),
        pytest.param(ROW, replace(LOOK, state=ContainerState.EXITED), False, id="down-by-the-look"),
        pytest.param(
            replace(ROW, state=ContainerState.EXITED),
            replace(LOOK, state=ContainerState.EXITED),
            False,
            id="down-both-times-a-run-may-lie-between",
        ),
        pytest.param(
            replace(ROW, state=ContainerState.PAUSED),
            replace(LOOK, state=ContainerState.PAUSED),
            True,
            id="paused-both-times",
        ),
        pytest.param(replace(ROW, name="web-old"), LOOK, False, id="renamed"),
        pytest.param(replace(ROW, health="unhealthy"), LOOK, False, id="another-health-word"),
        pytest.param(replace(ROW, health="unhealthy"), replace(LOOK, health=None), True, id="no-health-check-no-word"),
        pytest.param(replace(ROW, health=""), LOOK, True, id="the-list-is-silent-on-health"),
        pytest.param(replace(ROW, uptime_at_most=None), LOOK, False, id="the-list-is-silent-on-age"),
        pytest.param(ROW, replace(LOOK, started_at=None), False, id="the-look-is-silent-on-age"),
        pytest.param(replace(ROW, uptime_at_most=4.0), LOOK, False, id="restarted-in-between"),
        pytest.param(replace(ROW, uptime_at_most=325.0), LOOK, True, id="ages-differ-within-the-slack"),
    ],
)
def test_what_agrees_with_the_list_is_not_looked_at_again(
    row: ContainerSummary, look: ContainerSnapshot | None, expected: bool
) -> None:
    assert agrees(row, look, NOW) is expected


def test_a_look_gives_the_row_that_the_list_would_show() -> None:
    look = replace(LOOK, labels={"a": "b"}, ports=(PublishedPort(80, 8080),), network_mode="bridge")

    row = summary_of(look)

    assert (row.container_id, row.name, row.state, row.labels, row.ports) == (
        "c1",
        "web",
        ContainerState.RUNNING,
        {"a": "b"},
        (PublishedPort(80, 8080),),
    )
    assert row.health == "healthy"
    assert summary_of(replace(LOOK, health=None)).health == ""
