"""Container Orchestrator: heals containers, the cause first, and says why."""
