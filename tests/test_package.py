import subprocess
import sys

import pytest

import orchestrator

COMPONENTS = (
    "ContainerOrchestrator",
    "ContainerDiscoveryService",
    "HealthMonitor",
    "LifecycleManager",
    "ServiceRegistry",
    "DockerClient",
)


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_of_the_specification_is_importable_from_the_root(name: str) -> None:
    assert getattr(orchestrator, name).__name__ == name


def test_a_name_that_is_none_of_ours_is_an_ordinary_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'orchestrator' has no attribute 'Nonsense'"):
        getattr(orchestrator, "Nonsense")  # noqa: B009 - a name that type checkers refuse


def test_importing_the_root_loads_no_engine_client() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import orchestrator, sys; print('aiodocker' in sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert loaded.stdout.strip() == "False"
