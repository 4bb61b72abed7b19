"""How people are told: our own webhook, and what Apprise speaks."""
