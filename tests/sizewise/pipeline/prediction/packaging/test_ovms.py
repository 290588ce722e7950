"""A plan for OpenVINO Model Server: the plug-in, set as its configuration says, does as planned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sizewise.core.errors import UsageError
from sizewise.core.specs.stored_plan import read_plan
from sizewise.pipeline.prediction.pool.opening import open_plan
from sizewise.pipeline.prediction.pool.options import PoolOptions
from tests.sizewise.pipeline.prediction.packaging.conftest import Stored
from tests.sizewise.pipeline.prediction.packaging.plans import noise, packed

openvino = pytest.importorskip("openvino")
pytestmark = pytest.mark.timeout(120)


def _served(folder: Path, config: dict[str, Any]) -> Any:
    """A model as OpenVINO Model Server compiles it: shape and settings of its configuration."""
    (path,) = (folder / config["base_path"] / "1").iterdir()
    model = openvino.Core().read_model(path)
    model.reshape({name: openvino.PartialShape(_shape(s)) for name, s in config["shape"].items()})
    return openvino.Core().compile_model(model, config["target_device"], config["plugin_config"])


def _shape(text: str) -> list[Any]:
    """``(1,3,64:128,64)``, as its documentation has it (parameters.md)."""
    sides = (side.split(":") for side in text.strip("()").split(","))
    return [int(one[0]) if len(one) == 1 else (int(one[0]), int(one[1])) for one in sides]


def test_the_models_give_what_the_engines_give(stored: Stored, tmp_path: Path) -> None:
    from engines.store.opening import open_engine

    made = packed(stored("openvino"), tmp_path / "package", "ovms")
    home = made.path / "models"
    document = json.loads((home / "config.json").read_text(encoding="utf-8"))
    configs = [one["config"] for one in document["model_config_list"]]
    opening = open_plan(read_plan(stored("openvino")), stored("openvino"), PoolOptions())
    assert [config["shape"] for config in configs] == [
        {"images": "(1,3,64,64)"},
        {"images": "(1,3,96,96)"},
        {"images": "(1,3,64:128,64:128)"},
    ]
    for config, member in zip(configs, opening.members, strict=True):
        assert not Path(config["base_path"]).is_absolute()
        assert config["plugin_config"]["INFERENCE_PRECISION_HINT"] == "f32"
        compiled = _served(home, config)
        with open_engine(member.artifact) as session:
            for size in member.sizes:
                images = noise((1, 3, size.height, size.width))
                expected = session.infer({"images": images})
                request = compiled.create_infer_request()
                request.infer({"images": images})
                for name, array in expected.items():
                    np.testing.assert_array_equal(request.get_tensor(name).data, array)


def test_engines_of_other_libraries_are_refused(stored: Stored, tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match="runs in onnxruntime, and this target runs openvino alone"
    ):
        packed(stored("onnxruntime"), tmp_path / "package", "ovms")
