"""Plans that several tests pack: their engines are built once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sizewise.core.specs.plan import Plan
from sizewise.pipeline.prediction.packaging import papers
from tests.sizewise.pipeline.prediction.packaging.plans import stored_plan

Stored = Callable[[str], Path]


@pytest.fixture(autouse=True)
def no_plot(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan is not drawn, which takes seconds, unless a test asks for ``draws``."""
    if "draws" not in request.fixturenames:
        monkeypatch.setattr(papers, "plan_figure", lambda plan: None)
        monkeypatch.setattr(papers, "save", lambda figure, path: None)


@pytest.fixture
def draws() -> None:
    """The plan is drawn."""


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """The folder of a plan whose engines run in a back end. It is not to be changed."""
    found: dict[str, Path] = {}

    def of(backend: str) -> Path:
        if backend not in found:
            found[backend] = tmp_path_factory.mktemp("plan") / backend
            _built_here(found[backend], backend)
        return found[backend]

    return of


def _built_here(folder: Path, backend: str) -> Plan:
    from tests.conftest import built_here

    with pytest.MonkeyPatch.context() as patch:
        built_here.__wrapped__(patch)  # type: ignore[attr-defined]
        return stored_plan(folder, backend)
