"""The core's values as JSON and back, without loss: any dataclass of ``model`` and ``messages``, by its annotations.

A field that has its default is left out. A number that JSON has no word for is a string (``"inf"``); where one of
several dataclasses can stand, ``is`` names it. Nothing is guessed when it is read: what does not fit its annotation,
or is a field nobody knows, is :class:`Unreadable`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Final, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

Json = Any
"""Only strings, numbers, booleans, null, lists and objects."""
Value = TypeVar("Value")

_KIND: Final = "is"
_FORMS: Final[dict[Any, Form]] = {}
"""Worked out once."""


class Unreadable(ValueError):
    """What was read is no such value."""

    def __init__(self, fact: str, path: tuple[str, ...] = ()) -> None:
        super().__init__(f"{'.'.join(path)}: {fact}" if path else fact)
        self.fact = fact
        self.path = path
        """Where in it."""


class Form(NamedTuple):
    """How the values of one annotation are written and read."""

    write: Callable[[Any], Json]
    read: Callable[[Json], Any]


def encode(kind: type[Value], value: Value) -> Json:
    return form_of(kind).write(value)


def decode(kind: type[Value], document: Json) -> Value:
    """Raises :class:`Unreadable`."""
    value: Value = form_of(kind).read(document)
    return value


def form_of(kind: Any) -> Form:
    """Of an annotation; ``object`` is JSON as it is."""
    form = _FORMS.get(kind)
    if form is None:
        form = _FORMS[kind] = _worked_out(kind)
    return form


def _worked_out(kind: Any) -> Form:
    origin = get_origin(kind)
    if origin is Union or origin is UnionType:
        return _union(get_args(kind))
    if origin is Literal:
        return _choice(get_args(kind))
    if origin is tuple:
        return _tuple(get_args(kind))
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(get_args(kind)[1])
    if is_dataclass(kind):
        return _record(kind)
    if issubclass(kind, Enum):
        return _enum(kind)
    return _PLAIN[kind]


def field_forms(kind: type) -> Mapping[str, Form]:
    """Of each field of a dataclass, by name."""
    hints = get_type_hints(kind)
    return {each.name: form_of(hints[each.name]) for each in fields(kind)}


# --- plain values --------------------------------------------------------------------------------------------


def _same(value: Json) -> Json:
    return value


def _exactly(*kinds: type) -> Form:
    def read(document: Json) -> Json:
        if type(document) not in kinds:
            raise Unreadable(f"{_shown(document)} is no {kinds[0].__name__}")
        return document

    return Form(_same, read)


def _write_number(value: float) -> Json:
    return value if math.isfinite(value) else repr(value)


def _read_number(document: Json) -> float:
    match document:
        case bool():
            pass
        case int() | float():
            return document
        case "inf" | "-inf":
            return float(document)
    raise Unreadable(f"{_shown(document)} is no number")


_PLAIN: Final[Mapping[Any, Form]] = {
    str: _exactly(str),
    bool: _exactly(bool),
    int: _exactly(int),
    float: Form(_write_number, _read_number),
    NoneType: _exactly(NoneType),
    object: Form(_same, _same),
}


def _choice(words: Sequence[Json]) -> Form:
    def read(document: Json) -> Json:
        if document not in words:
            raise Unreadable(f"{_shown(document)} is none of {', '.join(map(str, words))}")
        return document

    return Form(_same, read)


def _enum(kind: type[Enum]) -> Form:
    known = {each.value: each for each in kind}

    def read(document: Json) -> Enum:
        if not isinstance(document, str) or document not in known:
            raise Unreadable(f"{_shown(document)} is none of {', '.join(known)}")
        return known[document]

    return Form(lambda value: value.value, read)


# --- what holds others ---------------------------------------------------------------------------------------


def _tuple(inner: Sequence[Any]) -> Form:
    repeated = inner[-1] is Ellipsis
    forms = [form_of(each) for each in inner if each is not Ellipsis]

    def write(value: Sequence[Any]) -> Json:
        if repeated:
            return [forms[0].write(each) for each in value]
        return [form.write(each) for form, each in zip(forms, value, strict=True)]

    def read(document: Json) -> tuple[Any, ...]:
        if not isinstance(document, list) or not (repeated or len(document) == len(forms)):
            raise Unreadable(f"{_shown(document)} is no such list")
        of_each = forms * len(document) if repeated else forms
        return tuple(_at(str(at), form, each) for at, (form, each) in enumerate(zip(of_each, document, strict=True)))

    return Form(write, read)


def _mapping(inner: Any) -> Form:
    form = form_of(inner)

    def write(value: Mapping[str, Any]) -> Json:
        return {key: form.write(each) for key, each in value.items()}

    def read(document: Json) -> Mapping[str, Any]:
        if not isinstance(document, dict):
            raise Unreadable(f"{_shown(document)} is no object")
        return {key: _at(key, form, each) for key, each in document.items()}

    return Form(write, read)


def _record(kind: Any) -> Form:
    forms = field_forms(kind)
    plan = [(each.name, _default(each), forms[each.name].write) for each in fields(kind)]
    required = {name for name, default, _ in plan if default is MISSING}

    def write(value: Any) -> Json:
        held = ((name, getattr(value, name), default, inner) for name, default, inner in plan)
        return {name: inner(each) for name, each, default, inner in held if each is not default and each != default}

    def read(document: Json) -> Any:
        if not isinstance(document, dict):
            raise Unreadable(f"{_shown(document)} is no object")
        unknown = document.keys() - forms.keys()
        if unknown:
            raise Unreadable(f"unknown: {', '.join(sorted(unknown))}")
        missing = required - document.keys()
        if missing:
            raise Unreadable(f"missing: {', '.join(sorted(missing))}")
        return kind(**{name: _at(name, forms[name], each) for name, each in document.items()})

    return Form(write, read)


def _default(declared: Field[Any]) -> Any:
    return declared.default if declared.default_factory is MISSING else declared.default_factory()


def _union(members: Sequence[Any]) -> Form:
    """Told apart by what JSON makes of them; several dataclasses by their names."""
    records = {str(member.__name__): form_of(member) for member in members if _is_record(member)}
    others = [(member, form_of(member)) for member in members if not _is_record(member)]
    others.sort(key=lambda pair: pair[0] is not NoneType)  # what does not fit is told by the others

    def write(value: Any) -> Json:
        if not is_dataclass(value):
            return next(form for member, form in others if _is_of(value, member)).write(value)
        name = type(value).__name__
        written = records[name].write(value)
        return written if len(records) == 1 else {_KIND: name, **written}

    def read(document: Json) -> Any:
        if isinstance(document, dict) and records:
            return _read_record(document, records)
        for _, form in others[:-1]:
            with suppress(Unreadable):
                return form.read(document)
        return others[-1][1].read(document)

    return Form(write, read)


def _read_record(document: dict[str, Json], records: Mapping[str, Form]) -> Any:
    if len(records) == 1:
        return next(iter(records.values())).read(document)
    form = records.get(str(document.get(_KIND)))
    if form is None:
        raise Unreadable(f"{_shown(document.get(_KIND))} is none of {', '.join(records)}")
    return form.read({key: each for key, each in document.items() if key != _KIND})


def _is_record(kind: Any) -> bool:
    return is_dataclass(kind)


def _is_of(value: Any, member: Any) -> bool:
    origin = get_origin(member)
    if origin is Literal:
        return value in get_args(member)
    if member is float:
        return isinstance(value, int | float)
    return isinstance(value, origin or member)


def _at(key: str, form: Form, document: Json) -> Any:
    try:
        return form.read(document)
    except Unreadable as unreadable:
        raise Unreadable(unreadable.fact, (key, *unreadable.path)) from None


def _shown(document: Json) -> str:
    text = repr(document)
    return text if len(text) <= 40 else f"{text[:37]}..."
