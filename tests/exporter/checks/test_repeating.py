"""Models that draw random numbers are refused by what draws them, and others never."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from exporter.checks.deviation import deviations
from exporter.checks.probes import Probe
from exporter.checks.reference import references
from exporter.checks.repeating import changed
from sizewise.core.errors import ExportError
from sizewise.core.onnxfiles.chance import drawn_by
from sizewise.core.specs import Size

EXAMPLE = Size(32, 48)
PROBES = (Probe(batch_size=2, size=Size(32, 32)),)


class Drops(nn.Module):
    """Monte Carlo dropout: it stays on in evaluation mode."""

    def forward(self, images: Tensor) -> Tensor:
        return functional.dropout(images, 0.5, training=True)


class Noisy(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images + torch.rand_like(images[:, :1])


class Unseen(nn.Module):
    """NumPy's numbers, which torch knows nothing of."""

    def forward(self, images: Tensor) -> Tensor:
        return images + float(np.random.default_rng().random())


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (Drops(), r": bernoulli\(\) in \S+test_repeating\.py:\d+ \(return functional\.dropout"),
        (Noisy(), r": rand_like\(\) in \S+test_repeating\.py:\d+ \(return images \+ torch\.rand"),
        (Unseen(), r"each time that it is run\. Let it"),
    ],
)
def test_a_module_that_draws_numbers_is_refused_with_the_line(module: nn.Module, said: str) -> None:
    with pytest.raises(ExportError, match=rf"The module is random: .* map is another one.*{said}"):
        references(module, PROBES, ["map"], example=EXAMPLE)


def test_what_draws_nothing_in_evaluation_mode_is_taken() -> None:
    module = nn.Sequential(nn.Dropout(0.5), nn.Conv2d(3, 2, 3)).eval()
    (found,) = references(module, PROBES, ["map"], example=EXAMPLE)
    assert found.outputs["map"].shape == (2, 2, 30, 30)


GRAPH = """<ir_version: 10, opset_import: ["": 17]>
net (float[b, 3, h, w] images) => (float[b, 3, h, w] map) {NODES}"""
RANDOM = "{ noise = RandomNormalLike (images)  map = Add (images, noise) }"
DROPPED = """<float ratio = {0.5}, bool on = {1}> { map = Dropout (images, ratio, on) }"""
PLAIN = "{ none = Identity (images)  map = Add (images, none) }"


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        (RANDOM, "RandomNormalLike draws its numbers anew (noise)"),
        (DROPPED, "Dropout draws its numbers anew (map)"),
        (PLAIN, ""),
    ],
)
def test_a_graph_that_draws_numbers_is_refused_with_the_operator(nodes: str, said: str) -> None:
    pytest.importorskip("onnxruntime")
    model = onnx.parser.parse_model(GRAPH.replace("{NODES}", nodes))
    assert drawn_by(model) == said
    batches = [(EXAMPLE, np.ones((1, 3, 32, 48), np.float32))]
    if not said:
        (found,) = deviations(model, model, ["map"], batches, bound=0.01)
        assert found.within
        return
    with pytest.raises(ExportError, match="The model is random: at 32x48, its output map") as told:
        deviations(model, model, ["map"], batches, bound=0.01)
    assert said in told.value.why


def test_rounding_and_nan_on_both_sides_are_no_change() -> None:
    one = {"map": np.array([1.0, np.nan, np.inf])}
    assert changed(one, {"map": np.array([1.0 + 1e-5, np.nan, np.inf])}) == ""
    assert changed(one, {"map": np.array([1.1, np.nan, np.inf])}) == "map"
    assert changed(one, {"map": np.array([1.0, 0.0, np.inf])}) == "map"
    assert changed(one, {"map": np.array([1.0, np.nan])}) == "map"
