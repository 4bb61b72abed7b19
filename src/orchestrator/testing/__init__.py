"""For tests, ours and yours: virtual time, a believable engine, and a language for stories about both."""

from orchestrator.testing.actor import Actor, Deed
from orchestrator.testing.clock import EPOCH, VirtualClock
from orchestrator.testing.container import Blueprint, FakeContainer
from orchestrator.testing.daemon import FakeDaemon
from orchestrator.testing.engine import FakeEngine
from orchestrator.testing.gauge import FakeHostGauge
from orchestrator.testing.gpus import FakeGpus
from orchestrator.testing.ledger import Happening, Ledger
from orchestrator.testing.loop import Deadlock, Livelock, VirtualLoop, run_virtual
from orchestrator.testing.probe import ScriptedProbe, WorkloadProbe
from orchestrator.testing.prometheus import FakePrometheus
from orchestrator.testing.recording import MemoryRecording
from orchestrator.testing.resources import FakeResources
from orchestrator.testing.scenario import Scenario
from orchestrator.testing.store import Medium, MemoryStore
from orchestrator.testing.told import Told
from orchestrator.testing.workload import Condition, EngineCheckup, Workload

__all__ = [
    "EPOCH",
    "Actor",
    "Blueprint",
    "Condition",
    "Deadlock",
    "Deed",
    "EngineCheckup",
    "FakeContainer",
    "FakeDaemon",
    "FakeEngine",
    "FakeGpus",
    "FakeHostGauge",
    "FakePrometheus",
    "FakeResources",
    "Happening",
    "Ledger",
    "Livelock",
    "Medium",
    "MemoryRecording",
    "MemoryStore",
    "Scenario",
    "ScriptedProbe",
    "Told",
    "VirtualClock",
    "VirtualLoop",
    "Workload",
    "WorkloadProbe",
    "run_virtual",
]
