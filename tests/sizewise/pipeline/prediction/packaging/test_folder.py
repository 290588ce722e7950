"""A plan as a folder: its loader finds the boxes of ``predict``, with nothing of sizewise."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from engines.planning.axes import EngineAxes
from engines.planning.specs import engine_specs
from engines.registry import find_backend
from engines.store.cache import obtain_engine
from sizewise.core.onnxfiles.model import read_model, sha256_of
from sizewise.core.specs import Sizes
from sizewise.core.specs.stored_plan import read_plan, write_plan
from sizewise.pipeline.prediction.pool.engine_pool import EnginePool
from tests.contracts.pins.fixture import MADE
from tests.sizewise.pipeline.prediction.packaging.conftest import Stored
from tests.sizewise.pipeline.prediction.packaging.plans import (
    CLASSES,
    PICTURES,
    expected_boxes,
    packed,
    run_alone,
    texts_of,
    write_pictures,
)
from tests.sizewise.pipeline.prediction.pools import plan_of

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_the_loader_finds_the_boxes_of_predict(
    backend: str, stored: Stored, tmp_path: Path
) -> None:
    if not find_backend(backend).can_run().ok:
        pytest.skip(find_backend(backend).can_run().reason)
    pictures = write_pictures(tmp_path / "pictures")
    expected = expected_boxes(stored(backend), pictures)
    assert [len(one["boxes"]) for one in expected] == [1] * 6 + [0]
    made = packed(stored(backend), tmp_path / "package", "folder")
    assert set(made.differences.values()) == {0.0}
    moved = made.path.rename(tmp_path / "moved")
    assert run_alone(moved / "loader.py", *pictures) == expected


@pytest.mark.usefixtures("draws")
def test_what_is_in_the_folder(stored: Stored, tmp_path: Path) -> None:
    plan = stored("onnxruntime")
    made = packed(plan, tmp_path / "package", "folder", model_licence="AGPL-3.0")
    texts = texts_of(made.path)
    assert len(texts["loader.py"].splitlines()) <= 60
    assert "sizewise.pipeline" not in "".join(texts.values())
    for name, text in texts.items():
        assert str(plan) not in text, name
        assert str(tmp_path) not in text, name
    manifest = json.loads(texts["package.json"])
    assert manifest["models"][0]["licence"] == "AGPL-3.0"
    assert {one["name"]: one["licence"] for one in manifest["libraries"]}["onnxruntime"]
    assert "Apache License" in texts["LICENSE"]
    assert "No other set under these limits is faster" in texts["report.md"]
    assert json.loads(texts["routing.json"])["classes"] == list(CLASSES)
    inner, outer = read_plan(made.path / "plan"), read_plan(plan)
    assert inner.decision == outer.decision
    assert [one.name for one in inner.engines] == [
        *("onnxruntime-static-64x64", "onnxruntime-static-96x96"),
        "onnxruntime-dynamic-64x64-128x128",
    ]
    assert (made.path / "plan" / "plan.png").stat().st_size > 1000


def test_the_sums_are_those_of_all_files(stored: Stored, tmp_path: Path) -> None:
    made = packed(stored("onnxruntime"), tmp_path / "package", "folder")
    lines = (made.path / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    found = {name: sums for sums, _, name in (line.partition("  ") for line in lines)}
    files = {path for path in made.path.rglob("*") if path.is_file()}
    assert {made.path / name for name in found} == files - {made.path / "SHA256SUMS"}
    assert all(sha256_of(made.path / name) == sums for name, sums in found.items())


def test_a_model_is_found_by_its_hash(stored: Stored, tmp_path: Path) -> None:
    plan = tmp_path / "plan"
    shutil.copytree(stored("onnxruntime"), plan)
    elsewhere = (plan / "finder.onnx").rename(tmp_path / "elsewhere.onnx")
    made = packed(plan, tmp_path / "package", "folder", models=[elsewhere])
    assert (made.path / "models" / "onnxruntime-static-64x64" / "model.onnx").is_file()


def test_the_page_of_the_plan_is_packed_as_it_is(stored: Stored, tmp_path: Path) -> None:
    plan = Path(shutil.copytree(stored("onnxruntime"), tmp_path / "plan"))
    (plan / "plan.html").write_text("<h1>The plan</h1>", encoding="utf-8")
    made = packed(plan / "plan.json", tmp_path / "package", "folder")
    texts = texts_of(made.path)
    assert texts["plan/plan.html"] == "<h1>The plan</h1>"
    assert "(plan/plan.html)" in texts["report.md"]
    assert "plan/plan.html" in texts["SHA256SUMS"]


def test_thresholds_are_written_into_it(stored: Stored, tmp_path: Path) -> None:
    pictures = write_pictures(tmp_path / "pictures")[:1]
    made = packed(stored("onnxruntime"), tmp_path / "package", "folder", score_threshold=0.95)
    assert run_alone(made.path / "loader.py", *pictures) == [
        {"boxes": [], "scores": [], "classes": []}
    ]


@pytest.mark.usefixtures("built_here")
@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_a_model_in_int8_is_what_the_library_gets_right(backend: str, tmp_path: Path) -> None:
    """A network that was trained: its file is adapted to the library, as a build does it."""
    if not find_backend(backend).can_run().ok:
        pytest.skip(find_backend(backend).can_run().reason)
    model = MADE / "out" / "yolov3-tiny.int8.onnx"
    axes = EngineAxes(backends=(backend,), strategies=("static",), sizes=Sizes.parse("64"))
    (spec,) = engine_specs((axes,))
    engine = obtain_engine(read_model(model), spec, tmp_path / "engines")
    write_plan(plan_of([engine], PICTURES[:1]), tmp_path / "plan.json")
    options = {"models": [model], "score_threshold": 0.001}
    made = packed(tmp_path / "plan.json", tmp_path / "package", "folder", **options)
    assert made.differences == {"e0": 0.0}
    picture = write_pictures(tmp_path / "pictures")[0]
    (found,) = run_alone(made.path / "loader.py", picture)
    with EnginePool(tmp_path / "plan.json", score_threshold=0.001) as pool:
        expected = pool.predict(picture).arrays()
    assert len(found["boxes"]) > 9
    assert found == {name: array.tolist() for name, array in expected.items()}
