"""The code that runs in Triton's Python back end, with a stand-in for what Triton gives it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sizewise.pipeline.prediction.packaging import shipped
from tests.sizewise.pipeline.prediction.packaging.conftest import Stored
from tests.sizewise.pipeline.prediction.packaging.plans import (
    CLASSES,
    expected_boxes,
    packed,
    write_pictures,
)

pytestmark = pytest.mark.timeout(120)


@dataclass
class _Tensor:
    called: str
    array: Any

    def name(self) -> str:
        return self.called

    def as_numpy(self) -> Any:
        return self.array


@dataclass
class _Error:
    text: str

    def message(self) -> str:
        return self.text


@dataclass
class _Reply:
    tensors: list[_Tensor] = field(default_factory=list)
    error_: _Error | None = None

    def has_error(self) -> bool:
        return self.error_ is not None

    def error(self) -> Any:
        return self.error_

    def output_tensors(self) -> list[_Tensor]:
        return self.tensors


class Server:
    """Models by name, each loaded from its folder in a repository."""

    def __init__(self, module: ModuleType, repository: Path, patch: pytest.MonkeyPatch) -> None:
        self._models: dict[str, Any] = {}
        for folder in sorted(repository.iterdir()):
            kind = "bucket" if (folder / "1" / "engine.json").exists() else "router"
            code = importlib.import_module(f"{shipped.__name__}.{kind}")
            patch.setattr(code, "HERE", folder / "1")
            patch.setattr(code, "triton", module)
            model = code.TritonPythonModel()
            model.initialize({})
            self._models[folder.name] = model

    def ask(self, name: str, *tensors: _Tensor) -> _Reply:
        (reply,) = self._models[name].execute([{one.called: one for one in tensors}])
        return reply if isinstance(reply, _Reply) else _Reply()


@pytest.fixture
def server(stored: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    module: Any = ModuleType("triton_python_backend_utils")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    made = packed(stored("onnxruntime"), tmp_path / "package", "triton", triton_backend="python")

    class Request:
        def __init__(
            self, model_name: str, requested_output_names: list[str], inputs: list[_Tensor]
        ) -> None:
            self.name, self.inputs = model_name, inputs
            self.wanted = set(requested_output_names)

        def exec(self) -> _Reply:
            reply = running[0].ask(self.name, *self.inputs)
            assert {one.called for one in reply.tensors} in (self.wanted, set())
            return reply

    module.Tensor = _Tensor
    module.TritonError = _Error
    module.InferenceRequest = Request
    module.InferenceResponse = lambda tensors=(), error=None: _Reply(list(tensors), error)
    module.get_input_tensor_by_name = lambda request, name: request.get(name)
    running: list[Server] = []
    running.append(Server(module, made.path / "models", monkeypatch))
    yield running[0]
    for kind in ("bucket", "router"):
        sys.modules.pop(f"{shipped.__name__}.{kind}", None)


def _image(content: bytes) -> _Tensor:
    return _Tensor("image", np.array([content], np.object_))


def test_boxes_are_those_of_predict(server: Server, stored: Stored, tmp_path: Path) -> None:
    paths = write_pictures(tmp_path / "pictures")
    for path, expected in zip(paths, expected_boxes(stored("onnxruntime"), paths), strict=True):
        pixels = np.asarray(Image.open(path).convert("RGB"))
        for given in (_image(path.read_bytes()), _Tensor("pixels", pixels)):
            reply = server.ask("finder", given)
            found = {one.called: one.array for one in reply.tensors}
            labels = [one.decode() for one in found.pop("labels").tolist()]
            assert labels == [CLASSES[one] for one in expected["classes"]]
            assert found.pop("engine").item().startswith(b"onnxruntime-")
            assert {name: array.tolist() for name, array in found.items()} == expected


def test_what_fails_is_the_error_of_its_request(server: Server) -> None:
    for tensors, why in (
        ((), "give one of the inputs"),
        ((_image(b"junk"),), "the picture is none of"),
        ((_image(b"x"), _Tensor("pixels", np.zeros((4, 4, 3), np.uint8))), "give one of"),
        ((_Tensor("pixels", np.zeros((4, 4), np.uint8)),), "RGB uint8"),
    ):
        assert why in server.ask("finder", *tensors).error().message()
    bad = _Tensor("images", np.zeros((1, 3, 32, 32), np.float32))
    reply = server.ask("finder-onnxruntime-static-64x64", bad)
    assert "invalid dimensions" in reply.error().message().lower()
