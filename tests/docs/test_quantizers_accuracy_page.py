"""What the page says of the accuracy of int8 beside other quantizers, by the records."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from docs.make.engines import pages
from docs.make.quantizers import accuracy_tables, text_tables
from docs.make.quantizers.accuracy_tables import SHOWN

WHERE = {
    "environment": {"cpu": "any", "cores": 2, "cpu_flags": ["avx2", "avx512_vnni"]},
    "commit": "0123456789ab",
    "changed_files": [],
    "started": "2026-01-01",
    "ended": "2026-01-02",
}
OPENVINO, ONNXRUNTIME = "openvino, ours", "onnxruntime, ours"


@pytest.fixture(autouse=True)
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MEASURED", tmp_path)


def interval(points: float, half: float = 0.2) -> dict[str, float]:
    """0–1."""
    ends = {"point": points, "low": points - half, "high": points + half}
    return {name: one / 100 for name, one in ends.items()}


def a_network(**losses: float) -> dict[str, Any]:
    """Points that our engines lose at each of two sizes: by the library."""
    of = {f"{library}, ours": loss for library, loss in losses.items()}
    engine = {name: interval(of.get(name, 0.1)) for name in SHOWN}
    engine["onnxruntime, FP32"] = interval(0.0, 0.0)
    each = {name: {"score": 0.9, "loss": loss} for name, loss in engine.items()}
    return {"metric": "ap50", "sizes": {"128x128": each, "256x256": each}}


def said(networks: dict[str, Any], *planned: str) -> list[str]:
    sizes = ["128x128", "256x256"]
    of = {"planned": [*networks, *planned], "sizes": sizes, "networks": networks}
    pages.write_record(accuracy_tables.NAME, WHERE | of)
    return accuracy_tables.quantizers_accuracy()


def test_a_claim_holds_where_every_network_loses_little() -> None:
    found = said({"a": a_network(), "b": a_network(openvino=0.29)})
    assert found[0].startswith("- onnxruntime: the claim holds of every network: our int8 loses")
    assert found[1].startswith("- openvino: the claim holds of every network")
    assert "| a, AP50 | 2 | 0.900 to 0.900 | 0.10; 0.10 (-0.10 to 0.30) |" in found[5]
    assert len(found[5].split("|")) == len(found[3].split("|"))


def test_the_networks_that_lose_more_are_named() -> None:
    networks = {"a": a_network(openvino=0.32), "b": a_network(openvino=0.31)}
    del networks["a"]["sizes"]["256x256"]
    found = said(networks, "c")
    assert found[0].startswith("- onnxruntime: the claim is not shown to hold:")
    assert found[1].startswith("- openvino: the claim does not hold of b:")
    assert found[1].endswith("At the sizes measured so far, above it: a.")
    assert found[2] == "- Not measured yet: a at 256x256; c."


def test_a_size_that_lies_wholly_above_decides_whatever_the_mean() -> None:
    network = a_network()
    sizes: dict[str, Any] = network["sizes"]
    one = {ONNXRUNTIME: {"score": 0.9, "loss": interval(1.0)}}
    more = dict.fromkeys("abcdefgh", sizes["128x128"])
    network["sizes"] = sizes | more | {"448x448": sizes["128x128"] | one}
    found = said({"a": network})
    assert found[0].startswith("- onnxruntime: the claim does not hold of a:")
    assert found[1].startswith("- openvino: the claim holds")


def a_size(ours: float, **others: float) -> dict[str, dict[str, float]]:
    errors = dict.fromkeys((*text_tables.OTHERS, OPENVINO, ONNXRUNTIME), ours) | {
        text_tables.OTHERS[0]: others.get("nncf", 0.5),
        text_tables.OTHERS[1]: others.get("ort", 0.5),
    }
    return {name: {"relative_error": one, "text_iou": 0.9} for name, one in errors.items()}


@pytest.mark.parametrize(
    ("ours", "nncf", "answer"),
    [(0.05, 0.01, "holds at every"), (0.2, 0.3, "holds at every"), (0.2, 0.1, "does not hold at")],
)
def test_the_error_of_the_text_detector_is_small_or_the_least(
    ours: float, nncf: float, answer: str
) -> None:
    sizes = {"320x320": a_size(ours, nncf=nncf)}
    pages.write_record(text_tables.NAME, WHERE | {"sizes": sizes})
    found = text_tables.quantizers_text()
    assert all(answer in line for line in found[:2])
    assert f"| {OPENVINO} | {ours:.1%} (0.900) |" in found


@pytest.mark.parametrize(
    "table", [accuracy_tables.quantizers_accuracy, text_tables.quantizers_text]
)
def test_without_a_record_nothing_is_said(table: Callable[[], list[str]]) -> None:
    assert table() == [pages.MISSING]
