"""From what people wrote (catalog, YAML, labels, environment, command line) to frozen specifications."""

from orchestrator.configuration.loading import Configuration, load
from orchestrator.configuration.settings import OrchestratorSettings
from orchestrator.configuration.surveyor import Examination, ServiceSurveyor

__all__ = ["Configuration", "Examination", "OrchestratorSettings", "ServiceSurveyor", "load"]
