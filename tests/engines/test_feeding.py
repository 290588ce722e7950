"""Images in batches, through a real engine, against the ONNX project's own evaluator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from engines.feeding import infer_images
from engines.store.opening import open_engine
from sizewise.core.specs import BatchRange, EngineArtifact, EngineSpec, ExportedModel, Profile, Size
from tests.engines.nets import reference, write_net


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("count", [1, 3])
def test_each_image_has_its_own_outputs(
    build: Callable[[ExportedModel, EngineSpec], EngineArtifact],
    tmp_path: Path,
    channels_last: bool,
    count: int,
) -> None:
    model = write_net(tmp_path / "net.onnx", channels_last=channels_last)
    spec = EngineSpec(
        backend="onnxruntime",
        strategy="static",
        profiles=(Profile.fixed(Size(32, 64)),),
        batch_size=3,
    )
    images = np.random.default_rng(0).random((count, 3, 32, 64), np.float32)
    with open_engine(build(model, spec)) as session:
        found = infer_images(session, list(images))
    given = images.transpose(0, 2, 3, 1) if channels_last else images
    expected = reference(model, given)["boxes"]
    assert len(found) == count
    for outputs, boxes in zip(found, expected, strict=True):
        assert_allclose(outputs["boxes"], boxes[None], atol=1e-5)


@pytest.mark.parametrize("count", [1, 2])
def test_lists_belong_to_an_only_image_as_a_whole(
    net: ExportedModel, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """Boxes [M, 4] and labels [M] of a graph that chooses them, beside what counts images."""
    outputs = {
        "boxes": np.zeros((5, 4)),
        "labels": np.zeros(5),
        "scores": np.arange(count * 3).reshape(count, 3),
        "map": np.zeros((count, 1, 8, 8)),
        "threshold": np.array(0.5),
    }
    spec = SimpleNamespace(batches=BatchRange(1, 4))
    artifact = SimpleNamespace(image=net.image, spec=spec)
    session: Any = SimpleNamespace(artifact=artifact, infer=lambda _: outputs)
    monkeypatch.setattr("engines.feeding.with_further", lambda artifact, batch: batch)
    found = infer_images(session, [np.zeros((3, 32, 64), np.float32)] * count)
    assert len(found) == count
    for place, of_image in enumerate(found):
        assert of_image["scores"].tolist() == [[3 * place, 3 * place + 1, 3 * place + 2]]
        shapes = {name: array.shape for name, array in of_image.items()}
        lists = {"boxes": (5, 4), "labels": (5,)} if count == 1 else {}
        assert shapes == lists | {"scores": (1, 3), "map": (1, 1, 8, 8)}


def test_pictures_have_one_channel_or_three(net: ExportedModel) -> None:
    assert net.image.refuses_pictures == ""
    tensor = net.image.tensor
    for other in (replace(tensor, dtype="int64"), replace(tensor, shape=("b", 4, "h", "w"))):
        image = replace(net.image, tensor=other)
        assert f"the model takes {other}" in image.refuses_pictures
