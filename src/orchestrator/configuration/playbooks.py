"""The configuration file's ``playbooks``, and the catalog's own, which are written in the same way. Pure.

Labels say nothing of them: whoever may label a container is not whoever may say what is run in another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from orchestrator.configuration import values
from orchestrator.configuration.keys import Key, Settings, read_mapping
from orchestrator.configuration.maintenance import categories
from orchestrator.core import diagnosis
from orchestrator.core.holding import LONGEST
from orchestrator.core.model import Category
from orchestrator.core.playbooks import (
    LONGEST_TIMEOUT,
    LONGEST_VERIFY,
    MOST_STEPS,
    ExecStep,
    HoldStep,
    LaneStep,
    NotifyStep,
    Playbook,
    PurgeStep,
    RestartStep,
    SignalStep,
    Step,
    WaitStep,
    When,
)
from orchestrator.errors import Problem

SECTION: Final = "playbooks"
NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
SIGNALS: Final = ("HUP", "INT", "QUIT", "TERM", "KILL", "USR1", "USR2", "CONT", "WINCH")
_SIGNAL: Final = re.compile(rf"(?:SIG)?({'|'.join(SIGNALS)})", re.I)
RULES: Final = tuple(rule.__name__ for rule in diagnosis.RULES)


@dataclass(frozen=True, slots=True)
class Declared:
    """One playbook, and whose it is."""

    playbook: Playbook
    services: frozenset[str] = frozenset()
    categories: frozenset[Category] = frozenset()

    def concerns(self, name: str, category: Category) -> bool:
        return name in self.services or category in self.categories


@dataclass(frozen=True, slots=True)
class Playbooks:
    """What one source declares; ``left_out`` are those of an earlier one that it does without."""

    declared: Mapping[str, Declared]
    left_out: frozenset[str] = frozenset()
    problems: tuple[Problem, ...] = ()

    def over(self, earlier: Playbooks) -> Playbooks:
        """One of the same name takes the place of the earlier; its own come first."""
        kept = {name: each for name, each in earlier.declared.items() if name not in self.left_out}
        return Playbooks({**self.declared, **{name: each for name, each in kept.items() if name not in self.declared}})

    def of(self, name: str, category: Category) -> tuple[Playbook, ...]:
        """A service's own, in the order in which they are tried."""
        return tuple(each.playbook for each in self.declared.values() if each.concerns(name, category))


NO_PLAYBOOKS: Final = Playbooks({})


def read_playbooks(written: object, source: str) -> Playbooks:
    """Those that can be used, and what is wrong with the rest: one with any problem does not count."""
    if written is None:
        return NO_PLAYBOOKS
    if not isinstance(written, dict):
        fact = f"{values.in_words(written)} is not a mapping of playbooks by name"
        return Playbooks({}, problems=(Problem(source, SECTION, fact),))
    declared: dict[str, Declared] = {}
    left_out: set[str] = set()
    problems: list[Problem] = []
    for name, each in written.items():
        where = f"{SECTION}.{name}"
        if not NAME.fullmatch(str(name)):
            fact = f"{values.in_words(name)} is no name of a playbook; use small letters, digits and '-'"
            problems.append(Problem(source, where, fact))
        elif not isinstance(each, dict):
            problems.append(Problem(source, where, f"{values.in_words(each)} is not a mapping with 'for' and 'steps'"))
        elif each.get("enable") is False:
            left_out.add(str(name))
        else:
            found, wrong = _read_one(str(name), each, source, where)
            problems.extend(wrong)
            if not wrong:
                declared[str(name)] = found
    return Playbooks(declared, frozenset(left_out), tuple(problems))


def _read_one(name: str, written: Mapping[Any, object], source: str, where: str) -> tuple[Declared, list[Problem]]:
    known = {key: value for key, value in written.items() if key not in ("for", "when", "steps")}
    top = read_mapping(known, PLAYBOOK_KEYS, source, where)
    whose, whose_problems = _group(written.get("for"), FOR_KEYS, source, f"{where}.for")
    when, when_problems = _group(written.get("when"), WHEN_KEYS, source, f"{where}.when")
    steps, step_problems = _steps(written.get("steps"), source, f"{where}.steps")
    problems = [*top.problems, *whose_problems, *when_problems, *step_problems]
    services, kinds = _value(whose, "services", ()), _value(whose, "categories", ())
    if not services and not kinds and not whose_problems:
        fact = "is missing; name services or categories: 'for: {services: [backend]}'"
        problems.append(Problem(source, f"{where}.for", fact))
    playbook = Playbook(
        name=name,
        steps=tuple(steps),
        when=When(_value(when, "texts", ()), _value(when, "rules", ())),
        instead=_value(top.settings, "instead", False),
        source=source,
    )
    return Declared(playbook, frozenset(services), frozenset(kinds)), problems


def _value(settings: Settings, key: str, otherwise: Any) -> Any:
    setting = settings.get(key)
    return otherwise if setting is None else setting.value


def _group(written: object, keys: Mapping[str, Key], source: str, where: str) -> tuple[Settings, list[Problem]]:
    if written is None:
        return {}, []
    if not isinstance(written, dict):
        return {}, [Problem(source, where, f"{values.in_words(written)} is not a mapping of {' and '.join(keys)}")]
    reading = read_mapping(written, keys, source, where)
    return reading.settings, list(reading.problems)


# --- steps -----------------------------------------------------------------------------------------------------------


def _steps(written: object, source: str, where: str) -> tuple[list[Step], list[Problem]]:
    if not isinstance(written, list) or not written:
        return [], [Problem(source, where, "is missing; write a list of steps, such as '- restart: {}'")]
    problems: list[Problem] = []
    if len(written) > MOST_STEPS:
        problems.append(Problem(source, where, f"has {len(written)} steps; the most are {MOST_STEPS}"))
    steps: list[Step] = []
    for index, each in enumerate(written):
        step, wrong = _step(each, source, f"{where}[{index}]")
        problems.extend(wrong)
        if step is not None:
            steps.append(step)
            if isinstance(step, HoldStep) and index + 1 < len(written):
                problems.append(
                    Problem(source, f"{where}[{index}]", "is not the last step, and nothing follows a hold")
                )
    return steps, problems


def _step(written: object, source: str, where: str) -> tuple[Step | None, list[Problem]]:
    if isinstance(written, str) and written in STEPS:
        written = {written: {}}
    if not isinstance(written, dict) or len(written) != 1:
        fact = f"{values.in_words(written)} is not one step; write one of {', '.join(STEPS)}: '- restart: {{}}'"
        return None, [Problem(source, where, fact)]
    ((word, inner),) = written.items()
    form = STEPS.get(str(word))
    if form is None:
        close = values.did_you_mean(str(word), list(STEPS)) or f"; use {', '.join(STEPS)}"
        return None, [Problem(source, f"{where}.{word}", f"unknown step{close}")]
    given = {} if inner is None else inner if isinstance(inner, dict) else {form.short: inner}
    reading = read_mapping(given, form.keys, source, f"{where}.{word}")
    absent = [key for key in form.required if given.get(key) is None]
    problems = [*reading.problems, *(Problem(source, f"{where}.{word}.{key}", "is missing") for key in absent)]
    if problems:
        return None, problems
    return form.make(**{form.fields.get(key, key): each.value for key, each in reading.settings.items()}), []


def signal(value: object) -> str:
    found = _SIGNAL.fullmatch(values.text(value))
    if found is None:
        raise ValueError(f"{values.in_words(value)} is no signal known here; write HUP, INT, TERM, USR1, USR2 or CONT")
    return f"SIG{found[1].upper()}"


def step_command(value: object) -> str | tuple[str, ...]:
    """As a check's command, but none cannot be meant."""
    command = values.command(value)
    if command is False or command is True:
        raise ValueError(f"{values.in_words(value)} is no command; write a text for the container's shell, or a list")
    return command


def texts(value: object) -> tuple[str, ...]:
    """One, or a list; a comma is a part of it."""
    return tuple(values.text(each) for each in (value if isinstance(value, list) else [value]))


def rules(value: object) -> tuple[str, ...]:
    read = values.OneOf(RULES)
    return tuple(read(each) for each in (value if isinstance(value, list) else str(value).split(",")))


@dataclass(frozen=True, slots=True)
class Form:
    """How a step is written; ``short`` is the key that a plain value is for: ``- restart: db``."""

    make: Callable[..., Step]
    keys: Mapping[str, Key]
    meaning: str
    short: str
    required: tuple[str, ...] = ()
    """Keys that it cannot do without."""
    fields: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Of the step, by key, where it goes by another name there."""


_SERVICE: Final = Key(values.service_name, "whose container; left out: its own")
_TIMEOUT: Final = Key(values.Duration(0.1, LONGEST_TIMEOUT), "for the command; then it is ended, and has failed")
_VERIFY: Final = Key(values.Duration(0.1, LONGEST_VERIFY), "in which the service's own check may show that it helped")

STEPS: Final[Mapping[str, Form]] = {
    "exec": Form(
        ExecStep,
        {
            "command": Key(step_command, "text for the container's shell, or a list of program and arguments"),
            "service": _SERVICE,
            "timeout": _TIMEOUT,
            "verify": _VERIFY,
        },
        "a command inside a container; exit code 0 is success",
        "command",
        ("command",),
    ),
    "signal": Form(
        SignalStep,
        {
            "signal": Key(signal, "`HUP`, `INT`, `QUIT`, `TERM`, `KILL`, `USR1`, `USR2`, `CONT`, `WINCH`"),
            "service": _SERVICE,
            "verify": _VERIFY,
        },
        "a signal to a container's first process",
        "signal",
        ("signal",),
    ),
    "purge": Form(
        PurgeStep,
        {"service": _SERVICE, "timeout": _TIMEOUT, "verify": _VERIFY},
        "deletes the keys of a Redis that `cache_keys` of its service names, and no other",
        "service",
    ),
    "restart": Form(
        RestartStep,
        {"service": Key(values.service_name, "which; left out: itself"), "verify": _VERIFY},
        "one restart, as if somebody had asked for it",
        "service",
    ),
    "restart_lane": Form(
        LaneStep,
        {"verify": _VERIFY},
        "all that runs of its lane is stopped, then started one by one, each verified before the next",
        "verify",
    ),
    "wait_healthy": Form(
        WaitStep,
        {
            "within": Key(values.Duration(0.1, LONGEST_VERIFY), "for at most this long"),
            "service": Key(values.service_name, "who; left out: itself"),
        },
        "waits for a service to be well",
        "within",
        ("within",),
    ),
    "notify": Form(
        NotifyStep,
        {"text": Key(values.text, "what a person should read")},
        "tells people: an event, and an escalation of the incident",
        "text",
        ("text",),
    ),
    "hold": Form(
        HoldStep,
        {
            "for": Key(values.Duration(1.0, LONGEST), "for at most this long; a person releases it earlier"),
            "why": Key(values.text, "shown with it"),
        },
        "leaves the service alone, for a person to see to it; only as the last step",
        "for",
        ("for",),
        {"for": "seconds"},
    ),
}
PLAYBOOK_KEYS: Final[Mapping[str, Key]] = {
    "enable": Key(values.switch, "`false`: one of the catalog's is done without"),
    "instead": Key(
        values.switch,
        "`true`: never restarted for this cause; in vain, a failure is counted, and it is tried again by backoff",
    ),
}
FOR_KEYS: Final[Mapping[str, Key]] = {
    "services": Key(values.service_names, "whose it is, with `categories`: any of the named"),
    "categories": Key(categories, "see `services`"),
}
WHEN_KEYS: Final[Mapping[str, Key]] = {
    "texts": Key(texts, "any of them is in the words of the failing check, the end, or the diagnosis; capitals or not"),
    "rules": Key(rules, "any of these diagnosis rules holds"),
}


# --- the catalog's own -------------------------------------------------------------------------------------------

_TERMINATE: Final = (
    "SELECT count(pg_terminate_backend(pid)) || ' idle sessions were ended' FROM pg_stat_activity "
    "WHERE state = 'idle' AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
)
_PSQL: Final = f'psql -X -A -t -v ON_ERROR_STOP=1 -U "${{POSTGRES_USER:-postgres}}" -d postgres -c "{_TERMINATE}"'

WRITTEN: Final[Mapping[str, object]] = {
    "gpu-memory": {
        "for": {"categories": ["ai"]},
        "when": {"rules": ["gpu_out_of_memory"], "texts": ["CUDA out of memory"]},
        "steps": [{"restart": {}}, {"restart_lane": {}}],
    },
    "database-connections": {
        "for": {"categories": ["infrastructure", "application"]},
        "when": {
            "texts": ["too many clients already", "remaining connection slots are reserved", "too many connections for"]
        },
        "steps": [
            {"exec": {"service": "postgres", "command": _PSQL, "timeout": "10s", "verify": "20s"}},
            {"restart": {}},
        ],
    },
    "redis-memory": {
        "for": {"services": ["redis"]},
        "when": {"texts": ["OOM command not allowed", "used memory > 'maxmemory'"]},
        "steps": [{"purge": {"verify": "15s"}}, {"restart": {}}],
    },
}
"""The specification's recovery procedures, as they would stand in the file. Its fourth, an engine that does not answer,
is no service's: the connection is tried again all the time, and what ``doctor`` finds goes into the incident."""

BUILT_IN: Final = read_playbooks(dict(WRITTEN), "the catalog")
