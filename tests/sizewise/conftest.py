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

_CALLERS = ("engines.comparing", "engines.explaining", "engines.reference", "engines.store.cache")


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


def run_here(target: str, arguments: dict[str, Any], **limits: object) -> Any:
    """As ``run_in_child``, in this process."""
    del limits
    with InProcess(target) as child:
        return child.call("", arguments, timeout_s=0)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines are built, compared, profiled and run in no child. Where they are timed, and where a
    training loads its images, children are started as ever."""
    for module in _CALLERS:
        monkeypatch.setattr(f"{module}.run_in_child", run_here)
    monkeypatch.setattr("engines.apart.Child", InProcess)


@pytest.fixture(scope="session")
def planned_results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of ``tests.sizewise.sweeps``; tests only read them. Their engines are signed by the key of
    this process."""
    from tests.sizewise.sweeps import planned_sweep

    return planned_sweep(tmp_path_factory.mktemp("planned"))
