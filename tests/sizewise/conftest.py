"""Children's work done in the process of the tests, where no test is about children: starting
one takes a second of a slow core, and some commands start dozens."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

from sizewise.core.children.child import Child
from sizewise.core.children.serving import Served, answer
from sizewise.core.progress import OnProgress, unheard


class InProcess(Child):
    """A child as its parent sees it, whose answers cross as JSON; its limits are not kept."""

    def __init__(
        self, target: str, arguments: dict[str, Any] | None = None, **limits: object
    ) -> None:
        del limits
        self._served, self.peak_bytes = Served(target), None
        self._scratch = Path(tempfile.mkdtemp())
        if arguments is not None:
            self.call("__init__", arguments, timeout_s=0)

    @property
    def folder(self) -> Path:
        return self._scratch

    def call(
        self,
        method: str,
        arguments: dict[str, Any],
        *,
        timeout_s: float,
        on_progress: OnProgress = unheard,
    ) -> Any:
        del timeout_s, on_progress
        message = json.loads(json.dumps({"method": method, "arguments": arguments}))
        given = json.loads(json.dumps(answer(self._served, message)))
        if "error" in given:
            raise self._error(given)
        return given["result"]

    def close(self) -> None:
        shutil.rmtree(self._scratch, ignore_errors=True)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """No command starts a child."""
    for module in ("sizewise.core.children.child", "engines.apart"):
        monkeypatch.setattr(f"{module}.Child", InProcess)
