"""YAML text to plain values, as YAML 1.2 reads it: only true and false are booleans, ``22:22`` is a text.

PyYAML follows YAML 1.1, where ``no`` is false, ``22:22`` is 1342 and ``010`` is 8.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from orchestrator.errors import Problem

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MERGE: Final = "tag:yaml.org,2002:merge"
LARGEST: Final = 4 * 1024 * 1024
"""Bytes; a larger file was not written by a person."""


class _Loader(_Base):  # type: ignore[misc]
    """The safe loader with the scalars of YAML 1.2's core schema; anchors and ``<<`` stay."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own registry, filled below


def _construct_integer(loader: Any, node: yaml.ScalarNode) -> int:
    written = loader.construct_scalar(node)
    return int(written, 0) if written[:2] in ("0o", "0x") else int(written)


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("int", r"[-+]?[0-9]{1,400}|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
     "-+0123456789."),
    ("merge", r"<<", "<"),
):  # fmt: skip
    _first_characters = ["" if each == "\0" else each for each in _first]
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first_characters)
_Loader.add_constructor("tag:yaml.org,2002:int", _construct_integer)


def read_file(path: Path) -> tuple[Mapping[Any, object], tuple[Problem, ...]]:
    """The top-level mapping of a file, empty when it cannot be had, and what is wrong with it. Never raises."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        return {}, (Problem(str(path), "", f"cannot be read: {error.strerror or error}"),)
    if len(content) > LARGEST:
        return {}, (Problem(str(path), "", f"is larger than {LARGEST // 1024 // 1024} MiB: not a configuration file"),)
    return parse(content, str(path))


def parse(content: str | bytes, source: str) -> tuple[Mapping[Any, object], tuple[Problem, ...]]:
    """The same from text; an empty document is an empty mapping."""
    try:
        loader = _Loader(content)
        try:
            root = loader.get_single_node()
            # Before construction, which copies the keys of a '<<' into the mapping.
            duplicates = tuple(_duplicates(root, source, "", set()))
            written = None if root is None else loader.construct_document(root)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        return {}, (Problem(source, "", _place(error)),)
    except (yaml.YAMLError, ValueError) as error:
        return {}, (Problem(source, "", f"is not YAML: {' '.join(str(error).split())}"),)
    except RecursionError:
        return {}, (Problem(source, "", "is nested too deeply: not a configuration file"),)
    if written is None:
        return {}, ()
    if not isinstance(written, dict):
        return {}, (Problem(source, "", "must be a mapping at the top, such as 'services:'"),)
    return written, duplicates


def _place(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    words = error.problem or error.context or "is not YAML"
    context = f" ({error.context})" if error.context and error.context != words else ""
    if mark is None:
        return f"is not YAML: {words}{context}"
    return f"line {mark.line + 1}, column {mark.column + 1}: {words}{context}"


def _duplicates(node: yaml.Node | None, source: str, path: str, seen: set[int]) -> Iterator[Problem]:
    """Keys written twice in one mapping; YAML forbids it, PyYAML silently takes the last."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _duplicates(item, source, path, seen)
    if not isinstance(node, yaml.MappingNode):
        return
    lines: dict[str, int] = {}
    for key, value in node.value:
        name = str(key.value)
        inner = f"{path}.{name}" if path else name
        line = key.start_mark.line + 1
        if name in lines and key.tag != _MERGE:
            where = f"line {line}" if lines[name] == line else f"lines {lines[name]} and {line}"
            fact = f"is written twice ({where}): the later one is used, remove one"
            yield Problem(source, inner, fact)
        lines[name] = line
        yield from _duplicates(value, source, inner, seen)
