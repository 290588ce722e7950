"""A plan as a model repository of Triton: configurations, read back by NVIDIA's own messages."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnxruntime
import pytest

from sizewise.core.errors import UsageError
from sizewise.core.specs import EngineSpec, ImageInput, ModelCard, Profile, Size, TensorSpec
from sizewise.core.specs.plan import PlannedEngine
from sizewise.pipeline.prediction.packaging.engines import Packed
from sizewise.pipeline.prediction.packaging.pbtxt import Word, message, quoted
from sizewise.pipeline.prediction.packaging.targets.triton_choice import chosen_backend
from sizewise.pipeline.prediction.packaging.targets.triton_configs import native
from tests.sizewise.pipeline.prediction.packaging.conftest import Stored
from tests.sizewise.pipeline.prediction.packaging.plans import CLASSES, packed, texts_of

messages = pytest.importorskip("tritonclient.grpc.model_config_pb2")
text_format = pytest.importorskip("google.protobuf.text_format")
pytestmark = pytest.mark.timeout(120)


def _parsed(text: str) -> Any:
    return text_format.Parse(text, messages.ModelConfig())


def _configs(folder: Path) -> dict[str, Any]:
    """The configurations of a repository by the folders that they lie in."""
    return {
        path.parent.name: _parsed(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("models/*/config.pbtxt"))
    }


def test_each_engine_is_a_model_and_one_chooses(stored: Stored, tmp_path: Path) -> None:
    made = packed(stored("onnxruntime"), tmp_path / "package", "triton")
    configs = _configs(made.path)
    assert all(one.name == name for name, one in configs.items())
    router = configs.pop("finder")
    assert router.backend == "python"
    assert [(one.name, list(one.dims), one.optional) for one in router.input] == [
        ("image", [1], True),
        ("pixels", [-1, -1, 3], True),
    ]
    assert [one.name for one in router.output] == [
        *("boxes", "scores", "classes", "labels", "engine")
    ]
    assert len(configs) == 3
    for name, one in configs.items():
        assert one.backend == "onnxruntime"
        assert one.max_batch_size == 0
        assert one.parameters["intra_op_thread_count"].string_value.isdigit()
        assert one.instance_group[0].kind == messages.ModelInstanceGroup.KIND_CPU
        _demand_as_the_file(made.path / "models" / name / "1" / "model.onnx", one)


def _demand_as_the_file(path: Path, config: Any) -> None:
    """Triton refuses a model whose dimensions are others than its configuration says."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for tensors, declared in (
        (session.get_inputs(), config.input),
        (session.get_outputs(), config.output),
    ):
        found = {
            one.name: [side if isinstance(side, int) else -1 for side in one.shape]
            for one in tensors
        }
        assert found == {one.name: list(one.dims) for one in declared}
    assert session.get_inputs()[0].shape[0] == 1


def test_models_are_warmed_up_at_the_planned_sizes(stored: Stored, tmp_path: Path) -> None:
    made = packed(stored("onnxruntime"), tmp_path / "package", "triton")
    warm = {
        name: [(each.name, list(each.inputs["images"].dims)) for each in one.model_warmup]
        for name, one in _configs(made.path).items()
    }
    assert warm["finder-onnxruntime-static-64x64"] == [("64x64", [1, 3, 64, 64])]
    assert warm["finder-onnxruntime-dynamic-64x64-128x128"] == [
        ("64x64", [1, 3, 64, 64]),
        ("128x128", [1, 3, 128, 128]),
    ]
    assert warm["finder"] == []


def test_the_python_back_end_has_the_engine_beside_its_code(stored: Stored, tmp_path: Path) -> None:
    made = packed(stored("onnxruntime"), tmp_path / "package", "triton", triton_backend="python")
    texts = texts_of(made.path)
    configs = _configs(made.path)
    assert {one.backend for one in configs.values()} == {"python"}
    for name in configs.keys() - {"finder"}:
        engine = json.loads(texts[f"models/{name}/1/engine.json"])
        assert engine["settings"]["level"] == "ORT_ENABLE_ALL"
        compile(texts[f"models/{name}/1/model.py"], name, "exec")
    assert not any("sizewise.pipeline" in text for text in texts.values())


def test_names_of_classes_come_through(stored: Stored, tmp_path: Path) -> None:
    made = packed(stored("onnxruntime"), tmp_path / "package", "triton")
    routing = json.loads(texts_of(made.path)["models/finder/1/routing.json"])
    assert routing["classes"] == list(CLASSES)


def test_openvino_goes_where_it_is_set_as_planned(stored: Stored, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    made = packed(stored("openvino"), tmp_path / "package", "triton")
    assert set(made.engines.values()) == {"Triton's back end python"}
    with pytest.raises(UsageError, match="can set INFERENCE_PRECISION_HINT to bf16 alone"):
        packed(stored("openvino"), tmp_path / "other", "triton", triton_backend="native")


@pytest.mark.parametrize(
    "text", ["plain", 'a "b"\\', "line\nend\ttab\0", "белый 猫 😀", "{ } [ ] : , # '", *CLASSES]
)
def test_texts_are_read_back(text: str) -> None:
    written = message({"name": text, "parameters": {"key": text, "value": {"string_value": text}}})
    found = _parsed(written)
    assert found.name == text
    assert found.parameters[text].string_value == text
    assert quoted(text).isascii()


def test_all_kinds_of_fields_are_read_back() -> None:
    found = _parsed(
        message(
            {
                "max_batch_size": 8,
                "optimization": {"graph": {"level": -1}},
                "input": [{"name": "x", "data_type": Word("TYPE_FP16"), "dims": [-1, 3]}],
                "output": [],
                "instance_group": {"profile": ["0", "1"], "passive": True},
            }
        )
    )
    assert found.max_batch_size == 8
    assert found.optimization.graph.level == -1
    assert (found.input[0].data_type, list(found.input[0].dims)) == (messages.TYPE_FP16, [-1, 3])
    assert list(found.instance_group[0].profile) == ["0", "1"]
    assert found.instance_group[0].passive


def _packed(backend: str, card: ModelCard, **spec: Any) -> Packed:
    """An engine without files."""
    profiles = (
        Profile.fixed(Size(64, 64)),
        Profile(min=Size(64, 64), opt=Size(64, 96), max=Size(96, 96)),
    )
    full = EngineSpec(backend=backend, strategy="profiles", profiles=profiles, threads=3, **spec)
    image = ImageInput(
        tensor=TensorSpec(name="images", dtype="float32", shape=("b", 3, "h", "w")),
        channels_first=True,
    )
    artifact: Any = SimpleNamespace(
        spec=full, card=card, image=image, path=Path("none"), outputs=()
    )
    planned = PlannedEngine(
        name="e", model_sha256="m", spec=full, sizes=(Size(64, 64), Size(96, 96)), memory_mib=1.0
    )
    predictor: Any = None
    return Packed(
        name="e", planned=planned, artifact=artifact, predictor=predictor, trusted=(), model=None
    )


def test_tensorrt_travels_as_its_plan() -> None:
    """Nobody has run this: Triton's back end for TensorRT comes in no package."""
    one = _packed("tensorrt", ModelCard(network="n"))
    assert chosen_backend(one, "auto") == "tensorrt"
    found = _parsed(message(native(one, "n-e", "tensorrt", None)))
    assert found.default_model_filename == "model.plan"
    assert list(found.input[0].dims) == [1, 3, -1, -1]
    assert not found.output
    assert list(found.instance_group[0].profile) == ["0", "1"]
    assert found.instance_group[0].kind == messages.ModelInstanceGroup.KIND_GPU
    with pytest.raises(UsageError, match="would have to open an engine of tensorrt itself"):
        chosen_backend(one, "python")


def test_options_that_triton_can_not_be_told_go_to_the_python_back_end() -> None:
    from engines.backends._ort.options import OnnxRuntimeCpuOptions

    options = OnnxRuntimeCpuOptions(spinning="never")
    one = _packed("onnxruntime", ModelCard(network="n"), options=options)
    assert chosen_backend(one, "auto") == "python"
    with pytest.raises(UsageError, match="takes none of the options"):
        chosen_backend(one, "native")
    plain = _packed("onnxruntime", ModelCard(network="n"), graph_fusion="basic")
    found = _parsed(message(native(plain, "n-e", chosen_backend(plain, "native"), {})))
    assert found.optimization.graph.level == -1
    assert found.parameters["intra_op_thread_count"].string_value == "3"


def test_openvino_in_bf16_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from sizewise.pipeline.prediction.packaging.targets import triton_choice, triton_configs

    config = {
        "INFERENCE_PRECISION_HINT": "bf16",
        "INFERENCE_NUM_THREADS": "3",
        "NUM_STREAMS": "1",
    }
    for module in (triton_choice, triton_configs):
        monkeypatch.setattr(module, "settings_of", lambda one: {"config": config})
    one = _packed("openvino", replace(ModelCard(network="n"), precision="bf16"))
    assert chosen_backend(one, "auto") == "openvino"
    found = _parsed(message(native(one, "n-e", "openvino", {})))
    assert {key: value.string_value for key, value in found.parameters.items()} == {
        "NUM_STREAMS": "1",
        "INFERENCE_NUM_THREADS": "3",
        "HINT_BF16": "YES",
    }
