"""The configuration file's ``notifications``: whom to tell, when, and of what. Pure but for what Apprise knows.

An address is a secret as often as not: no problem here repeats what was written in ``url`` or ``secret``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, get_args
from urllib.parse import urlsplit

from pydantic import SecretStr

from orchestrator.configuration import maintenance, values
from orchestrator.configuration.keys import Key, Reading, Settings, read_mapping
from orchestrator.core.incidents import Severity
from orchestrator.core.routing import NO_RULES, Digest, QuietHours, Route, Rules
from orchestrator.core.windows import EVERY_DAY, Window
from orchestrator.errors import Problem

SECTION: Final = "notifications"
WEBHOOK_SCHEMES: Final = ("http", "https")
SHORTEST_SECRET: Final = 16
REFERENCE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
"""``${NAME}``: the variable of this name, from the environment or ``.env``."""


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """One way to tell people."""

    url: SecretStr
    secret: SecretStr | None = None
    """What a webhook's messages are signed with."""

    @property
    def is_webhook(self) -> bool:
        return urlsplit(self.url.get_secret_value()).scheme.lower() in WEBHOOK_SCHEMES


@dataclass(frozen=True, slots=True)
class Notifications:
    channels: Mapping[str, ChannelSettings] = field(default_factory=dict)
    rules: Rules = NO_RULES
    sender: str | None = None
    """How this orchestrator calls itself; ``None``: by its machine's name."""


NO_NOTIFICATIONS: Final = Notifications()


def read_notifications(
    written: object, source: str, variables: Mapping[str, str]
) -> tuple[Notifications, tuple[Problem, ...]]:
    """What can be used, and what is wrong with the rest: a channel, a route with any problem does not count."""
    if written is None:
        return NO_NOTIFICATIONS, ()
    if not isinstance(written, dict):
        return NO_NOTIFICATIONS, (Problem(source, SECTION, f"{values.in_words(written)} is not a mapping of keys"),)
    reader = _Reader(source, variables)
    parts = {key: value for key, value in written.items() if key in PARTS}
    figures = reader.mapping({key: value for key, value in written.items() if key not in PARTS}, FIGURE_KEYS, SECTION)
    channels = reader.channels(parts.get("channels"))
    rules = Rules(
        channels=tuple(channels),
        routes=reader.routes(parts.get("routes")),
        quiet_hours=reader.quiet_hours(parts.get("quiet_hours")),
        digest=reader.digest(parts.get("digest")),
        **{key: setting.value for key, setting in figures.items() if key != "sender"},
    )
    reader.find_silent(rules)
    sender = figures.get("sender")
    found = Notifications(channels, rules, None if sender is None else sender.value)
    return found, tuple(reader.problems)


class _Reader:
    def __init__(self, source: str, variables: Mapping[str, str]) -> None:
        self._source = source
        self._variables = variables
        self._named: set[str] = set()
        """Every channel that was written, usable or not."""
        self.problems: list[Problem] = []

    def mapping(self, written: Mapping[Any, object], known: Mapping[str, Key], where: str) -> Settings:
        return self._noted(read_mapping(written, known, self._source, where)).settings

    def channels(self, written: object) -> dict[str, ChannelSettings]:
        if written is None:
            return {}
        where = f"{SECTION}.channels"
        if not isinstance(written, dict):
            self._problem(where, "is not a mapping of channels by name")
            return {}
        self._named = {str(name) for name in written}
        found = ((str(name), self._channel(name, each, f"{where}.{name}")) for name, each in written.items())
        return {name: channel for name, channel in found if channel is not None}

    def _channel(self, name: object, written: object, where: str) -> ChannelSettings | None:
        if not values.SERVICE_NAME.fullmatch(str(name)):
            self._problem(where, "is not a channel's name; use letters, digits, '-', '_' and '.'")
            return None
        if not isinstance(written, dict):
            self._problem(where, "is not a mapping of keys such as 'url'")
            return None
        before = len(self.problems)
        filled = {key: self._filled(value, f"{where}.{key}") for key, value in written.items()}
        settings = self.mapping(filled, CHANNEL_KEYS, where)
        if filled.get("url") is None and len(self.problems) == before:
            self._problem(f"{where}.url", "is missing; write https://..., or an address that Apprise knows")
        if len(self.problems) > before:
            return None
        secret = settings.get("secret")
        channel = ChannelSettings(SecretStr(settings["url"].value), None if secret is None else SecretStr(secret.value))
        if secret is not None and not channel.is_webhook:
            self._problem(f"{where}.secret", "signs webhooks alone; an address for Apprise holds its own secrets")
            return None
        return channel

    def _filled(self, value: object, where: str) -> object:
        """With the variables that it refers to; ``None`` when one of them is not set."""
        if not isinstance(value, str):
            return value
        missing = [name for name in REFERENCE.findall(value) if not self._variables.get(name)]
        for name in missing:
            self._problem(where, f"the variable {name} is not set, neither in the environment nor in .env")
        return None if missing else REFERENCE.sub(lambda found: self._variables[found[1]], value)

    def routes(self, written: object) -> tuple[Route, ...]:
        found = (self._route(each, where) for each, where in self._listed(written, "routes"))
        return tuple(route for route in found if route is not None)

    def _route(self, written: Mapping[Any, object], where: str) -> Route | None:
        before = len(self.problems)
        settings = self.mapping(written, ROUTE_KEYS, where)
        self._check_channels(settings, where)
        if written.get("channels") is None:
            self._problem(f"{where}.channels", "is missing; name channels of notifications.channels")
        if len(self.problems) > before:
            return None
        given: dict[str, Any] = {key: setting.value for key, setting in settings.items()}
        return Route(
            channels=given["channels"],
            severity=given.get("severity", "warning"),
            categories=frozenset(given.get("categories", ())),
        )

    def quiet_hours(self, written: object) -> tuple[QuietHours, ...]:
        found = (self._quiet_hours(each, where) for each, where in self._listed(written, "quiet_hours"))
        return tuple(each for each in found if each is not None)

    def _quiet_hours(self, written: Mapping[Any, object], where: str) -> QuietHours | None:
        before = len(self.problems)
        settings = self.mapping(written, QUIET_KEYS, where)
        self._check_channels(settings, where)
        for key in ("from", "to"):
            if written.get(key) is None:
                self._problem(f"{where}.{key}", "is missing; write 22:00")
        if len(self.problems) > before:
            return None
        given: dict[str, Any] = {key: setting.value for key, setting in settings.items()}
        return QuietHours(
            window=Window(given["from"], given["to"], given.get("days", EVERY_DAY), given.get("timezone")),
            channels=frozenset(given.get("channels", ())),
            critical_breaks_through=given.get("critical_breaks_through", False),
        )

    def digest(self, written: object) -> Digest:
        if written is None:
            return Digest()
        where = f"{SECTION}.digest"
        if not isinstance(written, dict):
            self._problem(where, f"{values.in_words(written)} is not a mapping of keys such as 'after'")
            return Digest()
        return Digest(**{key: each.value for key, each in self.mapping(written, DIGEST_KEYS, where).items()})

    def find_silent(self, rules: Rules) -> None:
        """A channel that no route names is told nothing: nobody writes one for that."""
        reached = {name for route in rules.routes for name in route.channels}
        for name in rules.channels:
            if rules.routes and name not in reached:
                self._problem(f"{SECTION}.channels.{name}", "no route names it; name it in one, or remove it")

    def _listed(self, written: object, part: str) -> list[tuple[Mapping[Any, object], str]]:
        if written is None:
            return []
        where = f"{SECTION}.{part}"
        if not isinstance(written, list):
            self._problem(where, f"{values.in_words(written)} is not a list")
            return []
        for index, each in enumerate(written):
            if not isinstance(each, dict):
                self._problem(f"{where}[{index}]", f"{values.in_words(each)} is not a mapping of keys")
        return [(each, f"{where}[{index}]") for index, each in enumerate(written) if isinstance(each, dict)]

    def _check_channels(self, settings: Settings, where: str) -> None:
        named = settings.get("channels")
        for name in () if named is None else named.value:
            if name not in self._named:
                close = values.did_you_mean(name, sorted(self._named))
                self._problem(f"{where}.channels", f"{name!r} is no channel of {SECTION}.channels{close}")

    def _noted(self, reading: Reading) -> Reading:
        self.problems.extend(reading.problems)
        return reading

    def _problem(self, key: str, fact: str) -> None:
        self.problems.append(Problem(self._source, key, fact))


# --- one value -------------------------------------------------------------------------------------------------


def address(value: object) -> str:
    """Of a webhook (``https://...``), or one that Apprise knows."""
    try:
        written = values.text(value)
        parts = urlsplit(written)
        port = parts.port
    except ValueError:
        raise ValueError("is no address; write https://..., or one that Apprise knows") from None
    if not parts.scheme or "://" not in written or re.search(r"[\s\x00-\x1f\x7f]", written):
        raise ValueError("is no address; write https://..., or one that Apprise knows (https://appriseit.com)")
    if parts.scheme.lower() not in WEBHOOK_SCHEMES:
        _ask_apprise(written, parts.scheme)
    elif not parts.hostname or port == 0:
        raise ValueError(f"is no webhook's address; write {parts.scheme.lower()}://HOST:PORT/PATH")
    return written


def _ask_apprise(url: str, scheme: str) -> None:
    try:
        from apprise import Apprise  # noqa: PLC0415 - optional, and large
    except ImportError:
        raise ValueError(
            f"{scheme}:// is sent by Apprise, which is not installed here: "
            "pip install 'container-orchestrator[notifications]'; webhooks (https://...) need nothing"
        ) from None
    if Apprise.instantiate(url, suppress_exceptions=True) is None:
        raise ValueError(f"Apprise knows no such {scheme}:// address; https://appriseit.com lists what it takes")


def secret(value: object) -> str:
    try:
        written = values.text(value)
    except ValueError:
        raise ValueError("is not a text") from None
    if len(written) < SHORTEST_SECRET:
        raise ValueError(f"is too short; use at least {SHORTEST_SECRET} characters, such as openssl rand -hex 32")
    return written


CHANNEL_KEYS: Final[Mapping[str, Key]] = {
    "url": Key(
        address, "`https://...`: a webhook; any other scheme: sent by Apprise. `${NAME}` is a variable's value."
    ),
    "secret": Key(secret, "signs the messages of a webhook; at least 16 characters. `${NAME}` is a variable's value."),
}
ROUTE_KEYS: Final[Mapping[str, Key]] = {
    "channels": Key(values.service_names, "who is told"),
    "severity": Key(values.OneOf(get_args(Severity)), "`critical`: of these alone; `warning`: of everything"),
    "categories": Key(maintenance.categories, "of incidents with a member of one of these"),
}
QUIET_KEYS: Final[Mapping[str, Key]] = {
    "from": Key(maintenance.time_of_day, "when they begin, by the clock on the wall"),
    "to": Key(maintenance.time_of_day, "when they end: where that is not after `from`, on the next day"),
    "days": maintenance.WINDOW_KEYS["days"],
    "timezone": maintenance.WINDOW_KEYS["timezone"],
    "channels": Key(values.service_names, "whose they are"),
    "critical_breaks_through": Key(values.switch, "`true`: what is critical is told all the same"),
}
DIGEST_KEYS: Final[Mapping[str, Key]] = {
    "after": Key(values.WholeNumber(1, 1000), "so many messages to a channel go out one by one"),
    "within": Key(values.Duration(shortest=1.0), "in this time; what is due beyond that is gathered into one message"),
}
FIGURE_KEYS: Final[Mapping[str, Key]] = {
    "settle": Key(values.Duration(), "an incident that is over before this long is told to nobody"),
    "reminder": Key(values.Duration(), "what is still open is told again after this long; `0s`: never"),
    "sender": Key(values.text, "how this orchestrator calls itself in messages"),
}
PARTS: Final[Mapping[str, str]] = {
    "channels": "by name: the ways to tell people",
    "routes": "who is told of what; without any, every channel of everything",
    "quiet_hours": "when channels are told nothing; what is still worth telling is told afterwards",
    "digest": "when many messages become one",
}
