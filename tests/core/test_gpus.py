"""Whether there is room on a card, as far as it can be told, and in which words."""

from __future__ import annotations

import pytest

from orchestrator.core.gpus import Driver, Gpu, GpuProcess, GpuReading, in_words, shortage

GB = 10**9
SERVICES = {"yolo": "ai-yolo26", "llm": "ai-llm"}


def card(*processes: GpuProcess, total: int = 24, reserved: int = 0, index: int = 0) -> Gpu:
    used = sum(process.memory or 0 for process in processes) + reserved * GB
    return Gpu(index, "A card", total * GB, used, total * GB - used, processes)


def of(container: str | None, size: float, pid: int = 1) -> GpuProcess:
    return GpuProcess(pid, round(size * GB), container)


def short(need: int, own: str | None, *gpus: Gpu) -> str:
    return shortage(need * GB, own, GpuReading(Driver.ANSWERS, gpus=gpus), SERVICES)


def test_there_is_room_when_so_much_is_free() -> None:
    assert short(10, None, card(of("llm", 14))) == ""


def test_what_is_short_names_the_largest_users() -> None:
    busy = card(of("llm", 14.1, 1), of("", 6, 2), of("gone", 2, 3), of("llm", 0.7, 4), of("yolo", 0.2, 5))
    assert short(4, None, busy) == (
        "4.0 GB of GPU memory are needed, 1.0 GB are free (ai-llm uses 14.8 GB, process 2 uses 6.0 GB, "
        "process 3 uses 2.0 GB)"
    )


def test_what_it_has_itself_is_free_after_its_stop() -> None:
    assert short(16, "llm", card(of("llm", 15), of("yolo", 8))) == ""
    assert short(17, "llm", card(of("llm", 15), of("yolo", 8))).startswith("17.0 GB of GPU memory are needed, 16.0 GB")


@pytest.mark.parametrize("unknown", [of(None, 15), GpuProcess(1, None, None)])
def test_memory_of_which_nobody_knows_whose_it_is_may_be_its_own(unknown: GpuProcess) -> None:
    taken = card(unknown, of("yolo", 8), reserved=0 if unknown.memory else 15)
    assert short(16, "llm", taken) == ""
    assert short(16, None, taken) != "", "its container is down: it has none"


def test_the_roomiest_of_several_cards_counts() -> None:
    assert short(20, None, card(of("llm", 14)), card(index=1)) == ""
    assert "12.0 GB are free (ai-yolo26 uses 12.0 GB)" in short(20, None, card(of("llm", 14)), card(of("yolo", 12)))


def test_what_no_card_can_hold_is_waited_for_by_nobody() -> None:
    assert short(25, None, card()) == ""
    assert short(1, None) == ""


def test_memory_of_nobody_is_told_without_users() -> None:
    assert short(4, None, card(reserved=23)) == "4.0 GB of GPU memory are needed, 1.0 GB are free"


def test_a_reading_is_told_in_one_line() -> None:
    assert in_words(GpuReading(Driver.ANSWERS, "550.54.14", gpus=(card(of("llm", 14)),))) == (
        "driver 550.54.14; A card: 10.0 of 24.0 GB free"
    )
    assert in_words(GpuReading(Driver.MISSING, detail="GPU is lost")) == "GPU is lost"
