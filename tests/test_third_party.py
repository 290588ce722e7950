"""A model that we did not make, measured and put into other precisions where there is no torch, its
file unchanged.

PP-OCRv4's text detector (Apache-2.0) lies in the package rapidocr-onnxruntime; its batch, height
and width are dynamic.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from importlib.metadata import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from bench.journal.store import Store
from engines.store.manifest import read_manifest
from engines.store.opening import open_engine
from sizewise.core.trials import Result
from tests.shared import made_once

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
WORDS = ("SIZEWISE", "engine 42", "640 x 384", "measure")


@pytest.fixture(scope="module")
def detector() -> Path:
    (path,) = (
        Path(str(f.locate()))
        for f in files("rapidocr-onnxruntime") or ()
        if f.name == "ch_PP-OCRv4_det_infer.onnx"
    )
    return path


@pytest.fixture(scope="module")
def no_torch(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which importing torch fails, as where it is not installed."""
    barred = tmp_path_factory.mktemp("barred") / "torch"
    barred.mkdir()
    (barred / "__init__.py").write_text("raise ImportError('torch is barred')\n")
    return os.environ | {"PYTHONPATH": str(barred.parent)}


def _call(
    environment: dict[str, str], command: str, *arguments: object, codes: Collection[int] = (0,)
) -> subprocess.CompletedProcess[str]:
    script = "from sizewise.cli import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", script, command, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode in codes, ended.stderr
    return ended


def test_bench_measures_a_foreign_file_without_torch(
    detector: Path, no_torch: dict[str, str], tmp_path: Path
) -> None:
    before = hashlib.sha256(detector.read_bytes()).hexdigest()
    out = tmp_path / "out"
    options = [
        *("--sizes", "64x160", "--strategy", "dynamic"),
        *("--processes", "1", "--rounds", "1", "--out", str(out), "--json"),
    ]
    said = _call(no_torch, "bench", detector, *options)
    assert json.loads(said.stdout)["statuses"] == {"ok": 2}
    assert all(_is_measured(result) for result in _results(out))
    assert hashlib.sha256(detector.read_bytes()).hexdigest() == before


def _results(out: Path) -> list[Result]:
    with Store.open(out / "results.sqlite", read_only=True) as store:
        return [result for run in store.runs() for result in run.results]


def _is_measured(result: Result) -> bool:
    (memory,) = result.memory
    assert result.build is not None
    # VmHWM of a child that held torch as well would be some 200 MiB higher.
    return len(result.blocks) == 1 and memory.peak_bytes > memory.before_bytes


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Words on a light ground, 64×160: where there is no text, this network gives zeros."""
    folder = tmp_path_factory.mktemp("texts")
    for number, word in enumerate(WORDS):
        picture = Image.new("RGB", (160, 64), (235, 235 - 20 * number, 215))
        font = ImageFont.load_default(28)
        ImageDraw.Draw(picture).text((8, 14), word, fill=(20, 20 * number, 40), font=font)
        picture.save(folder / f"{number}.png")
    return folder


@dataclass(frozen=True)
class Converted:
    """A file, and what was printed of it."""

    path: Path
    said: dict[str, Any]


@pytest.fixture(scope="module")
def converted(
    detector: Path, texts: Path, no_torch: dict[str, str], shared: Path
) -> list[Converted]:
    """In fp16 and int8; of its 64 layers, those that the command names as the worst are kept."""

    def make(folder: Path) -> None:
        said = _call(
            *(no_torch, "export", detector, "--precision", "fp16,int8", "--stride", 32),
            *("--calibrate", texts, "--mean", ",".join(map(str, MEAN)), "--std"),
            *(",".join(map(str, STD)), "--calibration-sizes", "64x160"),
            *("--check-sizes", "64x160,64x192", "--keep", "p2o.Conv.1,p2o.Conv.2,p2o.Conv.3"),
            *("--out", folder, "--json"),
        )
        (folder / "said.json").write_text(said.stdout, encoding="utf-8")

    folder = made_once(shared, "third-party-converted", make)
    said = json.loads((folder / "said.json").read_text(encoding="utf-8"))
    return [Converted(folder / Path(one["path"]).name, one) for one in said]


def test_a_foreign_detector_is_put_into_other_precisions(
    converted: list[Converted], detector: Path
) -> None:
    half, quantized = converted
    sha256 = hashlib.sha256(detector.read_bytes()).hexdigest()
    for model, tolerance in ((half, 0.02), (quantized, 0.3)):
        card = model.said["card"]
        assert (card["parent_sha256"], len(card["kept"])) == (sha256, 3)
        assert card["calibration"]["mean"] == list(MEAN)
        sizes = [(one["size"]["height"], one["size"]["width"]) for one in card["deviations"]]
        assert sizes == [(64, 160), (64, 192)]
        for one in card["deviations"]:
            assert one["absmax"] > 0.9  # text was found
            assert 0 < one["relative_error"] < tolerance


@pytest.mark.parametrize(
    ("place", "options", "tolerance"), [(0, ("--allow-fallback",), 0.02), (1, (), 0.2)]
)
def test_and_run_as_such_in_both_back_ends(
    converted: list[Converted],
    no_torch: dict[str, str],
    detector: Path,
    texts: Path,
    tmp_path: Path,
    *,
    place: int,
    options: tuple[str, ...],
    tolerance: float,
) -> None:
    """Int8 is run as int8; a CPU without 16-bit units may run fp16 in float32."""
    said = _call(
        *(no_torch, "build", converted[place].path, "--parent", detector, "--sizes", "64x160"),
        *("--strategy", "static", "--backend", "onnxruntime,openvino", *options),
        *("--out", tmp_path, "--json"),
        codes=(0, 3),
    )
    # build has made-up images alone, on which this network gives zeros, and says that of its error.
    assert {one["reason_code"] for one in json.loads(said.stdout)["failed"]} <= {"error_bound"}
    engines = json.loads(said.stdout)["engines"]
    assert [engine["spec"]["backend"] for engine in engines] == ["onnxruntime", "openvino"]
    batches = [_batch(path) for path in sorted(texts.iterdir())]
    expected = _plain(detector, batches)
    assert expected.max() > 0.9
    for engine in engines:
        with open_engine(read_manifest(Path(engine["path"]))) as session:
            name = session.artifact.image.tensor.name
            outputs = [next(iter(session.infer({name: b}).values())) for b in batches]
        off = np.concatenate(outputs) - expected
        assert np.sqrt(np.square(off).mean() / np.square(expected).mean()) < tolerance


def _batch(path: Path) -> NDArray[np.float32]:
    pixels = np.asarray(Image.open(path), np.float32) / 255
    scaled = (pixels - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[np.newaxis], np.float32)


def _plain(path: Path, batches: list[NDArray[np.float32]]) -> NDArray[Any]:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: batch})[0] for batch in batches])
