"""Class paths inside ``.pt2`` files.

They are part of the program's bytes, so of its hash, of the card of the ONNX file beside it, and of
the identity of whatever was measured of that: a traced class that moves makes another model.
"""

from __future__ import annotations

import json
import re
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from sizewise.onnxfile import read_model, sha256_of
from tests.contracts.pins.fixture import MADE, filed_run

pytest.importorskip("torch")

_OURS = re.compile(r"\bnetzoo(?:\.\w+)+")

DARKNET = {"netzoo.blocks.ConvBNAct", "netzoo.deploy.Deployable"}
CLASS_PATHS = {
    "yolov3-tiny": DARKNET
    | {
        "netzoo.blocks.PadMaxPool",
        "netzoo.networks.yolov3_tiny.TinyBackbone",
        "netzoo.networks.yolov3_tiny.YoloV3Tiny",
    },
}


def class_paths(program: Path) -> set[str]:
    with zipfile.ZipFile(program) as archive:
        names = [name for name in archive.namelist() if name.endswith("model.json")]
        text = "\n".join(archive.read(name).decode() for name in names)
    json.loads(text)
    return set(_OURS.findall(text))


def test_the_class_paths_of_the_fixture_are_these() -> None:
    assert class_paths(MADE / "out" / "yolov3-tiny.pt2") == CLASS_PATHS["yolov3-tiny"]
