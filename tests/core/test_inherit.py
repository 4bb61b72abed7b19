from orchestrator.core.inherit import inherit
from orchestrator.core.model import ServiceState, Status

RUNNING = ServiceState(status=Status.RUNNING, discovered=True, restart_count=1, last_restart_at=50.0)


def test_counters_go_on_from_the_history() -> None:
    earlier = ServiceState(strikes=3, restart_count=7, last_restart_at=20.0, discovered=True)

    merged = inherit(RUNNING, earlier)

    assert (merged.strikes, merged.restart_count, merged.last_restart_at) == (3, 8, 50.0)
    assert merged.status is Status.RUNNING
    assert inherit(ServiceState(), earlier).last_restart_at == 20.0


def test_what_a_person_disabled_is_disabled_again() -> None:
    earlier = ServiceState(status=Status.DISABLED, disabled_by="human", disabled_at=5.0, reason="disabled by ann")

    merged = inherit(ServiceState(status=Status.UNHEALTHY, retry_at=9.0), earlier)

    assert (merged.status, merged.enabled, merged.retry_at, merged.reason) == (
        Status.DISABLED,
        False,
        None,
        "disabled by ann",
    )


def test_a_newer_disabling_is_not_overwritten_by_an_older_one() -> None:
    newer = ServiceState(status=Status.DISABLED, disabled_by="human", reason="disabled by bob")
    earlier = ServiceState(status=Status.DISABLED, disabled_by="max_failures", reason="10 failures")

    assert inherit(newer, earlier).reason == "disabled by bob"


def test_a_wish_to_stay_stopped_holds_while_it_is_stopped() -> None:
    earlier = ServiceState(status=Status.STOPPED, stopped_by="stopped by ann")

    assert inherit(ServiceState(status=Status.STOPPED, retry_at=9.0), earlier).stopped_by == "stopped by ann"
    assert inherit(RUNNING, earlier).stopped_by is None
