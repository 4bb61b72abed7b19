"""Why it failed, in a sentence, and how sure that is: a table of rules over the evidence, the first that holds wins.

A rule is a pure function of :class:`Evidence`; it holds (a :class:`Diagnosis`) or does not (``None``). The more
specific and the more certain come first. Where none holds, the plain fact is all there is to say: ``rule`` is empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from orchestrator.core import symptoms
from orchestrator.core.evidence import REPEATS, Confidence, Disk, Evidence, Unread
from orchestrator.core.symptoms import quoted

_RECENTLY: Final = 24 * 3600.0
"""Seconds for which a change is worth naming."""
_FULL: Final = 0.005
"""The free share below which a disk counts as full."""
_SENT_FROM_OUTSIDE: Final = frozenset({0, 130, 137, 143})
"""Exit codes that say nothing of the program: success, and SIGINT, SIGKILL and SIGTERM from somebody else."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    rule: str
    """The name of the rule; empty: none held."""
    sentence: str
    confidence: Confidence
    remedy: str = ""
    """What to do about it; empty: nothing is known."""
    deterministic: bool = False
    """Whatever starts it again, it will fail again in the same way."""


Rule = Callable[[Evidence], Diagnosis | None]


def diagnose(evidence: Evidence) -> Diagnosis:
    found = next(filter(None, (rule(evidence) for rule in RULES)), None)
    if found is None:
        return Diagnosis("", evidence.fact, "certain")
    again = found.rule in _OF_ITS_OWN and repeats(evidence)
    return replace(found, deterministic=True) if again else found


def repeats(evidence: Evidence) -> bool:
    """Whether the last five runs ended with the same exit code and the same last line, but for the numbers in it."""
    endings = evidence.endings[-REPEATS:]
    alike = {(each.exit_code, _shape(each.last_line)) for each in endings}
    if len(endings) < REPEATS or len(alike) > 1 or evidence.counts.strikes < REPEATS:
        return False
    last = endings[-1]
    return last.exit_code is not None and last.exit_code not in _SENT_FROM_OUTSIDE and bool(last.last_line)


def mebibytes(size: int) -> str:
    """``512 MiB``: two to the twentieth bytes."""
    return f"{size / 2**20:.0f} MiB"


# --- the rules -----------------------------------------------------------------------------------------------


def out_of_memory(evidence: Evidence) -> Diagnosis | None:
    verdict = evidence.out_of_memory
    if verdict.verdict != "yes":
        return None
    where = "because the host ran out of it" if verdict.limit is None else f"at its {mebibytes(verdict.limit)} limit"
    whom = "killed by OOM" if evidence.exit_code is not None else "a process of it was killed by OOM"
    remedy = (
        "give the host more memory, or what runs on it limits"
        if verdict.limit is None
        else "raise its memory limit, or have it use less"
    )
    return Diagnosis("out_of_memory", f"{whom} {where}", verdict.confidence, remedy)


def port_in_use(evidence: Evidence) -> Diagnosis | None:
    return _said(
        evidence,
        symptoms.PORT,
        "port_in_use",
        "a port that it needs is in use",
        "find who listens there (ss -ltnp), and stop it or change the port",
    )


def command_not_found(evidence: Evidence) -> Diagnosis | None:
    words = symptoms.in_error(evidence, symptoms.MISSING)
    if evidence.exit_code != 127 and not words:
        return None
    sure: Confidence = "certain" if words else "likely"
    return Diagnosis(
        "command_not_found",
        f"command not found (127){quoted(words or evidence.last_line)}",
        sure,
        "correct the command or the entrypoint, or use an image that has it",
    )


def not_executable(evidence: Evidence) -> Diagnosis | None:
    words = symptoms.in_error(evidence, symptoms.NOT_EXECUTABLE)
    if evidence.exit_code != 126 and not words:
        return None
    sure: Confidence = "certain" if words else "likely"
    return Diagnosis(
        "not_executable",
        f"its command cannot be executed (126){quoted(words or evidence.last_line)}",
        sure,
        "make the file executable (chmod +x), and see that it is built for this processor",
    )


def disk_full(evidence: Evidence) -> Diagnosis | None:
    remedy = "free space there (docker system df tells what the engine keeps), or enlarge it"
    said = _said(evidence, symptoms.DISK, "disk_full", "a disk that it writes to is full", remedy)
    host = evidence.host
    if said is not None or isinstance(host, Unread) or isinstance(host.disk, Unread) or not _is_full(host.disk):
        return said
    words = f"the disk under {host.disk.path}, where the engine keeps its containers, is full"
    return Diagnosis("disk_full", words, "possible", remedy)


def gpu_out_of_memory(evidence: Evidence) -> Diagnosis | None:
    users = [
        f"process {process.pid} uses {mebibytes(process.memory)}"
        for gpu in (() if isinstance(evidence.gpus, Unread) else evidence.gpus)
        for process in sorted(gpu.processes, key=lambda each: -(each.memory or 0))[:3]
        if process.memory
    ]
    found = _said(
        evidence,
        symptoms.GPU,
        "gpu_out_of_memory",
        "the GPU ran out of memory",
        "stop another model that uses the card, or load a smaller one; with `vram` it waits for room",
    )
    return found if found is None or not users else replace(found, sentence=f"{found.sentence}; {', '.join(users)}")


def name_not_resolved(evidence: Evidence) -> Diagnosis | None:
    return _said(
        evidence,
        symptoms.DNS,
        "name_not_resolved",
        "a name that it connects to cannot be resolved",
        "see that the name is right, that what it names runs on a network of it, and that DNS answers",
    )


def no_permission(evidence: Evidence) -> Diagnosis | None:
    read_only = _said(
        evidence,
        symptoms.READ_ONLY,
        "no_permission",
        "it writes to a read-only file system",
        "mount a volume where it writes, or take :ro or --read-only away",
    )
    return read_only or _said(
        evidence,
        symptoms.DENIED,
        "no_permission",
        "it has no permission for what it does",
        "see who owns its files and volumes, as whom it runs (user), and what SELinux or AppArmor forbids",
    )


def frozen(evidence: Evidence) -> Diagnosis | None:
    letters = [letter for letter in evidence.letters if letter != "Z"]
    if not letters or any(letter not in "Tt" for letter in letters):
        return None
    return Diagnosis(
        "frozen",
        "frozen: all its processes are stopped (state T)",
        "certain",
        "find who sent SIGSTOP (a debugger, a job control, a backup); SIGCONT lets it go on",
    )


def stuck(evidence: Evidence) -> Diagnosis | None:
    if evidence.exit_code is not None or isinstance(evidence.processes, Unread):
        return None
    waiting = [each for each in evidence.processes if each.state == "D"]
    if not waiting:
        return None
    whole = len(waiting) == len(evidence.processes) or evidence.processes[0].state == "D"
    names = ", ".join(dict.fromkeys(each.name for each in waiting[:3]))
    return Diagnosis(
        "stuck",
        f"stuck in the kernel (state D): {names}",
        "likely" if whole else "possible",
        "look at what it waits for: a disk, a network file system, a driver (dmesg, /proc/PID/wchan)",
    )


def dependency_down(evidence: Evidence) -> Diagnosis | None:
    down = sorted(evidence.dependencies, key=lambda each: not each.hard)
    if not down:
        return None
    named = ", ".join(each.name if each.status is None else f"{each.name} ({each.status.value})" for each in down)
    verb = "is" if len(down) == 1 else "are"
    sure: Confidence = "likely" if down[0].hard else "possible"
    return Diagnosis(
        "dependency_down", f"{named}, which it depends on, {verb} down", sure, f"heal {down[0].name} first"
    )


def fails_identically(evidence: Evidence) -> Diagnosis | None:
    if not repeats(evidence):
        return None
    code = evidence.endings[-1].exit_code
    return Diagnosis(
        "fails_identically",
        f"exited with code {code}{quoted(evidence.endings[-1].last_line)}, {REPEATS} times in a row",
        "certain",
        f"correct what that line names, then enable it again (orchestrator enable {evidence.service})",
        deterministic=True,
    )


def image_changed(evidence: Evidence) -> Diagnosis | None:
    change = next((each for each in evidence.changes if each.what == "image"), None)
    if change is None or not _recent(evidence, change.at):
        return None
    return Diagnosis(
        "image_changed",
        f"its image changed {_ago(evidence.taken_at - change.at)} before ({change.before} to {change.after}), "
        "and it has not run stably since",
        "possible",
        "go back to the image before, and compare the two",
    )


def configuration_changed(evidence: Evidence) -> Diagnosis | None:
    changed = [each for each in evidence.changes if each.what != "image"]
    if not changed or not _recent(evidence, changed[0].at):
        return None
    parts = " and ".join(each.what for each in changed)
    return Diagnosis(
        "configuration_changed",
        f"its {parts} changed {_ago(evidence.taken_at - changed[0].at)} before, and it has not run stably since",
        "possible",
        "compare its configuration with the one before",
    )


RULES: Final[tuple[Rule, ...]] = (
    out_of_memory,
    port_in_use,
    not_executable,
    command_not_found,
    disk_full,
    gpu_out_of_memory,
    name_not_resolved,
    no_permission,
    frozen,
    stuck,
    dependency_down,
    fails_identically,
    image_changed,
    configuration_changed,
)

_OF_ITS_OWN: Final = frozenset({"command_not_found", "not_executable", "no_permission", "fails_identically"})
"""Causes that do not pass while it is tried again: what else is in the way may go by itself."""

# --- how -----------------------------------------------------------------------------------------------------


def _said(evidence: Evidence, words: re.Pattern[str], rule: str, sentence: str, remedy: str) -> Diagnosis | None:
    found = symptoms.found(evidence, words)
    return None if found is None else Diagnosis(rule, sentence + quoted(found.words), found.confidence, remedy)


def _shape(line: str) -> str:
    """Without the numbers: times, process ids, addresses."""
    return re.sub(r"\d+", "#", line)


def _is_full(disk: Disk) -> bool:
    return disk.free < disk.size * _FULL or disk.files_free == 0


def _recent(evidence: Evidence, at: float) -> bool:
    return evidence.taken_at - at < _RECENTLY


def _ago(seconds: float) -> str:
    """``40 seconds``, ``3 minutes``, ``5 hours``."""
    for size, word in ((3600.0, "hour"), (60.0, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {word}{'s' * (count > 1)}"
    count = max(int(seconds), 0)
    return f"{count} second{'s' * (count != 1)}"
