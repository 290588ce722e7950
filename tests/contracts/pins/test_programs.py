"""Class paths inside ``.pt2`` files.

They are part of the program's bytes, so of its hash, of the card of the ONNX file beside it, and of
the identity of whatever was measured of that: a traced class that moves makes another model.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

pytest.importorskip("torch")

from netzoo.backbones._registry import four_levels
from netzoo.deploy import deployable
from netzoo.fusions._registry import fusions
from netzoo.zoo.config import MULTISCALE, MultiscaleConfig, NetworkConfig
from netzoo.zoo.cost import build_without_weights
from netzoo.zoo.network import networks
from tests.contracts.pins.fixture import MADE, filed_run

PINNED: dict[str, list[str]] = json.loads(
    Path(__file__).with_name("class_paths.json").read_text(encoding="utf-8")
)
PROGRAM = MADE / "out" / "yolov3-tiny.pt2"
CHECKPOINT = MADE / "out" / "yolov3-tiny.safetensors"
_CAPTURE = """
import sys
from pathlib import Path
from exporter.capture import capture, save_program
from netzoo.weights.checkpoint import load_checkpoint
from netzoo.deploy import deployable
from sizewise.core.specs import Size

network = load_checkpoint(Path(sys.argv[1]))
module = deployable(network)
program = capture(module, example=Size(64, 64), stride=network.stride, dynamic=True)
save_program(program, Path(sys.argv[2]))
"""
_OURS = re.compile(r"\bnetzoo(?:\.\w+)+")


def configurations() -> dict[str, NetworkConfig]:
    """Every network, every fusion over the usual backbone, and every backbone that can be taken."""
    others = networks().keys() - {MULTISCALE}
    found = {n: NetworkConfig(name=n, classes=("a", "b"), depth=0.1) for n in others}
    for fusion in fusions():
        found[f"{MULTISCALE}-{fusion}"] = _multiscale(MultiscaleConfig(fusion=fusion))
    for name in four_levels():
        config = MultiscaleConfig(fusion="single", scales=(1.0,), backbones=(name,))
        found[f"{MULTISCALE}-single-{name}"] = _multiscale(config)
    return found


def _multiscale(config: MultiscaleConfig) -> NetworkConfig:
    return NetworkConfig(name=MULTISCALE, classes=("object",), depth=0.1, multiscale=config)


def _class_paths(config: NetworkConfig) -> list[str]:
    """Those of our own modules, as deployed."""
    kinds = {type(module) for module in deployable(build_without_weights(config)).modules()}
    paths = {f"{kind.__module__}.{kind.__qualname__}" for kind in kinds}
    return sorted(path for path in paths if _OURS.match(path))


def test_all_networks_are_pinned() -> None:
    assert set(configurations()) == set(PINNED)


@pytest.mark.parametrize("name", PINNED)
def test_what_is_traced_stands_where_it_stood(name: str) -> None:
    assert _class_paths(configurations()[name]) == PINNED[name]


def test_a_program_holds_the_paths_of_its_classes() -> None:
    with zipfile.ZipFile(PROGRAM) as archive:
        texts = [archive.read(name) for name in archive.namelist() if name.endswith(".json")]
    assert set(_OURS.findall(b"\n".join(texts).decode())) == {
        "netzoo.backbones.tiny.TinyDarknet",
        "netzoo.blocks.ConvBNAct",
        "netzoo.blocks.SameSizePool",
        "netzoo.deploy.Deployable",
        "netzoo.networks.yolov3.YOLOv3Tiny",
    }


def test_the_checkpoint_is_captured_as_the_same_bytes(tmp_path: Path) -> None:
    """With the same PyTorch: another one writes another file."""
    there = filed_run().environment.packages["torch"]
    if version("torch") != there:
        pytest.skip(f"the program was captured by PyTorch {there}")
    command = [sys.executable, "-c", _CAPTURE, str(CHECKPOINT), str(tmp_path / "again.pt2")]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[3])
    assert (tmp_path / "again.pt2").read_bytes() == PROGRAM.read_bytes()
