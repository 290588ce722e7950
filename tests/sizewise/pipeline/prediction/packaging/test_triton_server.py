"""Packages in NVIDIA's own server: its clients get the boxes of ``predict``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.sizewise.pipeline.prediction.packaging.conftest import Stored
from tests.sizewise.pipeline.prediction.packaging.plans import (
    CLASSES,
    expected_boxes,
    packed,
    run_alone,
    write_pictures,
)
from tests.sizewise.pipeline.prediction.packaging.tritons import (
    VARIABLE,
    Triton,
    environment,
    serving,
)

http = pytest.importorskip("tritonclient.http")
rpc = pytest.importorskip("tritonclient.grpc")
pytestmark = [
    pytest.mark.skipif(
        environment() is None,
        reason=f"{VARIABLE} names no environment with nvidia-pytriton (make test-triton)",
    ),
    pytest.mark.timeout(300),
]


@dataclass(frozen=True)
class Served:
    """A server with the engines of a plan, and what they should find in pictures."""

    triton: Triton
    plan: Path
    pictures: list[Path]
    expected: list[dict[str, Any]]


@pytest.fixture(params=["onnxruntime", "openvino"])
def served(request: pytest.FixtureRequest, stored: Stored, tmp_path: Path) -> Iterator[Served]:
    plan = stored(request.param)
    pictures = write_pictures(tmp_path / "pictures")
    made = packed(plan, tmp_path / "package", "triton", triton_backend="python")
    prefix = environment()
    assert prefix is not None
    with serving(prefix, made.path / "models") as triton:
        yield Served(triton, plan, pictures, expected_boxes(plan, pictures))


def _given(module: Any, name: str, array: Any, datatype: str) -> Any:
    given = module.InferInput(name, list(array.shape), datatype)
    given.set_data_from_numpy(array)
    return given


def _inputs(module: Any, path: Path) -> Iterator[Any]:
    """A picture as a file and as pixels."""
    content = np.array([path.read_bytes()], np.object_)
    yield _given(module, "image", content, "BYTES")
    yield _given(module, "pixels", np.asarray(Image.open(path).convert("RGB")), "UINT8")


def test_the_boxes_are_those_of_predict(served: Served, tmp_path: Path) -> None:
    for module, address in ((http, served.triton.http), (rpc, served.triton.grpc)):
        client = module.InferenceServerClient(address)
        for path, expected in zip(served.pictures, served.expected, strict=True):
            for given in _inputs(module, path):
                reply = client.infer("finder", [given])
                for name, values in expected.items():
                    assert reply.as_numpy(name).tolist() == values, (path.name, name)
                labels = [one.decode() for one in reply.as_numpy("labels").tolist()]
                assert labels == [CLASSES[one] for one in expected["classes"]]
        junk = _given(module, "image", np.array([b"junk"], np.object_), "BYTES")
        with pytest.raises(Exception, match="the picture is none of BMP"):
            client.infer("finder", [junk])
        with pytest.raises(Exception, match="give one of the inputs"):
            client.infer("finder", list(_inputs(module, served.pictures[0])))
        client.close()
    if "openvino" in served.plan.name:
        _ask_each_engine(served, tmp_path)


def _ask_each_engine(served: Served, tmp_path: Path) -> None:
    """By the client of a package for OpenVINO Model Server, whose protocol Triton speaks too."""
    other = packed(served.plan, tmp_path / "ovms", "ovms")
    found = run_alone(other.path / "client.py", served.triton.http, *served.pictures)
    assert found == served.expected
