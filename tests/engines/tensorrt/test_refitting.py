"""An engine can't be refitted without a GPU: a made-up library takes weights out of the ONNX file
that it is given. Its names are checked against the real ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnx
import pytest
from onnx import numpy_helper

from engines.tensorrt.log import Messages
from engines.tensorrt.options import RtxOptions
from engines.tensorrt.refitting import note_weights, put_weights_in
from sizewise.core.errors import EngineMismatchError
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import EngineArtifact, ExportedModel
from tests.engines.nets import write_net
from tests.engines.tensorrt.build.builds import trt
from tests.engines.tensorrt.fake_cuda import Device
from tests.engines.tensorrt.fake_trt import Plan
from tests.engines.tensorrt.run.sessions import PROFILES, artifact_of
from tests.engines.typed_nets import write_quantized_net


class Engine:
    """Without weights: by name the sums that the refitter gave, and the operators of the file."""

    def __init__(self) -> None:
        self.weights: dict[str, float] = {}
        self.given: list[type] = []
        self.operators: list[str] = []


class Library:
    """``refuses``: ``the parser`` or ``the refitter`` does not take the weights, and says why where
    ``says`` is set."""

    def __init__(self, refuses: str = "", says: str = "") -> None:
        self.refuses, self._says = refuses, says
        self.messages = Messages()

    @property
    def module(self) -> Any:
        return SimpleNamespace(Refitter=self._refitter, OnnxParserRefitter=self._parser)

    def _refitter(self, engine: Engine, logger: object) -> Refitter:
        assert logger == "the logger"
        return Refitter(self, engine)

    def _parser(self, refitter: Refitter, logger: object) -> ParserRefitter:
        assert logger == "the logger"
        return ParserRefitter(self, refitter)

    def answer(self, asked: str) -> bool:
        if self.refuses == asked and self._says:
            self.messages.add("ERROR", self._says)
        return self.refuses != asked


class Refitter:
    def __init__(self, library: Library, engine: Engine) -> None:
        self.engine, self._library = engine, library
        self.read: dict[str, float] = {}

    def refit_cuda_engine(self) -> bool:
        self.engine.weights = self.read
        return self._library.answer("the refitter")


class ParserRefitter:
    def __init__(self, library: Library, refitter: Refitter) -> None:
        self._library, self._refitter = library, refitter

    def refit_from_file(self, model: str) -> bool:
        assert isinstance(model, str)
        return self._take(str, onnx.load(model))

    def refit_from_bytes(self, model: bytes) -> bool:
        assert isinstance(model, bytes)
        return self._take(bytes, onnx.load_from_string(model))

    def _take(self, given: type, proto: onnx.ModelProto) -> bool:
        engine = self._refitter.engine
        engine.given.append(given)
        engine.operators = [node.op_type for node in proto.graph.node]
        self._refitter.read = sums(proto)
        return self._library.answer("the parser")


def sums(proto: onnx.ModelProto) -> dict[str, float]:
    return {
        tensor.name: float(numpy_helper.to_array(tensor).sum())
        for tensor in proto.graph.initializer
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "engine"
    made.mkdir()
    return made


def stripped(model: ExportedModel, folder: Path) -> EngineArtifact:
    """Built of ``model``, as it is now."""
    note_weights(model, folder)
    made = artifact_of(Plan(device=Device(), profiles=PROFILES), RtxOptions(weights="stripped"))
    return replace(made, path=folder, model_sha256=model.sha256)


def refitted(artifact: EngineArtifact, library: Library | None = None) -> Engine:
    library, engine = library or Library(), Engine()
    put_weights_in(library.module, engine, artifact, "the logger", library.messages)
    return engine


def test_the_names_are_the_librarys() -> None:
    assert hasattr(trt.Refitter, "refit_cuda_engine")
    for name in ("refit_from_file", "refit_from_bytes"):
        assert hasattr(trt.OnnxParserRefitter, name)


def test_an_engine_gets_the_weights_of_its_model(net: ExportedModel, folder: Path) -> None:
    engine = refitted(stripped(net, folder))
    assert engine.weights == sums(onnx.load(net.path))
    assert engine.given == [bytes]


def test_weights_beside_the_model_are_found_through_its_file(
    net: ExportedModel, tmp_path: Path, folder: Path
) -> None:
    path = tmp_path / "apart.onnx"
    proto = onnx.load(net.path)
    onnx.save(proto, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    engine = refitted(stripped(read_model(path), folder))
    assert engine.weights == sums(onnx.load(net.path))
    assert engine.given == [str]


def test_a_quantized_model_is_given_as_it_was_to_the_builder(tmp_path: Path, folder: Path) -> None:
    model = write_quantized_net(tmp_path / "int8.onnx")
    engine = refitted(stripped(model, folder))
    quantizers = engine.operators.count("QuantizeLinear")
    assert (
        0
        < quantizers
        < [n.op_type for n in onnx.load(model.path).graph.node].count("QuantizeLinear")
    )


def test_a_folder_of_any_name_is_found_again(tmp_path: Path, folder: Path) -> None:
    """Also from another working folder. A name that is no UTF-8 is refused before."""
    place = tmp_path / "café €\n"
    place.mkdir()
    assert refitted(stripped(write_net(place / "net.onnx"), folder)).weights


def test_a_model_named_from_the_working_folder_is_found_from_another(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    artifact = stripped(write_net(Path("net.onnx")), folder)
    monkeypatch.chdir(folder)
    assert refitted(artifact).weights


def test_a_model_that_is_gone_is_named(tmp_path: Path, folder: Path) -> None:
    model = write_net(tmp_path / "net.onnx")
    artifact = stripped(model, folder)
    model.path.unlink()
    _refused(artifact, f"{model.path} is missing")


@pytest.mark.parametrize("now", [b"", b"no ONNX"])
def test_a_file_in_its_place_that_is_no_model_is_refused(
    tmp_path: Path, folder: Path, now: bytes
) -> None:
    model = write_net(tmp_path / "net.onnx")
    artifact = stripped(model, folder)
    model.path.write_bytes(now)
    _refused(artifact, "is missing or has changed")


def test_other_weights_in_its_place_are_refused(tmp_path: Path, folder: Path) -> None:
    """Also where they stand beside the file, which stays as it was."""
    path = tmp_path / "apart.onnx"
    proto = onnx.load(write_net(tmp_path / "net.onnx").path)
    onnx.save(proto, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    artifact = stripped(read_model(path), folder)
    refitted(artifact)
    beside = bytearray((tmp_path / "weights.bin").read_bytes())
    beside[0] ^= 1
    (tmp_path / "weights.bin").write_bytes(beside)
    _refused(artifact, "is missing or has changed")


@pytest.mark.parametrize("who", ["the parser", "the refitter"])
def test_weights_that_are_not_taken_are_refused_in_the_librarys_words(
    net: ExportedModel, folder: Path, who: str
) -> None:
    artifact = stripped(net, folder)
    _refused(artifact, "weights differ", Library(who, "weights differ. In refit at /_s/r.cpp:1"))
    _refused(artifact, f"those of {net.path} do not fit", Library(who))


def _refused(artifact: EngineArtifact, why: str, library: Library | None = None) -> None:
    with pytest.raises(EngineMismatchError, match="holds no weights") as failure:
        refitted(artifact, library)
    assert why in failure.value.why
    assert failure.value.reason_code == "environment"
    assert "build it again" in failure.value.todo
