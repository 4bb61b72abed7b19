"""The file's JSON schema: the shipped one is the product's, and it agrees with the loader."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from orchestrator.cli import main
from orchestrator.configuration import load
from orchestrator.configuration.document import read_document
from orchestrator.configuration.keys import SHARED_KEYS, YAML_SERVICE_KEYS, Key
from orchestrator.configuration.maintenance import WINDOW_KEYS
from orchestrator.configuration.schema import SHIPPED, as_text, json_schema, of_reader
from orchestrator.configuration.settings import FILE_KEYS, load_settings, with_file_settings
from orchestrator.configuration.yaml_file import parse, read_file
from orchestrator.core.model import Category

EXAMPLES = Path(__file__).parents[2] / "examples"
SCHEMA = json_schema()
VALIDATOR = Draft202012Validator(SCHEMA)


def _mistakes(written: object) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(written)]


def test_it_is_a_schema_of_the_dialect_that_it_names() -> None:
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(SCHEMA)


def test_the_shipped_file_is_what_the_keys_give() -> None:
    shipped = files("orchestrator.configuration").joinpath(SHIPPED).read_text(encoding="utf-8")
    assert shipped == as_text(), "write it anew: make schema"


def test_check_prints_it_and_checks_nothing() -> None:
    Path("orchestrator.yaml").write_text("nonsense: 1", encoding="utf-8")
    result = CliRunner().invoke(main, ["check", "--schema"], catch_exceptions=False)
    assert (result.exit_code, result.stdout) == (0, as_text())


@pytest.mark.parametrize("example", ["orchestrator.yaml", "demo/orchestrator.yaml"])
def test_an_example_is_valid_and_names_the_shipped_schema(example: str) -> None:
    file = EXAMPLES / example
    written, problems = read_file(file)
    assert problems == ()
    assert _mistakes(written) == []
    first = file.read_text(encoding="utf-8").partition("\n")[0]
    named = (file.parent / first.removeprefix("# yaml-language-server: $schema=")).resolve()
    assert named.samefile(str(files("orchestrator.configuration").joinpath(SHIPPED)))


def test_every_key_is_explained() -> None:
    for name, known in {"service": YAML_SERVICE_KEYS, "shared": SHARED_KEYS}.items():
        properties: dict[str, Any] = SCHEMA["$defs"][name]["properties"]
        for key in known:
            group, _, inner = key.rpartition(".")
            there = properties[group]["properties"][inner] if group else properties[key]
            assert (there["title"], there["description"]) == (key, known[key].meaning)
    for key in FILE_KEYS:
        assert SCHEMA["properties"][key]["description"]


# --- schema and loader agree --------------------------------------------------------------------------------------

UNITS = st.sampled_from(["ms", "s", "m", "h", "d", "", "parsecs"])
NUMBERS = st.integers(-10, 70000) | st.sampled_from([0.1, 0.01, 1.5, 1e9, -0.5, 10**13])
DURATIONS = st.lists(st.tuples(st.integers(0, 99), st.sampled_from(["", " "]), UNITS), min_size=1, max_size=3).map(
    lambda parts: " ".join(f"{number}{gap}{unit}" for number, gap, unit in parts)
)
WORDS = st.sampled_from(
    ["true", "Yes", "on", "1", "FALSE", "no", " off ", "0", "AI", "application", "job", " Service", "keep_trying",
     "disable", "Respect", "restart", "web", "web-1, db", "a,,b", "web db", "-x", "/health", "/a b", "http://x/y", "*",
     "200", "2xx", "200-299, 404", "299-200", "20x", "8080", "+80", "-1", "1.5", "99999999999999999999", "", " ",
     "gpu", "10.0.0.9", "[::1]", "redis-cli ping", "tcp:nas:80", "tcp:[::1]:80, db", "tcp:nas:99999", "path:/a b ",
     "mount:/x,dns:nas", "mount:x"]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | NUMBERS | NUMBERS.map(str) | DURATIONS | WORDS | st.text(max_size=5)
WRITTEN: st.SearchStrategy[Any] = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(WORDS, SCALARS, max_size=2)


def _takes(key: Key, written: object) -> bool:
    try:
        key.reader(written)
    except ValueError:
        return False
    return True


@given(st.sampled_from(sorted(YAML_SERVICE_KEYS)), WRITTEN)
def test_what_a_reader_takes_the_schema_takes(key: str, written: object) -> None:
    if _takes(YAML_SERVICE_KEYS[key], written):
        Draft202012Validator(of_reader(YAML_SERVICE_KEYS[key].reader)).validate(written)


def _nested(keys: dict[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for key, value in keys.items():
        group, _, inner = key.rpartition(".")
        if group:
            nested.setdefault(group, {})[inner] = value
        else:
            nested[inner] = value
    return nested


SERVICE = st.dictionaries(st.sampled_from([*YAML_SERVICE_KEYS, "colour", "health.colour"]), WRITTEN, max_size=3)
SHARED = st.dictionaries(st.sampled_from([*SHARED_KEYS, "port"]), WRITTEN, max_size=2)
FILES = st.fixed_dictionaries(
    {},
    optional={
        "services": st.none() | st.dictionaries(WORDS, st.none() | SERVICE.map(_nested), max_size=2),
        "defaults": st.none() | SHARED.map(_nested),
        "categories": st.none()
        | st.dictionaries(st.sampled_from([*Category, "gpu"]).map(str), SHARED.map(_nested), max_size=2),
        "servces": WRITTEN,
    },
)


@given(FILES)
def test_a_file_without_a_problem_is_valid(written: dict[str, object]) -> None:
    if read_document(written, "orchestrator.yaml").problems == ():
        assert _mistakes(written) == []


TIMES = st.sampled_from(["02:00", "2:30", "24:00", "02:60", 120, "noon"])
ABOUT_A_WINDOW = st.sampled_from(["mon", "Monday, tue", ["sun"], "daily", "someday", "UTC", "ai", ["ai"], "AI, ", 7])


@given(TIMES, TIMES, st.dictionaries(st.sampled_from(sorted(WINDOW_KEYS)), ABOUT_A_WINDOW | WRITTEN, max_size=3))
def test_windows_without_a_problem_are_valid(begins: object, ends: object, more: dict[str, object]) -> None:
    written: dict[str, object] = {"maintenance": [{"from": begins, "to": ends, **more}]}
    if read_document(written, "orchestrator.yaml").problems == ():
        assert _mistakes(written) == []


@given(st.sampled_from(FILE_KEYS), WRITTEN)
def test_a_setting_of_the_process_without_a_problem_is_valid(key: str, written: object) -> None:
    process = read_document({key: written}, "orchestrator.yaml").process
    _, problems = with_file_settings(load_settings({}, None), process, "orchestrator.yaml")
    if problems == ():
        assert _mistakes({key: written}) == []


@given(st.sampled_from(sorted(YAML_SERVICE_KEYS)), st.data())
def test_no_pattern_of_the_schema_takes_long(key: str, data: st.DataObject) -> None:
    validator = Draft202012Validator(of_reader(YAML_SERVICE_KEYS[key].reader))
    part = data.draw(st.sampled_from(["a", "1", " ", ",", "1s", "200,", "a,", "9" * 20, "path:/a ", "tcp:a"]))
    assert validator.is_valid(part * 400 + "!") in (True, False)


REFUSED = {
    "an unknown section": "servces: {}",
    "a section that is a list": "services: [web]",
    "a service that is a number": "services: {web: 80}",
    "a service's name with a space": "services: {my web: {}}",
    "a service named like the host's resource": "services: {gpu: {}}",
    "an unknown key": "services: {web: {prot: 80}}",
    "an unknown key that says nothing": "services: {web: {prot: }}",
    "a key of a group, a level too high": "services: {web: {interval: 5s}}",
    "a label's way to write a key": "services: {web: {health.http: /up}}",
    "an unknown key of a group": "services: {web: {health: {htttp: /up}}}",
    "a group that is no mapping": "services: {web: {health: /up}}",
    "what one service alone can have, for all": "defaults: {port: 80}",
    "and for a category": "categories: {ai: {health: {http: /up}}}",
    "an unknown category": "categories: {gpu: {}}",
    "a port out of range": "services: {web: {port: 70000}}",
    "a port that is a word": "services: {web: {port: http}}",
    "a negative duration": "defaults: {grace: -5}",
    "a negative duration with its unit": "defaults: {grace: -5s}",
    "a duration with a foreign unit": "defaults: {grace: 5 parsecs}",
    "a duration without a number": "defaults: {grace: soon}",
    "a duration of years": "defaults: {grace: 99999999}",
    "an interval too short": "defaults: {health: {interval: 0.01}}",
    "no failure at all": "defaults: {health: {failures: 0}}",
    "half a failure": "defaults: {health: {failures: 1.5}}",
    "an unknown word": "services: {web: {kind: cron}}",
    "an unknown category of a service": "services: {web: {category: gpu}}",
    "an unknown policy": "defaults: {recovery: {on_max_failures: explode}}",
    "an impossible status": "defaults: {health: {expect_status: 999}}",
    "a status that is a word": "defaults: {health: {expect_status: ok}}",
    "no status": "defaults: {health: {expect_status: []}}",
    "a URL for a path": "services: {web: {health: {http: 'http://web/up'}}}",
    "true for a path": "services: {web: {health: {http: true}}}",
    "an empty command": "services: {web: {health: {command: []}}}",
    "a check of an impossible port": "services: {web: {health: {tcp: 70000}}}",
    "a host with a scheme": "services: {web: {host: 'http://x'}}",
    "dependencies as a mapping": "services: {web: {requires: {db: true}}}",
    "a dependency with a space": "services: {web: {requires: [my db]}}",
    "a relative path": "services: {web: {requires: ['path:mnt/x']}}",
    "an address without a port, in text": "services: {web: {requires: 'db, tcp:nas'}}",
    "a resource of no kind": "services: {web: {wants: ['redis:6379']}}",
    "a resource to be restarted with": "services: {web: {restart_with: ['mount:/mnt/x']}}",
    "no pattern": "services: {web: {match: []}}",
    "a switch that is a word": "enabled: maybe",
    "an unknown discovery": "discovery: everything",
    "an unknown form of the log": "log_format: xml",
    "the API's port out of range": "port: 70000",
    "a state that is a number": "state: 5",
    "windows that are no list": "maintenance: {from: '02:00', to: '03:00'}",
    "a window without an end": "maintenance: [{from: '02:00'}]",
    "a window at no time of day": "maintenance: [{from: '25:00', to: '03:00'}]",
    "a window of nobody known": "maintenance: [{from: '02:00', to: '03:00', categories: [gpu]}]",
    "channels that are a list": "notifications: {channels: [ops]}",
    "a channel that is an address": "notifications: {channels: {ops: 'https://h/x'}}",
    "a channel without an address": "notifications: {channels: {ops: {secret: 0123456789abcdef}}}",
    "an address without a scheme": "notifications: {channels: {ops: {url: hooks.example.com}}}",
    "a secret that is too short": "notifications: {channels: {ops: {url: 'https://h', secret: short}}}",
    "a route to nobody": "notifications: {routes: [{severity: critical}]}",
    "a route of an unknown severity": "notifications: {routes: [{channels: ops, severity: loud}]}",
    "quiet hours without an end": "notifications: {quiet_hours: [{from: '22:00'}]}",
    "a digest of nothing": "notifications: {digest: {after: 0}}",
    "a settle time that is none": "notifications: {settle: soon}",
    "an unknown key of notifications": "notifications: {channel: {}}",
    "a secret in the file": "api_token: 0123456789abcdef",
    "a Redis in the file": "redis_url: redis://localhost",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_a_wrong_file_is_refused_by_both(tmp_path: Path, text: str) -> None:
    file = tmp_path / "orchestrator.yaml"
    file.write_text(text, encoding="utf-8")
    assert load({"config": file}, dotenv=None).problems != ()
    written, _ = parse(text, "orchestrator.yaml")
    assert _mistakes(written) != []


TAKEN = {
    "nothing": "",
    "sections that say nothing": "services:\ndefaults:\ncategories:\n",
    "a name alone": "services:\n  web:\n",
    "a group alone": "services: {web: {health: }}",
    "keys that say nothing": "services: {web: {port: , requires: }}\nenabled:\n",
    "numbers as text": "services: {web: {port: '80', health: {failures: ' 3 '}}}",
    "words in capitals": "services: {web: {category: AI, enable: Yes}}",
    "several units": "defaults: {grace: 1h 30m, health: {interval: 1 m}}",
    "a method that is declined": "services: {web: {health: {http: off, redis: no, tcp: false}}}",
    "a list with commas": "services: {web: {requires: 'db, cache', health: {expect_status: '200, 3xx'}}}",
    "resources in a list": "services: {web: {requires: [db, 'tcp:[::1]:80', tcp:10.0.0.9:5432, path:/mnt/My Disk]}}",
    "resources in text": "services: {web: {wants: 'mount:/mnt/x, dns:nas.lan'}}",
    "everything about notifications": """
notifications:
  channels:
    ops: {url: https://hooks.example.com/x, secret: 0123456789abcdef}
    phone: {url: json://localhost:8080/}
  routes:
    - {channels: [ops]}
    - {channels: phone, severity: critical, categories: [ai, infrastructure]}
  quiet_hours:
    - {from: "22:00", to: "07:00", days: [mon, tue], timezone: UTC, channels: [phone], critical_breaks_through: true}
  digest: {after: 3, within: 10m}
  settle: 1m
  reminder: 0s
  sender: gpu-box
""",
    "notifications that say nothing": "notifications: {channels: , routes: , quiet_hours: , digest: }",
    "every setting of the process": "enabled: off\ndocker_host: tcp://h:1\nmonitoring_enabled: false\n"
    "discovery: all\nproject: shop\nstate: /tmp/s.db\nlog_format: json\nhost: '::1'\nport: 0\n",
}


@pytest.mark.parametrize("text", TAKEN.values(), ids=TAKEN)
def test_a_file_that_is_right_is_taken_by_both(tmp_path: Path, text: str) -> None:
    file = tmp_path / "orchestrator.yaml"
    file.write_text(text, encoding="utf-8")
    assert load({"config": file}, dotenv=None).problems == ()
    written, _ = parse(text, "orchestrator.yaml")
    assert _mistakes(written) == []
