"""Whether a compose project is being updated: which changes tell it, and for how long."""

from __future__ import annotations

from orchestrator.core.updating import LONGEST, QUIET, SUSPICION, Update, changed, waited_for


def test_a_container_that_comes_or_goes_is_an_update_until_it_has_been_quiet() -> None:
    update = changed(None, 100.0)
    assert waited_for(update, 100.0 + QUIET - 0.1)
    assert not waited_for(update, 100.0 + QUIET)


def test_every_further_change_extends_it() -> None:
    update = changed(changed(None, 100.0), 100.0 + QUIET - 1)
    assert waited_for(update, 100.0 + 2 * QUIET - 1.1)
    assert update.begun == 100.0


def test_a_single_stop_is_waited_for_only_shortly() -> None:
    update = changed(None, 100.0, "db1")
    assert waited_for(update, 100.0 + SUSPICION - 0.1)
    assert not waited_for(update, 100.0 + SUSPICION)


def test_the_same_container_again_is_still_a_single_stop() -> None:
    update = changed(changed(None, 100.0, "db1"), 101.0, "db1")
    assert not update.certain
    assert update.quiet_at == 101.0 + SUSPICION


def test_a_stop_of_another_container_makes_it_certain() -> None:
    update = changed(changed(None, 100.0, "db1"), 102.0, "web1")
    assert (update.certain, update.quiet_at) == (True, 102.0 + QUIET)


def test_a_removal_after_a_stop_makes_it_certain_and_a_further_stop_leaves_it_so() -> None:
    update = changed(changed(changed(None, 100.0, "db1"), 101.0), 102.0, "db1")
    assert (update.certain, update.quiet_at) == (True, 102.0 + QUIET)


def test_it_is_waited_for_no_longer_than_so_long_however_much_goes_on() -> None:
    update: Update | None = None
    moment = 0.0
    while moment < 2 * LONGEST:
        update = changed(update, moment)
        assert waited_for(update, moment) is (moment < LONGEST)
        moment += QUIET / 2


def test_after_silence_the_next_change_begins_another_one() -> None:
    update = changed(changed(None, 0.0), LONGEST * 2)
    assert (update.begun, waited_for(update, LONGEST * 2)) == (LONGEST * 2, True)
