"""Who needs whom."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.graph import closure, cut_cycles, dependents, find_cycle, phases, roots, unmet

SHOP = {"frontend": ("backend",), "backend": ("postgres", "redis"), "postgres": (), "redis": (), "ai-llm": ("gpu",)}

graphs = st.dictionaries(
    st.sampled_from("abcdefg"), st.lists(st.sampled_from("abcdefgh"), max_size=4, unique=True).map(tuple), max_size=7
)


def test_a_tree_has_no_cycle() -> None:
    assert find_cycle(SHOP) is None


@pytest.mark.parametrize(
    ("needs", "path"),
    [
        pytest.param({"a": ["a"]}, ("a", "a"), id="itself"),
        pytest.param({"b": ["a"], "a": ["b"]}, ("a", "b", "a"), id="each other"),
        pytest.param({"b": ["c"], "c": ["a"], "a": ["b"], "d": ["a"]}, ("a", "b", "c", "a"), id="round three corners"),
    ],
)
def test_a_cycle_is_named_by_its_path_in_the_order_of_need(needs: dict[str, list[str]], path: tuple[str, ...]) -> None:
    assert find_cycle(needs) == path


def test_cutting_takes_out_the_edge_that_closes_the_cycle_and_nothing_else() -> None:
    remaining, cuts = cut_cycles({"web": ["api", "cache"], "api": ["web", "db"], "cache": [], "db": []})
    assert remaining == {"web": ("cache",), "api": ("web", "db"), "cache": (), "db": ()}
    (cut,) = cuts
    assert (cut.dependent, cut.dependency, cut.path) == ("web", "api", "web -> api -> web")


@given(graphs)
def test_what_remains_after_cutting_has_no_cycle(needs: dict[str, tuple[str, ...]]) -> None:
    remaining, cuts = cut_cycles(needs)
    assert find_cycle(remaining) is None
    for cut in cuts:
        assert cut.dependency in needs[cut.dependent]
        assert cut.cycle[0] == cut.cycle[-1] == cut.dependent
        for dependent, dependency in zip(cut.cycle, cut.cycle[1:], strict=False):
            assert dependency in needs[dependent]


@given(graphs)
def test_cutting_a_graph_without_cycles_changes_nothing(needs: dict[str, tuple[str, ...]]) -> None:
    tree, _ = cut_cycles(needs)
    assert cut_cycles(tree) == (tree, ())


def test_phases_follow_the_hard_dependencies() -> None:
    assert phases(SHOP) == (("ai-llm", "postgres", "redis"), ("backend",), ("frontend",))


def test_soft_dependencies_order_the_start_too() -> None:
    assert phases(SHOP, {"backend": ("ai-llm",), "postgres": ("redis",)}) == (
        ("ai-llm", "redis"),
        ("postgres",),
        ("backend",),
        ("frontend",),
    )


def test_a_soft_dependency_that_contradicts_a_hard_one_does_not_order() -> None:
    assert phases({"b": ("a",), "a": ()}, {"a": ("b",)}) == (("a",), ("b",))


def test_hard_dependencies_in_a_cycle_have_no_phases() -> None:
    with pytest.raises(ValueError, match="a -> b -> a"):
        phases({"a": ("b",), "b": ("a",)})


@given(graphs, graphs)
def test_every_service_is_in_one_phase_after_everything_it_needs(
    needs: dict[str, tuple[str, ...]], wants: dict[str, tuple[str, ...]]
) -> None:
    requires, _ = cut_cycles(needs)
    place = {name: number for number, phase in enumerate(phases(requires, wants)) for name in phase}
    assert sorted(place) == sorted(requires)
    for name, needed in requires.items():
        assert all(place[other] < place[name] for other in needed if other in place)


def test_what_is_not_met_is_named_in_the_order_given() -> None:
    assert unmet(("redis", "postgres", "cache"), {"postgres"}) == ("redis", "cache")


def test_a_resource_that_nobody_watches_counts_as_met() -> None:
    assert unmet(("gpu",), set()) == ()


def test_so_does_one_with_a_kind() -> None:
    assert unmet(("tcp:10.0.0.9:5432", "mount:/mnt/x", "redis"), {"redis"}, {"mount:/mnt/x"}) == ("mount:/mnt/x",)


def test_a_resource_that_is_known_to_be_missing_is_not_met() -> None:
    assert unmet(("gpu", "redis"), {"redis"}, {"gpu"}) == ("gpu",)


def test_a_closure_holds_what_is_needed_directly_or_through_others() -> None:
    assert closure(["backend"], SHOP) == {"backend", *SHOP["backend"]} & SHOP.keys()
    assert "postgres" in closure(["frontend"], SHOP)
    assert closure([], SHOP) == frozenset()
    assert closure(["a"], {"a": ["b"], "b": ["a", "gpu"]}) == {"a", "b"}


def test_dependents_are_found_through_others_the_nearest_first() -> None:
    assert dependents("postgres", SHOP) == ("backend", "frontend")
    assert dependents("frontend", SHOP) == ()


@given(graphs, st.sampled_from("abcdefgh"))
def test_dependents_are_exactly_those_from_which_it_can_be_reached(
    needs: dict[str, tuple[str, ...]], name: str
) -> None:
    def reaches(start: str) -> bool:
        seen: set[str] = set()
        stack = list(needs.get(start, ()))
        while stack:
            if (each := stack.pop()) not in seen:
                seen.add(each)
                stack.extend(needs.get(each, ()))
        return name in seen

    assert set(dependents(name, needs)) == {other for other in needs if other != name and reaches(other)}


def test_the_roots_are_what_waits_for_nothing_itself() -> None:
    waits = {"frontend": ("backend", "cache"), "backend": ("postgres", "redis"), "cache": ("redis",)}
    assert roots(("frontend",), lambda name: waits.get(name, ())) == ("postgres", "redis")
    assert roots((), lambda name: waits.get(name, ())) == ()


def test_names_that_wait_for_each_other_have_no_root_and_no_end_without_one() -> None:
    waits = {"a": ("b",), "b": ("a",)}
    assert roots(("a",), lambda name: waits[name]) == ()
