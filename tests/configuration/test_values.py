"""One value at a time."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.configuration import values
from orchestrator.configuration.keys import YAML_SERVICE_KEYS

MEANT: dict[str, tuple[values.Reader, object, object]] = {
    "seconds": (values.Duration(), "5s", 5.0),
    "minutes": (values.Duration(), "2m", 120.0),
    "hours": (values.Duration(), "1h", 3600.0),
    "milliseconds": (values.Duration(), "500ms", 0.5),
    "days": (values.Duration(), "1d", 86400.0),
    "several units": (values.Duration(), "1h30m", 5400.0),
    "a space before the unit": (values.Duration(), "5 s", 5.0),
    "a plain number as text": (values.Duration(), "30", 30.0),
    "a plain number": (values.Duration(), 30, 30.0),
    "a fraction": (values.Duration(), 0.25, 0.25),
    "no time at all": (values.Duration(), "0s", 0.0),
    "gigabytes": (values.size, "4GB", 4 * 10**9),
    "part of a gigabyte": (values.size, "14.7 gb", 14_700_000_000),
    "megabytes": (values.size, "3000MB", 3 * 10**9),
    "gibibytes": (values.size, "4GiB", 4 * 2**30),
    "bytes": (values.size, 4_000_000_000, 4 * 10**9),
    "a port": (values.port, "8080", 8080),
    "a switch as text": (values.switch, "Yes", True),
    "a switch turned off": (values.switch, False, False),
    "names from text": (values.service_names, "db, cache ,db", ("db", "cache")),
    "names from a list": (values.service_names, ["db", "cache"], ("db", "cache")),
    "names and resources from text": (values.dependencies, "db, tcp:[::1]:80,mount:/a b , gpu",
                                      ("db", "tcp:[::1]:80", "mount:/a b", "gpu")),
    "names and resources from a list": (values.dependencies, ["path:/x ", "dns:nas"], ("path:/x", "dns:nas")),
    "no names": (values.service_names, "", ()),
    "an IPv6 host": (values.host, "[fd00::1]", "fd00::1"),
    "a class of statuses": (values.status_codes, "2xx", tuple(range(200, 300))),
    "a range and one": (values.status_codes, "200-202,404", (200, 201, 202, 404)),
    "statuses in a list": (values.status_codes, [200, "301"], (200, 301)),
    "a path": (values.http_path, "/health?deep=1", "/health?deep=1"),
    "no path wanted": (values.http_path, "false", False),
    "a command for the shell": (values.command, "redis-cli ping", "redis-cli ping"),
    "a command as a list": (values.command, ["test", "-e", 7, True], ("test", "-e", "7", "true")),
    "the command called false": (values.command, ["false"], ("false",)),
    "a check of the service's own port": (values.network_check, "true", True),
    "a check of a port": (values.network_check, "6379", 6379),
    "a check turned off": (values.network_check, "off", False),
    "PostgreSQL as its own user": (values.postgres_check, True, True),
    "PostgreSQL as another user": (values.postgres_check, "security", "security"),
    "PostgreSQL turned off": (values.postgres_check, "no", False),
    "one pattern": (values.patterns, "shop-*", ("shop-*",)),
    "several patterns": (values.patterns, ["a", "b"], ("a", "b")),
}  # fmt: skip

REFUSED: dict[str, tuple[values.Reader, object, str]] = {
    "a foreign unit": (values.Duration(), "5 parsecs", "'5 parsecs' is not a duration; write 500ms, 5s"),
    "a negative duration": (values.Duration(), "-5s", "negative"),
    "a negative number": (values.Duration(), -5, "negative"),
    "longer than a year": (values.Duration(), "9999d", "too long; the most is 366d"),
    "endless": (values.Duration(), math.inf, "too long"),
    "beyond all numbers": (values.Duration(), 10**400, "too long"),
    "not a number": (values.Duration(), math.nan, "not a duration"),
    "true is no duration": (values.Duration(), True, "true is not a duration"),
    "a list is no duration": (values.Duration(), [5], "a list is not a duration"),
    "shorter than sensible": (values.Duration(0.1), "1ms", "the least is 0.1 s"),
    "a size of another unit": (values.size, "4 apples", "'4 apples' is not a size; write 4GB, 14.7GB"),
    "a negative size": (values.size, "-4GB", "not a size"),
    "true is no size": (values.size, True, "true is not a size"),
    "gigabytes without their unit": (values.size, 4, "4 is no likely size; use 1MB to 10000GB"),
    "more than there is": (values.size, "99999999GB", "no likely size"),
    "port 0": (values.port, 0, "use 1 to 65535"),
    "port 65536": (values.port, "65536", "use 1 to 65535"),
    "two ports": (values.port, "80:80", "'80:80' is not a port"),
    "true is no port": (values.port, True, "true is not a port"),
    "half a failure": (values.WholeNumber(1, 10), 1.5, "not a whole number"),
    "no failure": (values.WholeNumber(1, 10), 0, "use 1 to 10"),
    "maybe": (values.switch, "maybe", "neither true nor false"),
    "an empty text": (values.text, "  ", "not a text"),
    "a mapping for a text": (values.text, {}, "a mapping is not a text"),
    "a URL for a host": (values.host, "http://web", "not a host"),
    "a name with a space": (values.service_names, ["my db"], "not a service name"),
    "a resource for what is restarted": (values.service_names, "db, tcp:nas:80",
                                         "' tcp:nas:80' is no service, and is never restarted; write it under"),
    "an address without a port": (values.dependencies, ["tcp:nas"], "'tcp:nas' is no resource of the host; write tcp:"),
    "a relative path": (values.dependencies, "db, path:mnt", "'path:mnt' is no resource of the host; write path:/"),
    "a mapping for a resource": (values.dependencies, [{"path": "/x"}], "a mapping is not a text"),
    "a resource of no kind": (values.dependencies, "redis:6379", "neither a service nor a resource of the host"),
    "a mapping for names": (values.service_names, {"db": {}}, "not a list of service names"),
    "a resource for an own name": (values.own_name, "gpu", "resource of the host"),
    "an unknown word": (values.OneOf(("service", "job")), "cron", "use service or job"),
    "status 99": (values.status_codes, 99, "not an HTTP status"),
    "no status": (values.status_codes, True, "not an HTTP status"),
    "an empty list of statuses": (values.status_codes, [], "no HTTP status"),
    "statuses backwards": (values.status_codes, "299-200", "backwards"),
    "a URL for a path": (values.http_path, "http://web/health", "starts with '/'"),
    "true is no path": (values.http_path, True, "starts with '/'"),
    "an empty command": (values.command, [], "a command's list"),
    "true is no command": (values.command, True, "not a text"),
    "a check of an impossible port": (values.network_check, 70000, "use 1 to 65535"),
    "no pattern": (values.patterns, [], "the list is empty"),
}  # fmt: skip


@pytest.mark.parametrize(("reader", "written", "meant"), MEANT.values(), ids=MEANT)
def test_what_is_meant(reader: values.Reader, written: object, meant: object) -> None:
    assert reader(written) == meant


@pytest.mark.parametrize(("reader", "written", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_says_what_would_be_right(reader: values.Reader, written: object, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        reader(written)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(sorted(YAML_SERVICE_KEYS)), anything)
def test_no_reader_fails_otherwise_than_with_words(key: str, written: object) -> None:
    try:
        YAML_SERVICE_KEYS[key].reader(written)
    except ValueError as error:
        assert str(error)
        assert "\n" not in str(error)
