"""For tests, ours and yours: virtual time, a believable engine, and a language for stories about both."""

from orchestrator.testing.clock import EPOCH, VirtualClock
from orchestrator.testing.loop import Deadlock, Livelock, VirtualLoop, run_virtual

__all__ = ["EPOCH", "Deadlock", "Livelock", "VirtualClock", "VirtualLoop", "run_virtual"]
