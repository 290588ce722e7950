"""Images in batches, through a real engine, against the ONNX project's own evaluator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from engines.feeding import infer_images
from engines.store.opening import open_engine
from sizewise.core.specs import EngineArtifact, EngineSpec, ExportedModel, Profile, Size
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


def test_pictures_have_one_channel_or_three(net: ExportedModel) -> None:
    assert net.image.refuses_pictures == ""
    tensor = net.image.tensor
    for other in (replace(tensor, dtype="int64"), replace(tensor, shape=("b", 4, "h", "w"))):
        image = replace(net.image, tensor=other)
        assert f"the model takes {other}" in image.refuses_pictures
