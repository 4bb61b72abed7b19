"""Any value of an annotation of the core: every field of it, whatever is added to it later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

_WORDS = st.text(max_size=8)
_NUMBERS = st.one_of(st.floats(allow_nan=False), st.integers(-(10**9), 10**9))
_JSON = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), _WORDS)
_PLAIN = {str: _WORDS, bool: st.booleans(), int: st.integers(), float: _NUMBERS, NoneType: st.none(), object: _JSON}


def any_of(kind: Any) -> st.SearchStrategy[Any]:
    return st.deferred(lambda: _strategy(kind))


def _strategy(kind: Any) -> st.SearchStrategy[Any]:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return st.one_of([any_of(each) for each in inner])
    if origin is Literal:
        return st.sampled_from(inner)
    if origin is tuple:
        if inner[-1] is Ellipsis:
            return st.lists(any_of(inner[0]), max_size=2).map(tuple)
        return st.tuples(*map(any_of, inner))
    if origin is not None and issubclass(origin, Mapping):
        return st.dictionaries(_WORDS, any_of(inner[1]), max_size=2)
    if isinstance(kind, type) and is_dataclass(kind):
        hints = get_type_hints(kind)
        return st.builds(kind, **{each.name: any_of(hints[each.name]) for each in fields(kind)})
    if issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    return _PLAIN[kind]
