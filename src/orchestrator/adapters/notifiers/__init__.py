"""How people are told: our own webhook, and what Apprise speaks."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from orchestrator.adapters.notifiers.apprise import AppriseNotifier
from orchestrator.adapters.notifiers.webhook import WebhookNotifier
from orchestrator.ports import Clock, Notifier

WEBHOOK_SCHEMES: Final = ("http", "https")


def make_notifier(url: str, secret: str | None, clock: Clock) -> Notifier:
    """A webhook for a web address, Apprise for any other. ``secret`` signs a webhook's messages."""
    if urlsplit(url).scheme.lower() in WEBHOOK_SCHEMES:
        return WebhookNotifier(url, secret, clock)
    return AppriseNotifier(url)
