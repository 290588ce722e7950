"""A plan for KServe: its YAML read back, and a model repository of Triton beside it."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from sizewise.core.errors import UsageError
from tests.sizewise.pipeline.prediction.packaging.conftest import Stored
from tests.sizewise.pipeline.prediction.packaging.plans import packed

yaml = pytest.importorskip("yaml")
pytestmark = pytest.mark.timeout(120)
SAID = {"storage_uri": "s3://bucket/a:b#c", "image": "registry.example:5000/triton:1"}


def test_the_service_is_read_back(stored: Stored, tmp_path: Path) -> None:
    made = packed(
        stored("onnxruntime"),
        tmp_path / "package",
        "kserve",
        triton_backend="python",
        name="Street_1.x",
        **SAID,
    )
    found = yaml.safe_load((made.path / "inferenceservice.yaml").read_text(encoding="utf-8"))
    assert found["kind"] == "InferenceService"
    assert found["metadata"] == {"name": "street-1-x"}
    model = found["spec"]["predictor"]["model"]
    assert model["modelFormat"] == {"name": "triton"}
    assert (model["protocolVersion"], model["runtime"]) == ("v2", "kserve-tritonserver")
    assert (model["storageUri"], model["image"]) == (SAID["storage_uri"], SAID["image"])
    assert model["resources"]["limits"] == model["resources"]["requests"]
    assert model["resources"]["limits"]["memory"] == "2048Mi"
    assert (made.path / "models" / "Street_1.x" / "config.pbtxt").is_file()
    dockerfile = (made.path / "Dockerfile").read_text(encoding="utf-8")
    assert f"pip install --no-cache-dir pillow=={version('pillow')} onnxruntime==" in dockerfile


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, "needs storage_uri: KServe must be told where the models will be"),
        ({"storage_uri": "s3://b"}, "needs image: KServe must be told Triton's image"),
        ({**SAID, "image": "a\nb: c"}, "needs image: it has spaces or odd characters"),
    ],
)
def test_it_must_be_told_what_nobody_can_know(
    said: dict[str, str], why: str, stored: Stored, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=why):
        packed(stored("onnxruntime"), tmp_path / "package", "kserve", **said)
    assert not (tmp_path / "package").exists()
