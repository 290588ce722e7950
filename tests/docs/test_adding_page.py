"""The code in docs/adding.md is a back end and a network that work, and its table is true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch

from docs.make.pages import HOUSE
from engines.base import example_input
from netzoo.zoo.config import NetworkConfig
from sizewise.core.specs import EngineSpec, Profile, Size
from tests.engines.nets import write_net

PAGE = (HOUSE / "docs" / "adding.md").read_text(encoding="utf-8")
BACK_END, NETWORK = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
SIZES = (Size(64, 96), Size(96, 64))


def _members(code: str, attribute: str) -> Any:
    names: dict[str, Any] = {"__name__": "page"}
    exec(code, names)
    return names[attribute]


def test_the_back_end_gives_what_onnx_runtime_gives(tmp_path: Path) -> None:
    (backend,) = _members(BACK_END, "BACKENDS")
    model = write_net(tmp_path / "small.onnx")
    spec = EngineSpec(
        backend=backend.name,
        strategy="dynamic",
        profiles=(Profile.spanning(SIZES),),
        batch_size=1,
        graph_fusion=backend.default_graph_fusion,
        options=backend.options_type(),
    )
    (tmp_path / "engine").mkdir()
    engine = backend.build(model, spec, tmp_path / "engine")
    assert backend.inspect(engine).summary == "fp32"
    reference = ort.InferenceSession(model.path)
    with backend.open(engine) as session:
        for size in SIZES:
            images = example_input(engine, engine.image.shape(1, size))
            (expected,) = reference.run(None, {"images": images})
            found = session.infer({"images": images})
            np.testing.assert_allclose(found["boxes"], expected, atol=1e-4)


def test_the_network_gives_boxes_and_scores() -> None:
    (entry,) = _members(NETWORK, "NETWORKS")
    network = entry.build(NetworkConfig(name="small", classes=("a", "b"), width=0.1)).eval()
    with torch.inference_mode():
        heads = network(torch.rand(2, 3, 64, 96))
        boxes, scores = network.decode(heads)
    assert heads[0].shape == (2, 5 * 7, 2, 3)
    assert (boxes.shape, scores.shape) == ((2, 30, 4), (2, 30, 2))


def test_folders_members_tuples_and_tests_are_there() -> None:
    rows = re.findall(r"^\| an? .+? \| `(.+?)` \| `(.+?)` \| `(.+?)` \| `(.+?)` \|$", PAGE, re.M)
    assert len(rows) == 9
    for folder, attribute, member, tests in rows:
        assert f"\n{attribute} = (" in (HOUSE / folder / member).read_text(encoding="utf-8")
        assert (HOUSE / tests).exists(), tests
