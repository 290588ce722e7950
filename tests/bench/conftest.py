from __future__ import annotations

import importlib
import json
from typing import Any

import pytest

from engines.store import cache


@pytest.fixture
def built_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines are built in this process, for tests of something else: a child takes a second or
    more, and builds the same."""

    def run_here(target: str, arguments: dict[str, Any], **limits: object) -> Any:
        del limits
        module, _, name = target.partition(":")
        function = getattr(importlib.import_module(module), name)
        return json.loads(json.dumps(function(**json.loads(json.dumps(arguments)))))

    monkeypatch.setattr(cache, "run_in_child", run_here)
