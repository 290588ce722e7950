from __future__ import annotations

from pathlib import Path

import pytest

from tests.sizewise.core.children.processes import ACTS


@pytest.fixture(autouse=True)
def acts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the module ``acts``, which this process and its children can import."""
    folder = tmp_path / "acts"
    folder.mkdir()
    (folder / "acts.py").write_text(ACTS)
    monkeypatch.syspath_prepend(str(folder))
    return folder
