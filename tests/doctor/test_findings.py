from __future__ import annotations

from orchestrator.doctor.findings import failed, listed, warning, well, worst_first


def test_the_worst_come_first_and_none_twice() -> None:
    bad, odd, good = failed("a", "b", "c"), warning("d", "e", "f"), well("g", "h")
    assert worst_first([good, odd, bad, odd]) == (bad, odd, good)


def test_a_finding_reads_as_thing_fact_and_remedy() -> None:
    assert str(failed("engine", "nobody listens there", "Start it")) == "engine: nobody listens there. Start it."
    assert str(well("engine", "it answers")) == "engine: it answers."


def test_a_long_list_is_cut_and_counted() -> None:
    assert listed("abc", most=2) == "a, b and 1 more"
    assert listed("ab", most=2) == "a, b"
