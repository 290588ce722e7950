"""Classifiers, and segmenters of several classes, that others exported: evaluated by the command
line, and compared with scikit-learn and PyTorch."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from tests.bench.class_nets import (
    CLASSES,
    SIDES,
    Blocks,
    Classified,
    classifier,
    segmenter,
    write_blocks,
    write_classified,
)
from tests.bench.models import CARD, colours
from tests.bench.pictures import write_pictures
from tests.sizewise.cli.conftest import Cli
from tests.sizewise.cli.test_evaluate import refused, rows, table_rows

metrics = pytest.importorskip("sklearn.metrics")
torch = pytest.importorskip("torch")

pytestmark = pytest.mark.usefixtures("in_process")

NAMES = tuple("hgfedcba")
"""Of a model, in its order; folders have the alphabet's."""
WEIGHTS = np.random.default_rng(2).normal(size=(3, len(NAMES)))
SIZE = "x".join(map(str, SIDES))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Classified:
    return write_classified(tmp_path_factory.mktemp("classified"), NAMES)


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> Blocks:
    return write_blocks(tmp_path_factory.mktemp("blocks"))


def write_names(folder: Path, *names: str) -> Path:
    path = folder / "names.txt"
    path.write_text("\n".join(names), encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", [{}, {"spare": (2, 3)}, {"softmax": True}])
@pytest.mark.parametrize(("named", "backend"), [(True, "openvino"), (False, "onnxruntime")])
def test_a_classifier_has_the_shares_of_scikit_learn(  # noqa: PLR0917 - fixtures
    cli: Cli, pictures: Classified, tmp_path: Path, kind: dict[str, Any], named: bool, backend: str
) -> None:
    model = classifier(tmp_path / "net.onnx", WEIGHTS, **kind)
    given = ("--names", write_names(tmp_path, *NAMES)) if named else ()
    data = ("--data", pictures.folder, "--sizes", "16")
    command = ("evaluate", model, *data, "--layout", "b_c", "--backend", backend)
    (row,) = rows(cli(*command, *given, "--json"))
    logits = pictures.colours @ WEIGHTS
    by_folder = logits[:, ::-1] if named else logits
    for k in (1, 5):
        expected = metrics.top_k_accuracy_score(
            pictures.labels, by_folder, k=k, labels=range(len(NAMES))
        )
        assert 0 < expected < 1
        assert row[f"top{k}"] == pytest.approx(expected)
    shown = table_rows(cli(*command, *given))
    assert shown == [["16x16", f"{row['top1']:.3f}", f"{row['top5']:.3f}"]]


def test_a_classifier_without_a_layout_is_answered_with_it(
    cli: Cli, pictures: Classified, tmp_path: Path
) -> None:
    model = classifier(tmp_path / "net.onnx", WEIGHTS)
    said = cli("evaluate", model, "--data", pictures.folder)
    refused(said, 2, "does not say what they mean", "By their shapes they may be b_c.")
    said = cli("bench", model, "--data", pictures.folder, "--out", tmp_path / "o")
    refused(said, 2, "does not say what its outputs mean", "By their shapes they may be b_c.")
    few = classifier(tmp_path / "few.onnx", WEIGHTS[:, :5])
    said = cli("evaluate", few, "--data", pictures.folder, "--sizes", 16, "--layout", "b_c")
    refused(said, 1, "scores 5 classes: 8 are in the data", "--names")
    said = cli(
        *(
            "predict",
            model,
            pictures.folder / "val/a/0.png",
            "--layout",
            "b_c",
            "--out",
            tmp_path / "o",
        )
    )
    refused(said, 1, "it is for classification, and predict is for detection and segmentation")


def expected_ious(blocks: Blocks, share: int) -> dict[str, float]:
    """By PyTorch's pooling and resizing, and scikit-learn's confusion matrix."""
    pooled = torch.nn.functional.avg_pool2d(pictures_of(blocks), share)
    background = torch.full((len(pooled), 1, *pooled.shape[2:]), 0.5)
    scores = torch.cat([background, pooled], 1)
    found = torch.nn.functional.interpolate(scores, SIDES, mode="bilinear").argmax(1).numpy()
    counted = blocks.labels != 255
    both = metrics.confusion_matrix(blocks.labels[counted], found[counted], labels=range(4))
    ious = np.diag(both) / (both.sum(0) + both.sum(1) - np.diag(both))
    return dict(zip(("background", *CLASSES), ious.tolist(), strict=True))


def pictures_of(blocks: Blocks) -> Any:
    """[N, 3, H, W], 0–1, as they lie in the folder."""
    from PIL import Image

    paths = sorted((blocks.folder / "val" / "images").iterdir())
    pixels: NDArray[np.uint8] = np.stack([np.asarray(Image.open(path)) for path in paths])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255


@pytest.mark.parametrize("share", [1, 2, 4])
def test_a_segmenter_of_classes_has_an_iou_for_each(
    cli: Cli, blocks: Blocks, tmp_path: Path, share: int
) -> None:
    model = segmenter(tmp_path / "net.onnx", share)
    command = ("evaluate", model, "--data", blocks.folder, "--sizes", SIZE, "--layout", "b_c_h_w")
    (row,) = rows(cli(*command, "--json"))
    expected = expected_ious(blocks, share)
    assert row["iou_by_class"] == pytest.approx(expected)
    assert row["miou"] == pytest.approx(np.mean(list(expected.values())))
    assert (row["miou"] < 1) == (share == 4)
    assert "f_measure" not in row
    said = cli(*command)
    assert table_rows(said) == [
        [SIZE, f"{row['miou']:.3f}"],
        *([name, f"{iou:.3f}"] for name, iou in expected.items()),
    ]
    assert "IoU (0–1)" in said.out


def test_numbers_of_classes_are_scored_as_the_classes(
    cli: Cli, blocks: Blocks, tmp_path: Path
) -> None:
    model = segmenter(tmp_path / "net.onnx", 4, numbers=True)
    command = ("evaluate", model, "--data", blocks.folder, "--sizes", SIZE)
    refused(cli(*command), 2, "By their shapes they may be b_h_w.")
    (row,) = rows(cli(*command, "--layout", "b_h_w", "--json"))
    assert (row["miou"], row["iou_by_class"]["green"]) == (1, 1)
    named = write_names(tmp_path, *CLASSES[:2])
    refused(cli(*command, "--layout", "b_h_w", "--names", named), 1, "blue are not among")


def test_classes_by_coco_and_by_masks_are_the_same(
    cli: Cli, blocks: Blocks, tmp_path: Path
) -> None:
    """What has no annotation is background there; and pixels of two classes are left out."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, truth in enumerate(blocks.labels, start=1):
        size = {"height": SIDES[0], "width": SIDES[1]}
        images.append({"id": number, "file_name": f"{number - 1}.png"} | size)
        for label in (1, 2, 3):
            inside = np.asfortranarray((truth == label) | (truth == 255), dtype=np.uint8)
            encoded = coco_mask.encode(inside)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": label,
                    "bbox": coco_mask.toBbox(encoded).tolist(),
                    "segmentation": encoded | {"counts": encoded["counts"].decode()},
                }
            )
    categories = [{"id": n, "name": name} for n, name in enumerate(CLASSES, start=1)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (tmp_path / "notes").mkdir()
    notes = tmp_path / "notes" / "val.json"
    notes.write_text(json.dumps(content), encoding="utf-8")
    model = segmenter(tmp_path / "net.onnx", 4)
    command = ("evaluate", model, "--sizes", SIZE, "--layout", "b_c_h_w", "--json")
    folder = blocks.folder / "val" / "images"
    (by_coco,) = rows(cli(*command, "--data", notes, "--images", folder))
    (by_masks,) = rows(cli(*command, "--data", blocks.folder))
    assert by_coco == by_masks


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_classes_are_drawn_and_given_as_coco_results(
    cli: Cli, blocks: Blocks, tmp_path: Path
) -> None:
    model = segmenter(tmp_path / "net.onnx", 1)
    picture = blocks.folder / "val" / "images" / "0.png"
    names = write_names(tmp_path, *CLASSES)
    command = ("predict", model, picture, "--layout", "b_c_h_w", "--size", SIZE, "--names", names)
    said = cli(*command, "--out", tmp_path / "out", "--json")
    assert said.code == 0, said
    pixels = pictures_of(blocks)[0].argmax(0).numpy() + 1
    pixels[pictures_of(blocks)[0].sum(0).numpy() == 0] = 0
    found = {one["category_id"]: one for one in json.loads(said.out)}
    assert set(found) == set(np.unique(pixels).tolist()) - {0}
    for label, one in found.items():
        mask = coco_mask.decode(one["segmentation"])
        np.testing.assert_array_equal(mask, pixels == label)
        assert (one["area"], one["score"]) == (mask.sum(), 1)
    words = cli(*command, "--out", tmp_path / "out").out
    assert f"red on {(pixels == 1).mean():.1%} of it" in words
    assert "background" not in words


def test_the_nms_that_was_used_is_said(cli: Cli, tmp_path: Path) -> None:
    data = write_pictures(tmp_path)
    model = colours(tmp_path / "model.onnx").path
    command = ("evaluate", model, "--data", data, "--sizes", "48x32")
    usual = json.loads(cli(*command, "--json").out)
    assert usual["nms"] == {
        "score_threshold": 0.001,
        "iou_threshold": 0.6,
        "max_detections": 300,
        "words": "scores above 0.001, IoU up to 0.6, 300 boxes at most",
    }
    assert "NMS: scores above 0.001, IoU up to 0.6, 300 boxes at most." in cli(*command).err
    asked = ("--score-threshold", "0.99", "--iou-threshold", "0.4", "--max-detections", "7")
    said = json.loads(cli(*command, *asked, "--json").out)
    assert said["nms"]["words"] == "scores above 0.99, IoU up to 0.4, 7 boxes at most"
    (row,) = said["rows"]
    assert (row["size"], row["ap"], row["ap50"]) == ("48x32", 0, 0)
    light = segmenter(tmp_path / "light.onnx", 1)
    said_of = cli("evaluate", light, "--data", data, "--layout", "b_c_h_w", *asked[:2])
    refused(said_of, 2, "--score-threshold can't be given for light.onnx", "for boxes of detectors")
    refused(cli(*command, "--score-threshold", 1.5), 2, "the score threshold is 1.5")


def test_pictures_may_lie_apart_from_their_annotations(cli: Cli, tmp_path: Path) -> None:
    data = write_pictures(tmp_path)
    apart = tmp_path / "notes" / "val.json"
    apart.parent.mkdir()
    model = colours(tmp_path / "model.onnx", card=CARD).path
    command = ("evaluate", model, "--sizes", "48x32", "--json")
    beside = json.loads(cli(*command, "--data", data).out)
    shutil.move(data, apart)
    said = json.loads(cli(*command, "--data", apart, "--images", tmp_path).out)
    assert said["data"]["sha256"] == beside["data"]["sha256"]
    assert said["rows"] == beside["rows"]
    nowhere = tmp_path / "nowhere"
    for asked in (
        ("evaluate", model),
        ("train", "yolov3-tiny", "--out", tmp_path / "out"),
        ("bench", model, "--backend", "onnxruntime", "--out", tmp_path / "out", "--sizes", 32),
    ):
        said_of = cli(*asked, "--data", apart, "--images", nowhere)
        refused(said_of, 1, f"looked for in {nowhere}", f"val.json lies in {apart.parent}")
        refused(cli(*asked, "--data", "digits", "--images", nowhere), 2, "--images can't be given")
    export = ("export", model, "--precision", "fp16", "--out", tmp_path / "out")
    said_of = cli(*export, "--data", apart, "--images", nowhere)
    refused(said_of, 1, f"looked for in {nowhere}")
    refused(cli(*export, "--images", nowhere), 2, "--images can't be given alone")
