"""YAML as people mean it, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.configuration.yaml_file import LARGEST, parse, read_file

SCALARS = {
    "no is a text": ("no", "no"),
    "on is a text": ("on", "on"),
    "true is true": ("true", True),
    "a port mapping is no sexagesimal number": ("22:22", "22:22"),
    "a leading zero is no octal number": ("010", 10),
    "an octal number": ("0o10", 8),
    "a hexadecimal number": ("0x10", 16),
    "a date is a text": ("2024-01-15", "2024-01-15"),
    "a fraction": ("1.5", 1.5),
    "an exponent without a dot": ("1e3", 1000.0),
    "nothing": ("", None),
    "a tilde": ("~", None),
}


@pytest.mark.parametrize(("written", "meant"), SCALARS.values(), ids=SCALARS)
def test_scalars_are_those_of_yaml_1_2(written: str, meant: object) -> None:
    assert parse(f"key: {written}\n", "f") == ({"key": meant}, ())


BROKEN = {
    "a bracket left open": ("a: [1\nb: 2", "line 2, column 2: did not find expected ',' or ']'"),
    "a tab": ("a:\n\tb: 1", "line 2, column 1: found character that cannot start any token"),
    "an unknown tag": ("a: !!python/object:os.system x", "line 1, column 4: could not determine a constructor"),
    "an unknown alias": ("a: *b", "line 1, column 4: found undefined alias"),
    "two documents": ("a: 1\n---\nb: 2", "line 2, column 1: but found another document"),
    "a list for a key": ("? [a]\n: b", "line 1, column 3: found unhashable key"),
    "a control character": ("a: \x00", "is not YAML: unacceptable character"),
    "no text": (b"\xff\xfe\xff", "is not YAML"),
    "a list at the top": ("- a", "must be a mapping at the top"),
}


@pytest.mark.parametrize(("written", "words"), BROKEN.values(), ids=BROKEN)
def test_broken_yaml_says_where_and_why(written: str | bytes, words: str) -> None:
    content, (problem,) = parse(written, "orchestrator.yaml")
    assert content == {}
    assert str(problem).startswith("orchestrator.yaml: ")
    assert words in problem.fact
    assert "\n" not in problem.fact


def test_a_key_written_twice_is_named_with_both_lines() -> None:
    content, (problem,) = parse("services:\n  web:\n    port: 1\n  db:\n  web:\n    port: 2\n", "f")
    assert content == {"services": {"web": {"port": 2}, "db": None}}
    assert str(problem) == "f: services.web: is written twice (lines 2 and 5): the later one is used, remove one"


def test_overriding_a_merged_key_is_no_duplicate() -> None:
    assert parse("x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\n", "f") == (
        {"x": {"a": 1, "b": 2}, "y": {"a": 1, "b": 3}},
        (),
    )


def test_a_structure_that_holds_itself_is_read() -> None:
    content, problems = parse("a: &a\n  b: *a\n", "f")
    assert content.keys() == {"a"}
    assert problems == ()


def test_an_empty_file_says_nothing() -> None:
    assert parse("# nothing yet\n", "f") == ({}, ())


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    content, (problem,) = read_file(tmp_path)
    assert content == {}
    assert "cannot be read: Is a directory" in problem.fact


def test_a_file_that_no_person_wrote_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "large.yaml"
    file.write_bytes(b"#" * (LARGEST + 1))
    _, (problem,) = read_file(file)
    assert "larger than 4 MiB" in problem.fact
