"""``sizewise export`` where a precision fails: the others are made, and each failure is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exporter.convert import Conversion
from sizewise.core.errors import ExportError
from tests.sizewise.cli.colour_nets import SIZES, colour_detector
from tests.sizewise.cli.conftest import Cli

Failing = Callable[..., None]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Failing:
    """Has precisions fail, each with the sentence that is given."""

    def set_up(**why: str) -> None:
        graph = Conversion.graph

        def fails(self: Conversion, *rest: Any) -> Any:
            if said := why.get(self.precision.name):
                raise ExportError("The pass broke", said, "Mend it.")
            return graph(self, *rest)

        monkeypatch.setattr(Conversion, "graph", fails)

    return set_up


@pytest.fixture
def line(tmp_path: Path) -> tuple[object, ...]:
    parent = colour_detector(tmp_path / "net.onnx").path
    how = ("--precision", "bf16,fp16", "--check-sizes", SIZES)
    return ("export", parent, *how, "--out", tmp_path / "o")


def test_the_others_are_made(
    cli: Cli, line: tuple[object, ...], failing: Failing, tmp_path: Path
) -> None:
    failing(bf16="it is Monday")
    made = tmp_path / "o" / "net.fp16.onnx"
    said = cli(*line, "--quiet")
    assert said.code == 3
    assert list((tmp_path / "o").glob("*.onnx")) == [made]
    told = "net.bf16.onnx was not made. The pass broke: it is Monday. Mend it."
    assert told in " ".join(said.err.split())
    said = cli(*line, "--json")
    assert said.code == 3
    (first, second) = json.loads(said.out)
    assert first["path"] == str(made)
    assert second["path"] == str(made.with_name("net.bf16.onnx"))
    assert second["error"]["type"] == "ExportError"
    assert second["error"]["why"] == "it is Monday"


def test_where_none_is_made_nothing_came_of_it(
    cli: Cli, line: tuple[object, ...], failing: Failing
) -> None:
    failing(bf16="it is Monday", fp16="it is Monday")
    said = cli(*line)
    assert said.code == 1
    assert said.err.count("The pass broke: it is Monday. Mend it.") == 1


def test_different_reasons_are_all_told(
    cli: Cli, line: tuple[object, ...], failing: Failing
) -> None:
    failing(bf16="it is Monday", fp16="it rains")
    said = cli(*line, "--json")
    assert said.code == 1
    assert json.loads(said.out)["error"]["what"] == "No precision could be made"
    for told in ("net.bf16.onnx was not made. The pass broke: it is Monday", "broke: it rains"):
        assert told in said.err
