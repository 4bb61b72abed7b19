"""``notifications:`` as it is written: what it means, all that is wrong at once, and no secret ever repeated."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator import bootstrap
from orchestrator.configuration import load
from orchestrator.configuration.notifications import Notifications, read_notifications
from orchestrator.core.model import Category
from orchestrator.core.routing import Digest, QuietHours, Route, Rules
from orchestrator.core.windows import Window
from orchestrator.runtime.clock import SystemClock

SOURCE = "orchestrator.yaml"
SECRET = "correct-horse-battery-staple"
OPS = {"url": "https://hooks.example.com/x"}


def read(written: object, **variables: str) -> Notifications:
    notifications, problems = read_notifications(written, SOURCE, variables)
    assert problems == ()
    return notifications


def problems_of(written: object, **variables: str) -> list[str]:
    _, problems = read_notifications(written, SOURCE, variables)
    return [str(problem).removeprefix(f"{SOURCE}: notifications.") for problem in problems]


def test_everything_that_can_be_said() -> None:
    notifications = read(
        {
            "channels": {"ops": {**OPS, "secret": SECRET}, "phone": {"url": "json://localhost:8080/"}},
            "routes": [{"channels": ["ops"]}, {"channels": "phone", "severity": "critical", "categories": ["ai"]}],
            "quiet_hours": [
                {"from": "22:00", "to": "07:00", "days": "mon", "timezone": "UTC", "channels": ["phone"],
                 "critical_breaks_through": True}
            ],
            "settle": "1m",
            "reminder": 0,
            "digest": {"after": 3, "within": "10m"},
            "sender": "gpu-box",
        }
    )  # fmt: skip
    assert notifications.rules == Rules(
        channels=("ops", "phone"),
        routes=(Route(("ops",)), Route(("phone",), "critical", frozenset({Category.AI}))),
        quiet_hours=(QuietHours(Window(1320, 420, frozenset({0}), "UTC"), frozenset({"phone"}), True),),
        settle=60.0,
        reminder=0.0,
        digest=Digest(3, 600.0),
    )
    ops, phone = notifications.channels["ops"], notifications.channels["phone"]
    assert (ops.is_webhook, phone.is_webhook, notifications.sender) == (True, False, "gpu-box")
    assert ops.secret is not None
    assert (ops.url.get_secret_value(), ops.secret.get_secret_value()) == (OPS["url"], SECRET)


def test_nothing_said_is_nobody_told() -> None:
    assert read(None) == read({}) == Notifications()


def test_addresses_and_secrets_come_from_variables() -> None:
    written = {"channels": {"ops": {"url": "https://hooks.example.com/${TOKEN}", "secret": "${KEY}"}}}
    ops = read(written, TOKEN="t0ken", KEY=SECRET).channels["ops"]
    assert ops.secret is not None
    assert ops.url.get_secret_value() == "https://hooks.example.com/t0ken"
    assert ops.secret.get_secret_value() == SECRET


def test_a_variable_that_is_not_set_is_named_and_its_channel_left_out() -> None:
    notifications, problems = read_notifications({"channels": {"ops": {"url": "${HOOK}"}}}, SOURCE, {"HOOK": ""})
    assert notifications.channels == {}
    assert [str(each) for each in problems] == [
        "orchestrator.yaml: notifications.channels.ops.url: the variable HOOK is not set, neither in the environment "
        "nor in .env"
    ]


def test_variables_are_read_from_dotenv_and_the_environment_goes_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_HOST", "environment.example.com")
    (tmp_path / ".env").write_text("HOOK_HOST=file.example.com\nHOOK_PATH=p4th\nEMPTY\n", encoding="utf-8")
    file = tmp_path / "orchestrator.yaml"
    file.write_text("notifications: {channels: {ops: {url: 'https://${HOOK_HOST}/${HOOK_PATH}'}}}", encoding="utf-8")
    configuration = load({"config": file}, tmp_path / ".env")
    assert configuration.problems == ()
    url = configuration.notifications.channels["ops"].url
    assert url.get_secret_value() == "https://environment.example.com/p4th"


def test_no_problem_and_no_picture_of_it_repeats_a_secret() -> None:
    hidden = "hunter2hunter2hunter2"
    written = {
        "channels": {
            "a": hidden,
            "b": {"url": hidden},
            "c": {"url": f"https://user:{hidden}@[broken"},
            "d": {"url": f"foo://{hidden}"},
            "e": {"url": "https://h", "secret": hidden[:9]},
            "f": {"url": f"json://{hidden}@localhost", "secret": hidden},
            "g": {"url": [hidden], "secret": {hidden: 1}},
            "h": {"url": f"http://:80/{hidden}"},
            "well": {"url": f"https://h/{hidden}", "secret": hidden},
        }
    }
    notifications, problems = read_notifications(written, SOURCE, {})
    assert {problem.key.split(".")[2] for problem in problems} == set("abcdefgh")
    assert hidden[:9] not in "".join(map(str, problems))
    assert hidden not in repr(notifications)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("loud", "'loud' is not a mapping of keys"),
        ({"channels": ["ops"]}, "channels: is not a mapping of channels by name"),
        ({"channels": {"my ops": OPS}}, "channels.my ops: is not a channel's name"),
        ({"channels": {"ops": {}}}, "channels.ops.url: is missing"),
        ({"channels": {"ops": {"ulr": "https://h"}}}, "channels.ops.ulr: unknown key; did you mean 'url'?"),
        ({"channels": {"ops": {"url": "https:/h"}}}, "channels.ops.url: is no address"),
        ({"channels": {"ops": {"url": "https://h\nx"}}}, "channels.ops.url: is no address"),
        ({"channels": {"ops": {"url": "https:///path"}}}, "write https://HOST:PORT/PATH"),
        ({"channels": {"ops": {"url": "nowhere://x"}}}, "Apprise knows no such nowhere:// address"),
        ({"channels": {"ops": {"url": "json://h", "secret": SECRET}}}, "secret: signs webhooks alone"),
        ({"routes": {"channels": "ops"}}, "routes: a mapping is not a list"),
        ({"routes": ["ops"]}, "routes[0]: 'ops' is not a mapping of keys"),
        ({"routes": [{}]}, "routes[0].channels: is missing"),
        (
            {"channels": {"ops": OPS}, "routes": [{"channels": "opps"}]},
            "'opps' is no channel of notifications",
        ),
        ({"channels": {"ops": OPS}, "routes": [{"channels": "opps"}]}, "; did you mean 'ops'?"),
        ({"channels": {"ops": OPS, "x": OPS}, "routes": [{"channels": "x"}]}, "channels.ops: no route names it"),
        ({"quiet_hours": [{"from": "22:00"}]}, "quiet_hours[0].to: is missing; write 22:00"),
        ({"quiet_hours": [{"from": "22", "to": "7:00"}]}, "quiet_hours[0].from: '22' is not a time of day"),
        ({"digest": 5}, "digest: 5 is not a mapping of keys"),
        ({"settle": "-1s"}, "settle: '-1s' is negative"),
        ({"remainder": "4h"}, "remainder: unknown key; did you mean 'reminder'?"),
    ],
)
def test_what_cannot_be_used_is_named(written: Any, said: str) -> None:
    assert any(said in problem for problem in problems_of(written)) or said in problems_of(written)[0]


def test_all_problems_are_told_at_once_and_the_rest_is_used() -> None:
    written = {
        "channels": {"ops": OPS, "bad": {"url": "x"}},
        "routes": [{"channels": ["ops", "bad"]}, {"channels": []}, {"severity": "loud"}],
        "settle": "1m",
        "digest": {"after": 0},
    }
    notifications, problems = read_notifications(written, SOURCE, {})
    assert {problem.key for problem in problems} == {
        "notifications.channels.bad.url",
        "notifications.routes[2].severity",
        "notifications.routes[2].channels",
        "notifications.digest.after",
    }
    assert notifications.rules.routes[0] == Route(("ops", "bad"))
    assert (notifications.rules.channels, notifications.rules.settle) == (("ops",), 60.0)
    assert notifications.rules.digest == Digest()


def test_what_is_configured_is_what_the_orchestrator_tells_through(tmp_path: Path) -> None:
    file = tmp_path / "orchestrator.yaml"
    file.write_text("notifications: {channels: {ops: {url: 'https://user:pass@hooks.example.com/t0ken'}}}")
    configuration = load({"config": file, "state": tmp_path / "state.db"}, None)
    (channel,) = bootstrap.build(configuration).orchestrator.system().notifications
    assert (channel.name, channel.address, channel.working) == ("ops", "https://hooks.example.com", True)
    assert bootstrap.make_telling(configuration, SystemClock()).sender == socket.gethostname()


def test_without_apprise_its_addresses_are_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    (told,) = problems_of({"channels": {"phone": {"url": "json://localhost"}}})
    assert "json:// is sent by Apprise, which is not installed here" in told
    assert "pip install 'container-orchestrator[notifications]'" in told
    assert read({"channels": {"ops": OPS}}).channels.keys() == {"ops"}
