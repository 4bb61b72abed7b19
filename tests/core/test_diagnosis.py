"""Every rule of the table holds for what it is about, and the plain fact is what is left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.core.diagnosis import RULES, Diagnosis, diagnose
from orchestrator.core.evidence import (
    Change,
    ContainerProcess,
    Counts,
    Dependency,
    Disk,
    Ending,
    Evidence,
    Happened,
    HostPressure,
    LogLine,
    LogTail,
    Unread,
    Usage,
)
from orchestrator.core.gpus import Gpu, GpuProcess
from orchestrator.core.model import Run, Status
from orchestrator.core.oom import weigh

MIB = 2**20
NOW = 1_767_225_600.0
RUN = Run("c1", NOW - 3600)
BARE = Evidence("web", RUN, NOW, "exited with code 1", exit_code=1)
ALIVE = replace(BARE, fact="no answer within 5 s", exit_code=None)


def log(*lines: str) -> LogTail:
    return LogTail(tuple(LogLine("stderr", NOW, line) for line in lines))


def having(evidence: Evidence = BARE, **parts: Any) -> Diagnosis:
    return diagnose(weigh(replace(evidence, **parts)))


def ended(times: int, code: int | None = 3, line: str = "2026-01-01 boom at {}", **parts: Any) -> Diagnosis:
    endings = tuple(Ending(code, line.format(number)) for number in range(times))
    return having(exit_code=code, endings=endings, counts=Counts(strikes=times), **parts)


def host(**disk: int) -> HostPressure:
    size, free = 1000, disk.get("free", 500)
    return HostPressure(0.1, 4, 16 * MIB, 8 * MIB, (), Disk("/var/lib/docker", size, free, None))


def test_without_a_rule_the_plain_fact_is_told_for_certain() -> None:
    assert having() == Diagnosis("", "exited with code 1", "certain")


def test_every_rule_has_a_name_of_its_own_and_says_what_to_do() -> None:
    names = {rule.__name__ for rule in RULES}
    assert len(names) == len(RULES)


# --- memory --------------------------------------------------------------------------------------------------


def test_out_of_memory_names_the_limit_and_is_certain_with_the_kernel_s_counter() -> None:
    found = having(exit_code=137, usage=Usage(memory_limit=512 * MIB, out_of_memory_kills=1))
    assert (found.rule, found.sentence, found.confidence) == (
        "out_of_memory",
        "killed by OOM at its 512 MiB limit",
        "certain",
    )
    assert "memory limit" in found.remedy


def test_the_engine_s_event_of_this_run_is_proof_and_that_of_an_earlier_one_is_not() -> None:
    assert having(exit_code=137, events=(Happened(NOW, "oom"),)).confidence == "certain"
    assert having(exit_code=137, events=(Happened(NOW - 7200, "oom"), Happened(NOW, "die"))).rule == ""


def test_the_engine_s_flag_alone_is_likely_and_so_is_a_limit_that_was_reached() -> None:
    assert having(exit_code=137, oom_flag=True).confidence == "likely"
    full = Usage(memory_peak=16 * MIB)
    assert having(exit_code=137, memory_limit=16 * MIB, usage=full).sentence == "killed by OOM at its 16 MiB limit"


def test_a_kill_alone_and_a_flag_without_one_say_nothing() -> None:
    assert having(exit_code=137, memory_limit=16 * MIB).rule == ""
    assert having(exit_code=1, oom_flag=True).rule == ""
    assert having(exit_code=137, oom_flag=True, usage=Usage(out_of_memory_kills=0)).rule == ""


def test_a_child_that_was_killed_while_the_container_goes_on_is_told_as_such() -> None:
    found = having(ALIVE, usage=Usage(memory_limit=16 * MIB, out_of_memory_kills=2))
    assert found.sentence == "a process of it was killed by OOM at its 16 MiB limit"
    assert found.confidence == "likely"


def test_without_a_limit_it_is_the_host_that_ran_out() -> None:
    found = having(BARE, exit_code=137, run=None, usage=Usage(out_of_memory_kills=1))
    assert found.sentence == "killed by OOM because the host ran out of it"
    assert "host" in found.remedy


@pytest.mark.parametrize(
    ("parts", "verdict", "confidence"),
    [
        ({"exit_code": 137, "usage": Usage(out_of_memory_kills=1)}, "yes", "certain"),
        ({"exit_code": 1, "usage": Usage(out_of_memory_kills=1)}, "yes", "likely"),
        ({"exit_code": 137, "usage": Usage(out_of_memory_kills=0)}, "no", "certain"),
        ({"exit_code": 1}, "no", "likely"),
        ({"exit_code": None}, "no", "likely"),
        ({"exit_code": 137, "oom_flag": True}, "yes", "likely"),
        ({"exit_code": 137, "usage": Unread("why")}, "unknown", "possible"),
    ],
)
def test_the_verdict_weighs_all_witnesses(parts: dict[str, Any], verdict: str, confidence: str) -> None:
    weighed = weigh(replace(BARE, **parts)).out_of_memory
    assert (weighed.verdict, weighed.confidence) == (verdict, confidence)
    assert weighed.grounds or parts["exit_code"] is None


# --- what was said -------------------------------------------------------------------------------------------

SAID = [
    ("port_in_use", "listen tcp :80: bind: address already in use"),
    ("port_in_use", "Error: listen EADDRINUSE: address already in use 0.0.0.0:3000"),
    ("disk_full", "write /data/x: no space left on device"),
    ("gpu_out_of_memory", "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"),
    ("gpu_out_of_memory", "ggml_backend_cuda_buffer_type_alloc_buffer: cudaMalloc failed: out of memory"),
    ("name_not_resolved", "wget: bad address 'no-such-host.invalid'"),
    ("name_not_resolved", "could not translate host name \"db\" to address: Name or service not known"),
    ("no_permission", "sh: can't create /data/x: Permission denied"),
    ("no_permission", "touch: /x: Read-only file system"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "line"), SAID)
def test_what_it_wrote_just_before_its_end_is_likely_the_cause_and_quoted(rule: str, line: str) -> None:
    found = having(log=log("starting", line, "bye"))
    assert (found.rule, found.confidence) == (rule, "likely")
    assert line in found.sentence
    assert found.remedy


@pytest.mark.parametrize(("rule", "line"), SAID)
def test_what_was_said_long_before_or_by_one_that_lives_is_only_possible(rule: str, line: str) -> None:
    assert having(log=log(line, *["and on"] * 10)).confidence == "possible"
    assert having(ALIVE, log=log(line)).confidence == "possible"
    assert having(log=log(line, *["and on"] * 20)).rule == "", "too long before"


def test_what_the_engine_says_is_certain() -> None:
    words = "driver failed programming: Bind for 0.0.0.0:80 failed: port is already allocated"
    found = having(error=words)
    assert (found.rule, found.confidence) == ("port_in_use", "certain")
    assert words in found.sentence


def test_a_long_line_is_quoted_by_its_beginning() -> None:
    assert len(having(log=log("permission denied " + "x" * 400)).sentence) < 260


def test_an_unread_log_says_nothing() -> None:
    assert having(log=Unread("not read within 1.5 s")).rule == ""


def test_a_command_that_is_not_there() -> None:
    by_engine = having(exit_code=127, error='exec: "nope": executable file not found in $PATH: unknown')
    assert (by_engine.rule, by_engine.confidence) == ("command_not_found", "certain")
    by_shell = having(exit_code=127, log=log("sh: nope: not found"))
    assert (by_shell.confidence, by_shell.sentence) == ("likely", 'command not found (127): "sh: nope: not found"')
    assert having(exit_code=127).sentence == "command not found (127)"


def test_a_command_that_cannot_be_executed() -> None:
    by_engine = having(exit_code=126, error='exec: "/srv": permission denied: unknown')
    assert (by_engine.rule, by_engine.confidence) == ("not_executable", "certain")
    assert having(exit_code=126, log=log("sh: /x: Permission denied")).rule == "not_executable"


def test_a_full_disk_of_the_engine_s_is_possible_where_nobody_complains() -> None:
    found = having(host=host(free=1))
    assert (found.rule, found.confidence) == ("disk_full", "possible")
    assert "/var/lib/docker" in found.sentence
    assert having(host=host()).rule == ""
    unseen = replace(host(), disk=Unread("not from here"))
    assert having(host=unseen).rule == ""


def test_who_uses_the_gpu_is_told_with_its_lack_of_memory() -> None:
    card = Gpu(0, "card", 24000, 23000, 1000, (GpuProcess(7, 20 * MIB, ""), GpuProcess(8, None, "")))
    found = having(gpus=(card,), log=log("CUDA out of memory"))
    assert found.sentence.endswith("process 7 uses 20 MiB")


# --- what was seen -------------------------------------------------------------------------------------------


def processes(*letters: str) -> tuple[ContainerProcess, ...]:
    return tuple(ContainerProcess(number, letter, f"p{number}") for number, letter in enumerate(letters))


def test_frozen_is_when_all_that_lives_is_stopped() -> None:
    found = having(ALIVE, processes=processes("T", "Z", "t"))
    assert (found.rule, found.confidence) == ("frozen", "certain")
    assert "state T" in found.sentence
    assert having(ALIVE, processes=processes("T", "S")).rule == ""
    assert having(ALIVE, processes=processes("Z")).rule == ""


def test_stuck_is_when_it_waits_in_the_kernel() -> None:
    found = having(ALIVE, processes=processes("D", "S"))
    assert (found.rule, found.confidence, found.sentence) == ("stuck", "likely", "stuck in the kernel (state D): p0")
    assert having(ALIVE, processes=processes("S", "D")).confidence == "possible"
    assert having(ALIVE, processes=processes("S", "S")).rule == ""
    assert having(BARE, processes=processes("D")).rule == "", "it is down"
    assert having(ALIVE, processes=Unread("no")).rule == ""


def test_a_dependency_that_is_down_is_named_the_hard_one_first() -> None:
    soft, hard = Dependency("cache", Status.UNHEALTHY, False), Dependency("db", Status.STOPPED, True)
    found = having(dependencies=(soft, hard))
    assert found.sentence == "db (stopped), cache (unhealthy), which it depends on, are down"
    assert (found.rule, found.confidence, found.remedy) == ("dependency_down", "likely", "heal db first")
    assert having(dependencies=(soft,)).confidence == "possible"
    assert having(dependencies=(Dependency("gpu", None, True),)).sentence == "gpu, which it depends on, is down"


# --- again and again -----------------------------------------------------------------------------------------


def test_five_ends_alike_are_deterministic_whatever_the_numbers_in_them() -> None:
    found = ended(5)
    assert (found.rule, found.confidence, found.deterministic) == ("fails_identically", "certain", True)
    assert found.sentence == 'exited with code 3: "2026-01-01 boom at 4", 5 times in a row'
    assert "orchestrator enable web" in found.remedy


@pytest.mark.parametrize(
    "ends",
    [
        {"times": 4},
        {"times": 5, "line": ""},
        {"times": 5, "code": 137},
        {"times": 5, "code": 0},
        {"times": 5, "code": None},
    ],
)
def test_fewer_silent_or_ended_from_outside_they_are_not(ends: dict[str, Any]) -> None:
    assert ended(**ends).rule == ""


def test_different_last_words_or_a_stable_run_in_between_are_no_repetition() -> None:
    words = tuple(Ending(3, word) for word in ("a", "b", "c", "d", "e"))
    assert having(endings=words, counts=Counts(strikes=5)).rule == ""
    alike = tuple(Ending(3, "a") for _ in range(5))
    assert having(endings=alike, counts=Counts(strikes=2)).rule == ""


def test_a_cause_of_its_own_that_repeats_is_deterministic_and_one_that_may_pass_is_not() -> None:
    assert ended(5, 127, "sh: nope: not found").deterministic
    assert ended(5, 127, "sh: nope: not found").rule == "command_not_found"
    passing = ended(5, 1, "bad address 'db'", log=log("bad address 'db'"))
    assert (passing.rule, passing.deterministic) == ("name_not_resolved", False)


# --- what changed --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ago", "words"), [(180, "3 minutes"), (60, "1 minute"), (7200, "2 hours"), (1, "1 second"), (40, "40 seconds")]
)
def test_an_image_that_changed_is_named_with_when(ago: float, words: str) -> None:
    found = having(changes=(Change("image", NOW - ago, "app:1 aaa", "app:2 bbb"), Change("mounts", NOW - ago)))
    assert (found.rule, found.confidence) == ("image_changed", "possible")
    assert f"its image changed {words} before (app:1 aaa to app:2 bbb)" in found.sentence


def test_configuration_that_changed_is_named_by_its_parts() -> None:
    found = having(changes=(Change("environment", NOW - 60), Change("mounts", NOW - 60)))
    assert found.rule == "configuration_changed"
    assert found.sentence.startswith("its environment and mounts changed 1 minute before")


def test_what_changed_long_ago_explains_nothing() -> None:
    assert having(changes=(Change("image", NOW - 90_000), Change("mounts", NOW - 90_000))).rule == ""
