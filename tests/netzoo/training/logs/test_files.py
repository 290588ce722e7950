"""The files of a training while it goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from netzoo.training.history import History, Row
from netzoo.training.logs import files
from netzoo.training.logs.files import LogFiles
from sizewise.core.errors import OutputError
from sizewise.core.specs import Size


def _history() -> History:
    history = History()
    for step in range(1, 7):
        history.add(Row(step=step, size=Size(64, 64), parts={"box": 1 / step}))
    return history


def test_they_are_written_now_and_then_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [0.0]
    monkeypatch.setattr("netzoo.training.logs.files.time.monotonic", lambda: now_s[0])
    logs = LogFiles(tmp_path / "net.safetensors", _history(), None)
    metrics = tmp_path / "net.metrics.csv"
    logs.follow()
    assert not metrics.exists()
    now_s[0] = 10.0
    logs.follow()
    assert {path.name for path in tmp_path.iterdir()} == {"net.metrics.csv", "net.training.png"}
    metrics.unlink()
    logs.follow()
    assert not metrics.exists()
    logs.write()
    assert metrics.exists()


def test_a_training_goes_on_where_they_can_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "EVERY_S", 0.0)
    (tmp_path / "net.metrics.csv").mkdir()
    logs = LogFiles(tmp_path / "net.safetensors", _history(), None)
    logs.follow()
    with pytest.raises(OutputError):
        logs.write()
