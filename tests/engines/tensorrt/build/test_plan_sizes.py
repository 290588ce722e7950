"""Plans of networks at full width.

A plan for RTX holds the CUDA source of the kernels that it compiles when it is opened: 0.1 MB for
each, which grows with the number of layers and not with their weights. In 8 bits there are more of
them. Multiscale has three million weights in many layers, so its plan is larger in 8 bits, and only
what is no source is smaller.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from engines.registry import find_backend
from engines.store.building import build_engine
from engines.store.manifest import read_manifest
from exporter.conversion.settings import ConversionSettings
from exporter.convert import convert
from exporter.export import export
from netzoo.deploy import deployable
from netzoo.weights.settling import settle
from netzoo.zoo.config import MultiscaleConfig, NetworkConfig
from netzoo.zoo.network import build_network, find_network
from sizewise.core import codec
from sizewise.core.specs import (
    EngineArtifact,
    EngineSpec,
    ExportedModel,
    ModelCard,
    Profile,
    Size,
    Strategy,
)
from tests.exporter.small_nets import picture_set

BACKEND = find_backend("tensorrt_rtx")
SMALL, MIDDLE, LARGE = Size(256, 256), Size(320, 320), Size(448, 448)
PROFILES: dict[Strategy, tuple[Profile, ...]] = {
    "static": (Profile.fixed(MIDDLE),),
    "dynamic": (Profile.spanning((SMALL, LARGE)),),
    "profiles": (Profile.fixed(SMALL), Profile.fixed(MIDDLE), Profile.fixed(LARGE)),
}
_TEXT = re.compile(rb"[\t\n -~]{12,}")
_MOSTLY_SOURCE = ("multiscale/hierarchical",)
CLASSES = tuple(f"class {number}" for number in range(80))


def _full_width(name: str, path: Path) -> ExportedModel:
    torch.manual_seed(0)
    family, _, fusion = name.partition("/")
    settings = MultiscaleConfig(fusion=fusion) if fusion else None
    config = NetworkConfig(name=family, classes=CLASSES, multiscale=settings)
    network = build_network(config)
    settle(network)
    module = deployable(network)
    card = ModelCard(
        network=family,
        task=find_network(family).task,
        layout="sizewise",
        classes=() if fusion else CLASSES,
        stride=network.stride,
        smallest=network.smallest,
        fusion=config.fusion,
    )
    example = Size(128, 128)
    return export(module, card, path, output_names=module.output_names, example=example)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not BACKEND.can_build().ok, reason=BACKEND.can_build().reason)
@pytest.mark.parametrize("name", ["yolov4-tiny", "yolov3", "yolov4-csp", "multiscale/hierarchical"])
def test_a_plan_in_8_and_16_bits_is_smaller_than_one_in_16(name: str, tmp_path: Path) -> None:
    parent = _full_width(name, tmp_path / "fp32.onnx")
    settings = ConversionSettings(
        images=picture_set(tmp_path / "pictures"),
        sizes=(Size(128, 128),),
        check_sizes=(Size(256, 256),),
    )
    files = {
        precision: convert(parent, precision, tmp_path / f"{precision}.onnx", settings=settings)
        for precision in ("fp16", "int8+fp16")
    }
    for strategy, profiles in PROFILES.items():
        spec = EngineSpec(
            backend=BACKEND.name,
            strategy=strategy,
            profiles=profiles,
            graph_fusion=BACKEND.default_graph_fusion,
            options=BACKEND.options_type(),
        )
        sizes = {}
        for precision, model in files.items():
            folder = tmp_path / precision / strategy
            folder.mkdir(parents=True)
            build_engine(codec.to_plain(model), codec.to_plain(spec), str(folder))
            sizes[precision] = _bytes_of(read_manifest(folder), whole=name not in _MOSTLY_SOURCE)
        assert sizes["int8+fp16"] < sizes["fp16"], strategy


def _bytes_of(engine: EngineArtifact, *, whole: bool) -> int:
    """Of a plan: the ``whole``, or what is no text."""
    if whole:
        return engine.size_bytes
    (plan,) = engine.path.glob("*.plan")
    return len(_TEXT.sub(b"", plan.read_bytes()))
