"""Pictures through the command line: boxes in the JSON and on the picture stand where they should.

The model finds the white rectangle, so a wrong turn, a wrong scale or a wrong offset shows.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from netzoo.tasks.colours import class_colour
from sizewise.core.specs import Suppression
from tests.sizewise.cli.conftest import Cli, Said
from tests.sizewise.cli.finders import CARD, write_finder

pytestmark = pytest.mark.usefixtures("in_process")
HEIGHT, WIDTH = 240, 150
BOX = (30, 100, 110, 220)
"""x0 y0 x1 y1 of the white rectangle, in the upright picture."""
_BACK = {1: None, 3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90}
"""By EXIF orientation: how an upright picture lies in the file."""


def write_picture(path: Path, *, rectangle: bool = True, orientation: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    upright = Image.new("RGB", (WIDTH, HEIGHT), (40, 60, 20))
    if rectangle:
        upright.paste((255, 255, 255), BOX)
    turn = _BACK[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    (upright.transpose(turn) if turn else upright).save(path, exif=exif, quality=95)
    return path


def results(said: Said, code: int = 0) -> list[dict[str, Any]]:
    assert said.code == code, said
    found = json.loads(said.out)
    assert isinstance(found, list)
    return found


def expect_box(result: dict[str, Any], tolerance: float = 3) -> None:
    x0, y0, x1, y1 = BOX
    np.testing.assert_allclose(result["bbox"], [x0, y0, x1 - x0, y1 - y0], atol=tolerance)


def refused(said: Said, code: int, *parts: str) -> None:
    assert said.code == code, said
    assert "Traceback" not in said.err
    last = said.err.strip().splitlines()[-1]
    assert last.startswith("sizewise: ")
    for part in parts:
        assert part in last, last


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all, so that an engine is built once."""
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def finder(models: Path) -> Path:
    return write_finder(models / "finder.onnx")


@pytest.mark.parametrize("lying", [("a.jpg", 1), ("a.jpg", 3), ("a.jpg", 6), ("a.png", 6)])
def test_the_box_is_where_the_object_is_in_a_picture_that_lies_on_its_side(
    cli: Cli, finder: Path, out: Path, tmp_path: Path, lying: tuple[str, int]
) -> None:
    name, orientation = lying
    picture = write_picture(tmp_path / name, orientation=orientation)
    said = cli("predict", finder, picture, "--size", "192x256", "--out", out, "--json")
    (result,) = results(said)
    expect_box(result)
    assert (result["image_id"], result["category_id"], result["file_name"]) == (1, 2, str(picture))
    assert result["score"] == pytest.approx(0.9)
    drawn = np.asarray(Image.open(out / picture.name)).astype(int)
    assert drawn.shape == (HEIGHT, WIDTH, 3)
    x, y, width, height = (round(side) for side in result["bbox"])
    middle = (
        (y + height // 2, x),
        (y + height // 2, x + width - 1),
        (y + height - 1, x + width // 2),
    )
    for place in middle:
        assert np.abs(drawn[place] - class_colour(1)).max() < 40


@pytest.mark.parametrize(
    "says",
    [
        {"letterbox": False},
        {"layout": "sizewise_nms", "suppression": Suppression()},
        {"layout": "b_4c_n"},
        {"layout": "b_n_5c"},
    ],
)
def test_every_layout_and_stretched_models_find_the_same(
    cli: Cli, models: Path, out: Path, tmp_path: Path, says: dict[str, Any]
) -> None:
    card = replace(CARD, **says)
    model = write_finder(models / f"{card.layout}.onnx", layout=card.layout, card=card)
    picture = write_picture(tmp_path / "a.png", orientation=6)
    said = cli("predict", model, picture, "--size", "192x256", "--out", out, "--json")
    (result,) = results(said)
    expect_box(result)
    assert (result["category_id"], result["score"]) == (2, pytest.approx(0.9))


def test_a_foreign_file_is_read_by_the_layout_and_the_names_that_are_given(
    cli: Cli, models: Path, out: Path, tmp_path: Path
) -> None:
    model = write_finder(models / "foreign.onnx", layout="b_4c_n", card=None)
    names = tmp_path / "names.txt"
    names.write_text("night\nsnow\n")
    picture = write_picture(tmp_path / "a.png")
    refused(cli("predict", model, picture, "--out", out), 2, "does not say", "--layout", "b_n_5c")
    said = cli("predict", model, picture, "--out", out, "--layout", "b_4c_n", "--names", names)
    assert said.code == 0, said
    assert said.out == f"{picture}: 1× snow → {out / 'a.png'}\n"
    assert "Next:" in said.err
    unnamed = cli("predict", model, picture, "--out", out, "--layout", "b_4c_n")
    assert "1× class 1" in unnamed.out


def test_an_engine_finds_what_its_file_does(cli: Cli, finder: Path, tmp_path: Path) -> None:
    picture = write_picture(tmp_path / "a.png", orientation=6)
    built = cli(
        *("build", finder, "--backend", "onnxruntime,openvino", "--strategy", "static"),
        *("--sizes", "192x256", "--batch", "2", "--out", tmp_path / "engines", "--json"),
    )
    for engine in json.loads(built.out)["engines"]:
        said = cli("predict", engine["path"], picture, "--out", tmp_path / "o", "--json")
        (result,) = results(said)
        expect_box(result)
    folder = engine["path"]
    given = ("predict", folder, picture, "--out", tmp_path / "o")
    refused(cli(*given, "--size", 64), 2, "does not take 64x64", "192x256")
    refused(cli(*given, "--backend", "onnxruntime"), 2, "built by openvino")
    refused(cli(*given, "--layout", "b_4c_n"), 2, "its layout is sizewise")
    (Path(folder) / "manifest.json").unlink()
    refused(cli(*given), 1, "isn't an engine of sizewise", "sizewise build")


def test_a_file_of_fixed_size_and_batch_is_run_at_its_own(
    cli: Cli, models: Path, tmp_path: Path
) -> None:
    model = write_finder(models / "fixed.onnx", shape=(2, 3, 192, 256))
    folder = tmp_path / "pictures"
    for name in ("a.png", "b.png", "c.png"):
        write_picture(folder / name)
    found = results(cli("predict", model, folder, "--out", tmp_path / "o", "--json"))
    assert [result["image_id"] for result in found] == [1, 2, 3]
    for result in found:
        expect_box(result)
    said = cli("predict", model, folder / "a.png", "--size", 64, "--out", tmp_path / "o")
    refused(said, 2, "fixed to 192")


def test_the_usual_size_is_rounded_up_to_the_stride(cli: Cli, models: Path, tmp_path: Path) -> None:
    model = write_finder(models / "coarse.onnx", card=replace(CARD, stride=128))
    picture = write_picture(tmp_path / "a.png")
    assert cli("predict", model, picture, "--out", tmp_path / "o").code == 0
    (engine,) = (tmp_path / "o" / "engines").iterdir()
    assert "512x512" in engine.name
    refused(
        cli("predict", model, picture, "--size", 416, "--out", tmp_path / "o"),
        2,
        "multiples of its stride 128",
        "384x384 and 512x512",
    )


def test_one_bad_picture_in_a_folder_costs_itself_alone(
    cli: Cli, finder: Path, out: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mixed"
    for name in ("b.png", "d.jpg"):
        write_picture(folder / name)
    write_picture(folder / "c.png", rectangle=False)
    (folder / "a.png").write_bytes(b"no picture")
    whole = (folder / "d.jpg").read_bytes()
    (folder / "e.jpg").write_bytes(whole[: len(whole) // 2])
    Image.fromarray(np.full((9, 9), 999, np.uint16)).save(folder / "f.png")
    (folder / ".hidden.png").write_bytes(b"")
    (folder / "notes.txt").write_text("no picture, and not taken for one")
    said = cli("predict", finder, folder, folder / "absent.png", "--out", out)
    assert said.code == 3, said
    assert said.out.splitlines() == [
        f"{folder / 'b.png'}: 1× white → {out / 'b.png'}",
        f"{folder / 'c.png'}: nothing → {out / 'c.png'}",
        f"{folder / 'd.jpg'}: 1× white → {out / 'd.jpg'}",
    ]
    for name, why in (
        ("a.png", "none of BMP"),
        ("e.jpg", "truncated"),
        ("f.png", "more than 8 bits"),
        ("absent.png", "No such file"),
    ):
        assert any(name in line and why in line for line in said.err.splitlines()), (name, said.err)
    assert "4 of 7 pictures failed" in said.err
    assert "Predicting: done" in said.err
    again = results(cli("predict", finder, folder, "--out", out, "--json"), code=3)
    assert [(r["image_id"], Path(r["file_name"]).name) for r in again] == [
        (2, "b.png"),
        (4, "d.jpg"),
    ]


def test_a_picture_whose_scores_are_no_numbers_costs_itself_alone(
    cli: Cli, models: Path, out: Path, tmp_path: Path
) -> None:
    model = write_finder(models / "nan.onnx", nan=True)
    blank = write_picture(tmp_path / "blank.png", rectangle=False)
    said = cli("predict", model, blank, write_picture(tmp_path / "a.png"), "--out", out)
    assert said.code == 3, said
    assert "scores are NaN" in said.err
    assert "a.png: 1× white" in said.out
    refused(cli("predict", model, blank, "--out", out), 1, "scores are NaN")


def test_nothing_but_bad_pictures_is_an_error(
    cli: Cli, finder: Path, out: Path, tmp_path: Path
) -> None:
    bad = [tmp_path / name for name in ("a.png", "b.png")]
    for path in bad:
        path.write_bytes(b"")
    refused(cli("predict", finder, bad[0], "--out", out), 1, "a.png can't be decoded")
    said = cli("predict", finder, *bad, "--out", out, "--json")
    refused(said, 1, "Nothing was predicted", "a.png can't be decoded", "b.png can't be decoded")
    error = json.loads(said.out)["error"]
    assert error["what"] == "Nothing was predicted"
    assert all(
        f"The picture {path} can't be decoded: it is none of" in error["why"] for path in bad
    )


def test_quiet_hides_no_reason(cli: Cli, finder: Path, out: Path, tmp_path: Path) -> None:
    good = write_picture(tmp_path / "good.png")
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"")
    said = cli("--quiet", "predict", finder, good, bad, "--out", out, "--json")
    assert len(results(said, code=3)) == 1
    reason, total = said.err.splitlines()
    assert reason.startswith(f"sizewise: The picture {bad} can't be decoded: ")
    assert total.startswith("sizewise: 1 of 2 pictures failed")


def test_pictures_of_one_name_do_not_overwrite_each_other(
    cli: Cli, finder: Path, tmp_path: Path
) -> None:
    places = ("one/a.png", "two/a.png", "two/a.bmp", "two/A.PNG", "two/a-2.png", "two/a.jpg")
    pictures = [write_picture(tmp_path / place) for place in places]
    said = cli("predict", finder, *pictures, pictures[0], "--out", tmp_path / "o")
    assert said.code == 0, said
    drawn = [Path(line.rpartition(" → ")[2]).name for line in said.out.splitlines()]
    assert drawn == ["a.png", "a-2.png", "a-3.png", "A-4.png", "a-2-2.png", "a.jpg"]
    assert all((tmp_path / "o" / name).is_file() for name in drawn)


def test_pictures_are_never_drawn_over_themselves(cli: Cli, finder: Path, tmp_path: Path) -> None:
    picture = write_picture(tmp_path / "a.png")
    before = picture.read_bytes()
    refused(cli("predict", finder, picture, "--out", tmp_path), 1, "overwritten", "--out")
    assert picture.read_bytes() == before


def test_thresholds_decide_what_is_shown(cli: Cli, finder: Path, out: Path, tmp_path: Path) -> None:
    picture = write_picture(tmp_path / "a.png")
    base = ("predict", finder, picture, "--size", "192x256", "--out", out, "--json")
    assert [r["category_id"] for r in results(cli(*base, "--score-threshold", 0.05))] == [2, 1]
    limited = cli(*base, "--score-threshold", 0.05, "--max-detections", 1)
    assert [r["category_id"] for r in results(limited)] == [2]
    assert results(cli(*base, "--score-threshold", 0.95)) == []
    refused(cli(*base, "--score-threshold", 2), 2, "score threshold is 2")
    refused(cli(*base, "--iou-threshold", -1), 2, "IoU threshold is -1")
    refused(cli(*base, "--max-detections", 0), 2, "--max-detections")


def test_a_graph_that_suppresses_can_not_be_asked_for_more(
    cli: Cli, models: Path, out: Path, tmp_path: Path
) -> None:
    card = replace(CARD, layout="sizewise_nms", suppression=Suppression(score_threshold=0.3))
    model = write_finder(models / "nms.onnx", layout="sizewise_nms", card=card)
    base = ("predict", model, write_picture(tmp_path / "a.png"), "--out", out, "--json")
    for asked in (("--iou-threshold", 0.5), ("--score-threshold", 0.2), ("--max-detections", 999)):
        refused(cli(*base, *asked), 2, "NMS is in its graph", "without --nms")
    assert len(results(cli(*base, "--score-threshold", 0.5))) == 1
    assert results(cli(*base, "--score-threshold", 0.95)) == []


def test_classes_of_a_tree_give_one_label_each(
    cli: Cli, models: Path, out: Path, tmp_path: Path
) -> None:
    card = replace(CARD, classes=("animal", "thing", "dog", "cat"), tree=(-1, -1, 0, 0))
    scores = (0.8, 0.1, 0.42, 0.35)
    model = write_finder(models / "tree.onnx", card=card, scores=scores)
    base = ("predict", model, write_picture(tmp_path / "a.png"), "--out", out, "--json")
    (certain,) = results(cli(*base))
    assert (certain["category_id"], certain["score"]) == (1, pytest.approx(0.8))
    (narrower,) = results(cli(*base, "--tree-threshold", 0.4))
    assert (narrower["category_id"], narrower["score"]) == (3, pytest.approx(0.42))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"task": "segmentation"}, "mask_logits [1, 1, 416, 416] was expected for one image"),
        ({"task": "classification", "layout": "unknown"}, "it is for classification"),
        ({"task": "unknown", "layout": "raw"}, "the layout of its outputs is raw"),
    ],
)
def test_a_model_that_finds_no_boxes_is_refused(
    cli: Cli, out: Path, tmp_path: Path, changes: dict[str, Any], why: str
) -> None:
    model = write_finder(tmp_path / "other.onnx", card=replace(CARD, **changes))
    refused(cli("predict", model, write_picture(tmp_path / "a.png"), "--out", out), 1, why)


def test_what_does_not_fit_the_outputs_is_refused_with_their_shapes(
    cli: Cli, models: Path, finder: Path, out: Path, tmp_path: Path
) -> None:
    picture = write_picture(tmp_path / "a.png")
    foreign = write_finder(models / "misread.onnx", layout="b_4c_n", card=None)
    base = ("predict", foreign, picture, "--out", out)
    refused(cli(*base, "--layout", "sizewise"), 1, "boxes and scores", "output0 [1, 6, 1]")
    refused(cli(*base, "--layout", "rows"), 2, "'rows'", "b_4c_n")
    names = tmp_path / "names.txt"
    names.write_text("one\ntwo\nthree\n")
    said = cli(*base, "--layout", "b_4c_n", "--names", names)
    refused(said, 1, "2 classes instead of 3", "class names")
    refused(cli("predict", finder, picture, "--out", out, "--names", names), 1, "there are 3")


def test_other_bad_input_is_refused_in_a_sentence(
    cli: Cli, finder: Path, out: Path, tmp_path: Path
) -> None:
    picture = write_picture(tmp_path / "a.png")
    (tmp_path / "empty").mkdir()
    refused(cli("predict", finder, tmp_path / "empty", "--out", out), 1, "no pictures in")
    refused(cli("predict", tmp_path / "no.onnx", picture, "--out", out), 1, "no such file")
    refused(cli("predict", picture, picture, "--out", out), 1, "isn't a valid ONNX file")
    refused(cli("predict", finder, picture, "--out", out, "--size", "big"), 2, "'big'")
    refused(cli("predict", finder, picture, "--out", out, "--backend", "x"), 2, "openvino")
    refused(cli("predict", finder, picture, "--out", picture / "o"), 1, "can't be written")
    of_four = write_finder(tmp_path / "four.onnx", shape=("b", 4, "h", "w"))
    said = cli("predict", of_four, picture, "--out", out)
    refused(said, 1, "of 1 or 3 channels", "a segmenter of pictures with 1 or 3 channels")


def test_torch_is_not_needed(finder: Path, out: Path, tmp_path: Path) -> None:
    picture = write_picture(tmp_path / "a.png")
    program = "import sys; sys.modules['torch'] = None\nfrom sizewise.cli import main\nmain()"
    command = [sys.executable, "-c", program, "predict", finder, picture, "--out", out]
    ended = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "1× white" in ended.stdout
