"""``sizewise best`` where nothing speaks for the fastest engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.reports.conftest import Lab
from tests.reports.scripted import steady
from tests.sizewise.cli.conftest import Cli

WILD = [1.0, 1.6, 1.3, 1.9, 1.2]


@pytest.mark.parametrize("decided", [True, False])
def test_it_says_whether_it_is_decided(cli: Cli, tmp_path: Path, decided: bool) -> None:
    lab = Lab()
    paces = ([1.0], [2.0]) if decided else (WILD, WILD[1:] + WILD[:1])
    results = [
        steady(lab.ok(lab.trial(backend)), pace)
        for backend, pace in zip(("openvino", "onnxruntime"), paces, strict=True)
    ]
    lab.file(tmp_path / "x.sqlite", lab.run(results))
    (choice,) = json.loads(cli("best", tmp_path / "x.sqlite", "--json").out)
    assert choice["decided"] is decided
    assert choice["chosen"]["engine"].startswith("o")
    said = cli("best", tmp_path / "x.sqlite")
    assert said.out.startswith("Ship openvino" if decided else "No answer yet: the fastest so far")
