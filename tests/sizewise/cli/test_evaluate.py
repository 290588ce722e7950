"""Accuracy through the command line: of models that are right, or wrong, by construction."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from netzoo.data.classified import crops_of
from netzoo.data.coco.dataset import read_coco
from netzoo.tasks.letterbox import Letterbox
from netzoo.training.evaluate import evaluate_network, evaluated
from netzoo.weights.checkpoint import Provenance, load_checkpoint, save_checkpoint
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import build_network
from sizewise.core.errors import InferenceError
from sizewise.core.onnxfiles.model import read_model, write_card
from sizewise.core.specs import Size
from sizewise.pipeline.accuracy import engine_candidates
from tests.bench.models import CARD, brightness, colours
from tests.bench.pictures import BOX, HEIGHT, PICTURES, WIDTH, write_pictures
from tests.netzoo.factories import narrow_detector
from tests.sizewise.cli.conftest import Cli, Said
from tests.sizewise.cli.finders import write_finder
from tests.sizewise.pipeline.accuracy.test_other_fit import write_data

pytestmark = pytest.mark.usefixtures("in_process")
FINDER = replace(CARD, network="finder")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return brightness(tmp_path_factory.mktemp("model") / "bright.onnx").path


def checkpoint(folder: Path, name: str, classes: tuple[str, ...]) -> Path:
    path = folder / f"{name}.safetensors"
    network = build_network(NetworkConfig(name=name, classes=classes, width=0.0625, depth=0.1))
    save_checkpoint(path, network, Provenance())
    return path


def with_card(path: Path, **changes: Any) -> Path:
    proto, card = onnx.load(path), read_model(path).card
    write_card(proto, replace(card, **changes))
    changed = path.with_name(f"{path.stem}-{len(list(path.parent.iterdir()))}.onnx")
    onnx.save(proto, changed)
    return changed


def without_masks(data: Path) -> Path:
    coco = json.loads(data.read_text())
    for annotation in coco["annotations"]:
        del annotation["segmentation"]
    path = data.with_name("boxed.json")
    path.write_text(json.dumps(coco))
    return path


def rows(said: Said, code: int = 0) -> list[dict[str, Any]]:
    assert said.code == code, said
    found = json.loads(said.out)["rows"]
    assert isinstance(found, list)
    return found


def scores_of(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in row if name not in ("figures", "ap_by_class")}


def table_rows(said: Said) -> list[list[str]]:
    """The cells of a table, line by line without its head."""
    lines = [line for line in said.out.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


def refused(said: Said, code: int, *parts: str) -> None:
    assert said.code == code, said
    assert "Traceback" not in said.err
    last = said.err.strip().splitlines()[-1]
    assert last.startswith("sizewise: ")
    for part in parts:
        assert part in last, last


def test_a_segmenter_that_is_right_has_the_best_scores_at_every_size(
    cli: Cli, data: Path, segmenter: Path
) -> None:
    said = cli("evaluate", segmenter, "--data", data, "--sizes", "48x64,96", "--json")
    shares = rows(said)
    assert [row["size"] for row in shares] == ["48x64", "96x96"]
    for row in shares:
        assert (row["miou"], row["f_measure"]) == (1, 1)
        assert 0.3 < row["mae"] < 0.5  # its logits are small
        assert set(row["figures"]) == {"s_measure", "e_measure"}
        assert all(0.3 < share < 0.9 for share in row["figures"].values())
    whole = json.loads(said.out)
    assert whole["data"] == {"name": "val", "sha256": read_coco(data).sha256, "images": PICTURES}
    assert (whole["task"], whole["runs_in"]) == ("segmentation", "onnxruntime")


def test_people_get_a_table_and_the_next_step(cli: Cli, data: Path, segmenter: Path) -> None:
    said = cli("evaluate", segmenter, "--data", data, "--sizes", 64, "--backend", "openvino")
    assert said.code == 0, said
    assert f"bright.onnx in openvino, on {PICTURES} images of val" in said.err
    assert table_rows(said)[0][:3] == ["64x64", "1.000", "1.000"]
    assert "F-measure" in said.out
    assert "S-measure" in said.out
    assert "E-measure" in said.out
    assert "Evaluating at 64x64: done" in said.err
    assert "Pictures: letterbox, rgb, 0–1." in said.err
    words = ["--data", str(data), "--backend", "openvino", "--sizes", "64x64"]
    assert f"Next: sizewise {shlex.join(['bench', str(segmenter), *words])}" in said.err


FLAGS = {
    "--fit": "stretch",
    "--input-format": "bgr",
    "--range": "0-255",
    "--mean": "0.5,0.5,0.5",
    "--std": "0.5,0.25,0.5",
    "--score-threshold": "0.01",
    "--max-detections": "50",
    "--layout": "b_4c_n",
    "--backend": "onnxruntime",
}


def test_the_next_step_measures_the_same(cli: Cli, data: Path, tmp_path: Path) -> None:
    """All that changes the figures is in the line, as it was typed, and bench takes it."""
    model = write_finder(tmp_path / "foreign.onnx", layout="b_4c_n", card=None)
    names = tmp_path / "names.txt"
    names.write_text("red\nblue\n")
    flags = FLAGS | {"--names": str(names), "--images": str(data.parent), "--data": str(data)}
    given = [word for pair in flags.items() for word in pair]
    said = cli("evaluate", model, *given, "--sizes", "96")
    assert said.code == 0, said
    assert "Pictures: stretch, bgr, 0–255, mean 0.5/0.5/0.5, std 0.5/0.25/0.5." in said.err
    (line,) = [line for line in said.err.splitlines() if line.startswith("Next: ")]
    command, source, *words = shlex.split(line.removeprefix("Next: sizewise "))
    assert (command, source) == ("bench", str(model))
    pairs = dict(zip(words[::2], words[1::2], strict=True))
    assert pairs == flags | {"--sizes": "96x96"}
    foreseen = cli(command, source, *words, "--dry-run", "--json", "--out", tmp_path / "o")
    assert foreseen.code == 0, foreseen
    assert json.loads(foreseen.out)["trials"]


def test_the_json_says_how_pictures_were_given(cli: Cli, data: Path, segmenter: Path) -> None:
    said = cli("evaluate", segmenter, "--data", data, "--sizes", 64, "--fit", "stretch", "--json")
    document = json.loads(said.out)
    assert document["fit"] == "stretch"
    words = document["pictures"].pop("words")
    assert document["pictures"] == {"order": "rgb", "most": 1, "mean": [0] * 3, "std": [1] * 3}
    assert words == "rgb, 0–1"


def test_an_engines_next_step_reads_its_outputs_the_same(
    cli: Cli, data: Path, tmp_path: Path
) -> None:
    model = write_finder(tmp_path / "foreign.onnx", layout="b_4c_n", card=None)
    built = cli(
        *("build", model, "--strategy", "static", "--sizes", "96", "--backend", "onnxruntime"),
        *("--out", tmp_path / "engines", "--json"),
    )
    (engine,) = json.loads(built.out)["engines"]
    said = cli(
        *("evaluate", engine["path"], "--data", data, "--layout", "b_4c_n", "--fit", "stretch"),
        *("--score-threshold", "0.01"),
    )
    (line,) = [line for line in said.err.splitlines() if line.startswith("Next: ")]
    shown = shlex.join(["predict", engine["path"], "--layout", "b_4c_n", "--fit", "stretch"])
    assert line == f"Next: sizewise {shown} PICTURE…"


def test_a_detector_is_evaluated_as_bench_does_and_so_is_its_engine(
    cli: Cli, data: Path, tmp_path: Path
) -> None:
    size = Size(64, 96)
    box = Letterbox.fit(Size(HEIGHT, WIDTH), size).boxes_to_input(np.array(BOX, np.float32))
    model = colours(tmp_path / "model.onnx", tuple(box.tolist())).path
    right, wrong = rows(cli("evaluate", model, "--data", data, "--sizes", "64x96,64", "--json"))
    assert (right["ap"], right["ap50"]) == (pytest.approx(1), pytest.approx(1))
    assert wrong["ap"] < 0.5
    built = cli(
        *("build", model, "--strategy", "dynamic", "--sizes", "64x96,64", "--batch", 3),
        *("--out", tmp_path / "engines", "--json"),
    )
    (engine,) = json.loads(built.out)["engines"]
    by_engine = rows(cli("evaluate", engine["path"], "--data", data, "--json"))
    assert {row.pop("size"): row for row in by_engine} == {
        row.pop("size"): row for row in (right, wrong)
    }
    refused(
        cli("evaluate", engine["path"], "--data", data, "--backend", "openvino"),
        2,
        "built by onnxruntime",
    )


def test_a_detector_that_is_right_has_the_best_figures(
    cli: Cli, data: Path, tmp_path: Path
) -> None:
    size = Size(64, 96)
    box = Letterbox.fit(Size(HEIGHT, WIDTH), size).boxes_to_input(np.array(BOX, np.float32))
    model = colours(tmp_path / "model.onnx", tuple(box.tolist())).path
    said = cli("evaluate", model, "--data", data, "--sizes", size, "--metric", "voc07")
    assert said.code == 0, said
    cells = table_rows(said)
    assert ["64x96", "1.000", "1.000"] in cells
    assert cells[1:] == [["mAP", "1.000"], ["red", "1.000"], ["blue", "1.000"]]


@pytest.mark.parametrize("metric", ["coco", "voc07", "voc"])
def test_figures_are_those_of_the_metric(cli: Cli, data: Path, tmp_path: Path, metric: str) -> None:
    network = narrow_detector()
    path = tmp_path / "net.safetensors"
    save_checkpoint(path, network, Provenance())
    said = cli("evaluate", path, "--data", data, "--sizes", 64, "--metric", metric, "--json")
    expected = evaluated(network, read_coco(data), Size(64, 64)).figures(metric)
    document = json.loads(said.out)
    (row,) = document["rows"]
    assert document["metric"] == metric
    assert row["figures"] == expected.values
    assert row["ap_by_class"] == expected.ap_by_class
    assert set(row["ap_by_class"]) == {"red", "blue"}


def test_a_metric_of_boxes_is_refused_for_what_has_none(
    cli: Cli, data: Path, segmenter: Path
) -> None:
    refused(cli("evaluate", segmenter, "--data", data, "--metric", "voc"), 2, "--metric", "boxes")
    refused(cli("evaluate", segmenter, "--data", data, "--metric", "pascal"), 2, "voc07")


def test_a_checkpoint_is_evaluated_in_pytorch(cli: Cli, data: Path, tmp_path: Path) -> None:
    network = narrow_detector()
    path = tmp_path / "net.safetensors"
    save_checkpoint(path, network, Provenance())
    (row,) = rows(cli("evaluate", path, "--data", data, "--sizes", 64, "--json"))
    expected = evaluate_network(network, read_coco(data), Size(64, 64))
    assert scores_of(row) == {"size": "64x64"} | expected
    assert {row["figures"][name] for name in ("ap", "ap50")} == {row["ap"], row["ap50"]}
    refused(
        cli("evaluate", path, "--data", data, "--backend", "openvino"), 2, "--backend", "in PyTorch"
    )


def test_a_checkpoint_takes_the_other_fit(cli: Cli, data: Path, tmp_path: Path) -> None:
    network = narrow_detector()
    path = tmp_path / "net.safetensors"
    save_checkpoint(path, network, Provenance())
    call = ("evaluate", path, "--data", data, "--sizes", 64, "--json", "--fit")
    said = {fit: json.loads(cli(*call, fit).out) for fit in ("letterbox", "stretch")}
    assert {fit: document["fit"] for fit, document in said.items()} == {fit: fit for fit in said}
    for fit, document in said.items():
        expected = evaluate_network(
            network, read_coco(data), Size(64, 64), letterbox=fit == "letterbox"
        )
        assert list(map(scores_of, document["rows"])) == [{"size": "64x64"} | expected]
    refused(cli("evaluate", path, "--data", data, "--range", "0-255"), 2, "--range", "in PyTorch")


def test_a_classifier_has_top_1_and_top_5(cli: Cli, data: Path, tmp_path: Path) -> None:
    path = checkpoint(tmp_path, "darknet19", ("blue", "red", "green"))
    said = cli("evaluate", path, "--data", data, "--sizes", 64)
    assert said.code == 0, said
    expected = evaluate_network(load_checkpoint(path), crops_of(read_coco(data)), Size(64, 64))
    assert table_rows(said) == [["64x64", f"{expected['top1']:.3f}", f"{expected['top5']:.3f}"]]
    assert "top-1" in said.out
    assert f"Next: sizewise export {shlex.quote(str(path))} --dynamic" in said.err


def test_an_accuracy_of_nothing_is_told_with_what_to_check(cli: Cli, tmp_path: Path) -> None:
    model = write_finder(tmp_path / "finder.onnx")
    data = write_data(tmp_path, 160, 120)
    command = ("evaluate", model, "--data", data, "--sizes", 96)
    assert "Nothing right was found" not in cli(*command).err
    said = cli(*command, "--mean", "0.9,0.9,0.9")
    assert said.code == 0, said
    assert "Nothing right was found at any size. Check how pictures are given (--fit" in said.err
    assert "and how outputs are read (--layout, --names)." in said.err


def test_a_size_that_is_not_taken_has_a_row_with_the_reason(
    cli: Cli, data: Path, segmenter: Path
) -> None:
    model = with_card(segmenter, stride=32)
    command = ("evaluate", model, "--data", data)
    bad, good = rows(cli(*command, "--sizes", "100,96", "--json"), code=3)
    assert bad == {
        "size": "100x100",
        "reason": "height and width must be multiples of its stride 32",
    }
    assert good["miou"] == 1
    said = cli(*command, "--sizes", "100,96")
    assert said.code == 3
    assert "multiples of its stride 32" in said.out
    refused(cli(*command, "--sizes", "100,50"), 2, "100x100: height and", "50x50: height and")


def test_what_fails_at_one_size_costs_that_size_alone(
    cli: Cli, data: Path, segmenter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = engine_candidates._accuracy

    def failing(session: Any, card: Any, data: Any, size: Size, progress: Any) -> Any:
        if size.height > 64:
            raise InferenceError("No", "numbers are NaN", "Look.", reason_code="numerics")
        return whole(session, card, data, size, progress)

    monkeypatch.setattr(engine_candidates, "_accuracy", failing)
    command = ("evaluate", segmenter, "--data", data)
    good, bad = rows(cli(*command, "--sizes", "64,96", "--json"), code=3)
    assert (good["miou"], bad["reason"]) == (1, "No: numbers are NaN. Look.")
    refused(cli(*command, "--sizes", "96,128"), 1, "numbers are NaN")


def test_without_sizes_they_are_what_the_model_suggests(
    cli: Cli, data: Path, segmenter: Path, tmp_path: Path
) -> None:
    coarse = with_card(segmenter, stride=64, fusion="absi")
    said = cli("evaluate", coarse, "--data", data, "--json")
    assert json.loads(said.out)["fusion"] == "absi"
    suggested = rows(said)
    assert [row["size"] for row in suggested] == [
        f"{s}x{s}" for s in (256, 384, 512, 640, 768, 896)
    ]
    fixed = write_finder(tmp_path / "fixed.onnx", shape=(2, 3, 64, 96), card=FINDER)
    (own,) = rows(cli("evaluate", fixed, "--data", data, "--json"))
    assert own["size"] == "64x96"


def test_a_foreign_detector_is_read_by_the_layout_that_is_given(
    cli: Cli, data: Path, tmp_path: Path
) -> None:
    model = write_finder(tmp_path / "foreign.onnx", layout="b_4c_n", card=None)
    command = ("evaluate", model, "--data", data, "--sizes", "96")
    refused(cli(*command), 2, "does not say what they mean", "--layout", "b_n_5c")
    (row,) = rows(cli(*command, "--layout", "b_4c_n", "--json"))
    assert row["ap50"] > 0.5


def test_data_that_do_not_fit_are_refused(
    cli: Cli, data: Path, segmenter: Path, tmp_path: Path
) -> None:
    model = colours(tmp_path / "model.onnx", card=replace(CARD, classes=("red", "green"))).path
    refused(cli("evaluate", model, "--data", data), 1, "knows red, green, the data red, blue")
    boxed = without_masks(data)
    refused(cli("evaluate", segmenter, "--data", boxed), 1, "without a segmentation")
    path = checkpoint(tmp_path, "yolov3", ("red", "green"))
    refused(cli("evaluate", path, "--data", data, "--sizes", 64), 1, "blue are not among")
    refused(cli("evaluate", segmenter), 2, "--data")
    refused(cli("evaluate", segmenter, "--data", tmp_path / "no"), 1, "There is no data set")


def test_other_bad_input_is_refused_in_a_sentence(
    cli: Cli, data: Path, segmenter: Path, tmp_path: Path
) -> None:
    for name in ("junk.onnx", "junk.safetensors", "junk.pt"):
        (tmp_path / name).write_bytes(b"<html>404</html>")
    (tmp_path / "empty").mkdir()
    given = ("--data", data)
    refused(cli("evaluate", tmp_path / "junk.onnx", *given), 1, "isn't a valid ONNX file")
    refused(cli("evaluate", tmp_path / "junk.safetensors", *given), 1, "is no checkpoint")
    refused(cli("evaluate", tmp_path / "junk.pt", *given), 1, "isn't a checkpoint (.safetensors)")
    refused(cli("evaluate", tmp_path / "empty", *given), 1, "isn't an engine of sizewise")
    refused(cli("evaluate", tmp_path / "no.onnx", *given), 1, "no such file")
    refused(cli("evaluate", tmp_path / "no.safetensors", *given), 1, "no.safetensors")
    refused(cli("evaluate", segmenter, *given, "--sizes", "big"), 2, "'big'")
    refused(cli("evaluate", segmenter, *given, "--backend", "x"), 2, "openvino")
    classifier = with_card(segmenter, task="classification")
    said = cli("evaluate", classifier, *given, "--sizes", 64)
    refused(said, 1, "no scores of classes", "mask_logits [1, 1, 64, 64]")


def test_torch_is_not_needed_for_an_onnx_file(data: Path, segmenter: Path) -> None:
    program = "import sys; sys.modules['torch'] = None\nfrom sizewise.cli import main\nmain()"
    command = [sys.executable, "-c", program, "evaluate", segmenter, "--data", data, "--sizes", 64]
    ended = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "1.000" in ended.stdout
