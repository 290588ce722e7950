"""Engines with inputs beside the picture: what they are given changes what comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sizewise as sw
from engines.base import Backend, example_inputs
from engines.comparing import compare_engine
from engines.registry import find_backend
from engines.store.cache import engine_name
from engines.store.manifest import read_manifest
from engines.store.opening import open_engine
from sizewise.core.errors import EngineMismatchError
from sizewise.core.further.reading import read_inputs
from sizewise.core.onnxfiles.model import with_inputs
from sizewise.core.specs import ExportedModel, Size, Strategy
from tests.engines.backends.test_contract import SIZES, every_engine_of_onnx, spec_for
from tests.engines.conftest import Build
from tests.engines.nets import write_sized


@pytest.fixture(scope="module")
def sized(tmp_path_factory: pytest.TempPathFactory) -> ExportedModel:
    return write_sized(tmp_path_factory.mktemp("sized") / "sized.onnx")


@every_engine_of_onnx
@pytest.mark.parametrize("batch_size", [1, 2])
def test_an_engine_is_given_all_its_inputs(
    backend: Backend, strategy: Strategy, batch_size: int, sized: ExportedModel, build: Build
) -> None:
    artifact = build(sized, spec_for(backend, strategy, batch_size=batch_size))
    sizes = SIZES[:1] if strategy == "static" else SIZES
    with open_engine(artifact) as session:
        for size in sizes:
            inputs = example_inputs(artifact, batch_size, size)
            assert set(inputs) == {"images", "im_size", "mask", "threshold"}
            means = inputs["images"].mean(axis=(2, 3)) * np.float32(0.5)
            weights = np.arange(1, 7, dtype=np.float32).reshape(3, 2)
            wanted = means @ weights * np.array([size.height, size.width], np.float32) - 3
            np.testing.assert_allclose(session.infer(inputs)["points"], wanted, rtol=1e-4)


@every_engine_of_onnx
def test_an_input_of_another_shape_or_name_is_refused(
    backend: Backend, strategy: Strategy, sized: ExportedModel, build: Build
) -> None:
    artifact = build(sized, spec_for(backend, strategy))
    inputs = example_inputs(artifact, 1, SIZES[0])
    with open_engine(artifact) as session:
        for wrong, words in (
            ({"mask": inputs["mask"][:, :, :1]}, "mask takes the shape"),
            ({"im_size": inputs["im_size"].astype(np.int32)}, "takes int64, not int32"),
            ({"more": inputs["mask"]}, "it takes the inputs images, im_size, mask, threshold"),
        ):
            with pytest.raises(EngineMismatchError, match=words):
                session.bind({**inputs, **wrong})


@every_engine_of_onnx
def test_it_compares_with_its_parent(
    backend: Backend, strategy: Strategy, sized: ExportedModel, build: Build
) -> None:
    artifact = build(sized, spec_for(backend, strategy))
    found = compare_engine(str(artifact.path), str(sized.path))
    assert found
    assert all(one["max_abs_error"] < 1e-3 for one in found)


def test_a_manifest_keeps_them_and_the_key_tells_values_apart(
    sized: ExportedModel, build: Build
) -> None:
    backend = find_backend("onnxruntime")
    spec = spec_for(backend, "static")
    artifact = build(sized, spec)
    assert [str(one) for one in read_manifest(artifact.path).further] == [
        "im_size = height, width [batch, 2]",
        "mask = 0.5 [batch, 1, height, width]",
        "threshold = -3 []",
    ]
    other = with_inputs(sized, read_inputs(["mask=1", "threshold=-3"]))
    assert engine_name(sized, spec, backend) != engine_name(other, spec, backend)
    assert Size(64, 96) == artifact.spec.profiles[0].opt


@pytest.mark.parametrize(
    ("name", "strategy"),
    [
        ("torch_eager", "dynamic"),
        pytest.param("torch_compile", "static", marks=pytest.mark.slow),
        pytest.param("torch_compile", "dynamic", marks=pytest.mark.slow),
    ],
)
def test_pytorch_is_given_them_by_their_places(
    name: str, strategy: Strategy, tmp_path: Path, build: Build
) -> None:
    torch = pytest.importorskip("torch")

    class Sized(torch.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, images: Any, size: Any, *, shift: Any) -> Any:
            return images.mean(dim=(2, 3))[:, :2] * size + shift

    said = ["shift=0.5", "size=height,width"]
    (made,) = sw.export(Sized(), out=tmp_path, size="64x96", input=said)
    backend = find_backend(name)
    artifact = build(made.model, spec_for(backend, strategy))
    inputs = example_inputs(artifact, 1, SIZES[0])
    assert list(inputs) == ["images", "size", "shift"]
    with open_engine(artifact) as session:
        (found,) = session.infer(inputs).values()
    wanted = inputs["images"].mean(axis=(2, 3))[:, :2] * np.array([64, 96]) + 0.5
    np.testing.assert_allclose(found, wanted, rtol=1e-4)
