"""``--layout unknown`` leaves open what is open, and takes nothing back; what may be right is
proposed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from exporter.request import PrecisionOptions
from netzoo.tasks.registry import propose_a_layout
from sizewise.cli.options import spell
from sizewise.core.errors import UsageError
from sizewise.core.options.declared import spelling
from sizewise.core.specs import ImageInput, ModelCard, Size, TensorSpec
from sizewise.pipeline.export import ExportOptions, export
from sizewise.pipeline.models.cards import card_as
from tests.sizewise.pipeline.heard import Heard

IMAGE = ImageInput(
    tensor=TensorSpec(name="images", dtype="float32", shape=("b", 3, "h", "w")), channels_first=True
)


def test_a_file_that_says_nothing_may_be_called_unknown() -> None:
    card = ModelCard(network="net")
    assert card_as("net.onnx", card, "unknown") == card
    ours = ModelCard(network="net", task="detection", layout="sizewise")
    with pytest.raises(UsageError, match="'unknown'"):
        card_as("net.onnx", ours, "unknown")


@pytest.mark.parametrize("layout", ["", "b_c", "unknown"])
def test_an_export_of_a_classifier_names_its_layout(tmp_path: Path, layout: str) -> None:
    """Unless it was said."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")

    class Means(torch.nn.Module):  # type: ignore[name-defined,misc]
        def forward(self, images: Any) -> Any:
            return images.mean((2, 3))

    heard = Heard()
    options = ExportOptions(size=Size(8, 8), dynamic=False, layout=layout, min_size=8, stride=8)
    with spelling(spell):
        export(Means().eval(), options, PrecisionOptions(), out=tmp_path, reporter=heard)
    proposed = [one for one in heard.remarks if "--layout b_c may be right" in one]
    assert len(proposed) == (0 if layout else 1)
    assert all("output_0 float32[" in one for one in proposed)


def test_what_fits_no_layout_has_no_proposal() -> None:
    pair = TensorSpec(name="pair", dtype="float32", shape=("b", "n"))
    assert propose_a_layout("net.onnx", [pair, pair], IMAGE) == ""
