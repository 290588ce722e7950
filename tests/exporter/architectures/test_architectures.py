"""Networks written from their papers are exported with free sizes, or refused by their line."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from exporter.capture import capture
from exporter.export import export
from exporter.modules.factory import from_module
from exporter.modules.outputs import named_tensors
from sizewise.core.errors import ExportError, ParityError
from sizewise.core.specs import ModelCard, Size
from tests.exporter.architectures import psp, swin, unet, vit
from tests.exporter.architectures.convnext import ConvNeXt
from tests.exporter.architectures.deeplab import DeepLab, ResizedByQuotient
from tests.exporter.architectures.detr import Detr
from tests.exporter.architectures.efficientnet import EfficientNet
from tests.exporter.architectures.hrnet import HrNet
from tests.exporter.architectures.repvgg import RepVgg
from tests.exporter.architectures.settled import settled

EXAMPLE = Size(64, 96)
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Network:
    """How a network is made, and the stride that its sides are multiples of."""

    build: Callable[[], nn.Module]
    stride: int


NETWORKS = {
    "vit": Network(vit.VisionTransformer, 8),
    "swin": Network(lambda: swin.Swin(shifts=(2,)), 16),
    "convnext": Network(ConvNeXt, 8),
    "efficientnet": Network(EfficientNet, 4),
    "detr": Network(Detr, 16),
    "deeplab": Network(DeepLab, 16),
    "psp": Network(psp.PspNet, 8),
    "hrnet": Network(HrNet, 8),
    "unet": Network(unet.UNet, 1),
    "repvgg": Network(RepVgg, 2),
}
LARGER = {
    "vit": Network(lambda: vit.VisionTransformer(depth=6), 1),
    "swin": Network(lambda: swin.Swin(stages=2), 32),
    "swin-padded": Network(lambda: swin.Swin(swin.PadsToWindows), 8),
    "convnext": Network(lambda: ConvNeXt((8, 16, 32, 64), (3, 3, 9, 3)), 32),
    "efficientnet": Network(lambda: EfficientNet(stages=7, most=4), 1),
    "detr": Network(lambda: Detr(encoders=2, decoders=2), 1),
    "deeplab": Network(lambda: DeepLab((6, 12, 18)), 1),
    "deeplab-quotient": Network(ResizedByQuotient, 16),
    "psp-max": Network(lambda: psp.PspNet(nn.AdaptiveMaxPool2d), 1),
    "hrnet": Network(lambda: HrNet((4, 6, 8, 10)), 1),
    "unet": Network(lambda: unet.UNet(depth=4), 1),
    "unet-where-needed": Network(lambda: unet.UNet(up=unet.UpWhereNeeded), 8),
    "repvgg": Network(lambda: RepVgg((4, 6, 8, 10, 12)), 1),
    "repvgg-deployed": Network(lambda: settled(RepVgg((4, 6, 8, 10, 12))).deployed(), 1),
}


def sizes(stride: int) -> list[tuple[int, int, int]]:
    """Eight batches and sizes, four of which are multiples of little but the stride."""
    return [
        *((1, 64, 64), (3, 64, 128), (2, 192, 96), (1, 256, 288)),
        *((1, 64 + stride, 96 + 3 * stride), (2, 96 + 5 * stride, 64 + stride)),
        *((3, 160 - stride, 64 + 3 * stride), (1, 224 + stride, 160 - stride)),
    ]


def exported(network: Network, path: Path) -> tuple[nn.Module, Path]:
    module = settled(network.build())
    names = tuple(named_tensors(module(torch.rand(2, 3, 64, 96))))
    card = ModelCard(network="mine", stride=network.stride)
    export(module, card, path, output_names=names, example=EXAMPLE)
    return module, path


def demand_parity(
    module: nn.Module, run: Callable[[Tensor], list[np.ndarray]], stride: int
) -> None:
    for batch, height, width in sizes(stride):
        images = torch.rand(batch, 3, height, width)
        with torch.no_grad():
            expected = named_tensors(module(images)).values()
        for ours, theirs in zip(run(images), expected, strict=True):
            scale = float(theirs.abs().max())
            np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-3, atol=1e-4 * max(1, scale))


def in_onnxruntime(path: Path) -> Callable[[Tensor], list[np.ndarray]]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda images: session.run(None, {"images": images.numpy()})


def in_openvino(path: Path) -> Callable[[Tensor], list[np.ndarray]]:
    openvino = pytest.importorskip("openvino")
    exact = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    request = openvino.Core().compile_model(path, "CPU", exact).create_infer_request()

    def run(images: Tensor) -> list[np.ndarray]:
        given = request.infer({"images": images.numpy()})
        return [given[port].copy() for port in request.model_outputs]

    return run


QUICK = ("convnext", "efficientnet")
"""Two stay in the fast tests: an export takes torch 10 to 30 s on a slow core."""


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in NETWORKS],
)
def test_a_network_agrees_with_eager_at_eight_sizes(name: str, tmp_path: Path) -> None:
    module, path = exported(NETWORKS[name], tmp_path / "mine.onnx")
    demand_parity(module, in_onnxruntime(path), NETWORKS[name].stride)
    if name in ("unet", "psp"):
        demand_parity(module, in_openvino(path), NETWORKS[name].stride)


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGER)
def test_a_larger_one_and_other_forms_agree_as_well(name: str, tmp_path: Path) -> None:
    module, path = exported(LARGER[name], tmp_path / "mine.onnx")
    demand_parity(module, in_onnxruntime(path), LARGER[name].stride)
    demand_parity(module, in_openvino(path), LARGER[name].stride)


def line_of(file: str, code: str) -> str:
    """As an error shows the line of ``file`` that holds ``code``."""
    path = HERE / file
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if code in line:
            return f"{file}:{number} ({line.strip()})"
    raise AssertionError(code)


class Joined(swin.JoinsByDivision):
    """Joins what would be the windows of an image."""

    def __init__(self) -> None:
        super().__init__(width=4, shift=0)

    def forward(self, images: Tensor) -> Tensor:
        cells = images.permute(0, 2, 3, 1)
        return self.join(cells.reshape(-1, swin.WINDOW**2, 3), cells)


REFUSED_BY_TORCH = {
    "a branch on a size": (
        unet.UNet(up=unet.UpWhereNeeded),
        *(1, "unet.py", "if grown.shape[2:] != left.shape[2:]:"),
        "pad(maps, (0, -width % 32, 0, -height % 32))",
    ),
    "a batch computed by division": (
        Joined(),
        *(4, "swin.py", "batch = int(windows.shape[0] / "),
        "images.shape[0]",
    ),
}


@pytest.mark.parametrize("what", REFUSED_BY_TORCH)
def test_what_torch_refuses_is_named_with_its_line(what: str) -> None:
    module, stride, file, code, todo = REFUSED_BY_TORCH[what]
    with pytest.raises(ExportError) as caught:
        capture(module.eval(), example=EXAMPLE, stride=stride, dynamic=True)
    assert re.search(rf"{what} in \S*{re.escape(line_of(file, code))}", caught.value.why)
    assert todo in caught.value.todo


class Positions(nn.Module):
    """Patches and their position embeddings."""

    def __init__(self, network: vit.VisionTransformer) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        patches: Tensor = self.network.patches(images)
        return patches + self.network.resized(patches)


REFUSED_BY_PARITY = {
    "The scale_factor": (
        Positions(vit.ResizedByFactor()),
        *(8, "vit.py", "scale_factor=factors"),
        "size=(rows, columns)",
    ),
    "The root of a size": (
        Positions(vit.SquareFromCount()),
        *(8, "vit.py", "** 0.5"),
        "Hand rows and columns on",
    ),
    "A pooling kernel computed from a size": (
        psp.PooledByKernel(3),
        *(8, "psp.py", "avg_pool2d(maps, kernel, kernel)"),
        "adaptive_avg_pool2d(maps, 3)",
    ),
}


@pytest.mark.parametrize("what", REFUSED_BY_PARITY)
def test_what_computes_something_else_is_named_with_its_line(what: str, tmp_path: Path) -> None:
    module, stride, file, code, todo = REFUSED_BY_PARITY[what]
    with pytest.raises(ParityError) as caught:
        exported(Network(lambda: module, stride), tmp_path / "mine.onnx")
    assert re.search(rf"{what} in \S*{re.escape(line_of(file, code))}", caught.value.why)
    assert todo in caught.value.todo


@pytest.mark.parametrize(
    ("network", "stride"),
    [(swin.Swin, 16), (vit.VisionTransformer, 1), (lambda: swin.Swin(swin.PadsToWindows), 8)],
)
def test_the_stride_of_windows_and_patches_is_found(
    network: Callable[[], nn.Module], stride: int
) -> None:
    assert from_module(network(), Size(320, 320)).card.stride == stride


def test_merged_branches_compute_the_same() -> None:
    module, images = settled(RepVgg()), torch.rand(1, 3, 32, 48)
    with torch.no_grad():
        expected = module(images)
        torch.testing.assert_close(module.deployed()(images), expected)
