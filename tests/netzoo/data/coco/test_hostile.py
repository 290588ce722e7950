"""A COCO JSON from elsewhere: whatever it says, an error with a sentence or what is right."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netzoo.data.coco.dataset import read_coco
from netzoo.data.coco.format import CocoCategory, CocoFile, Rle, load_coco_json
from netzoo.data.coco.segments import check_segment, draw_mask, rle_runs
from netzoo.data.coco.tidying import tidy
from sizewise.core.errors import InputError
from sizewise.core.options.limits import Limit
from tests.netzoo.data.coco.broken import campaign
from tests.netzoo.data.coco.mutants import MOST

WriteCoco = Callable[[dict[str, Any]], Path]
PIXELS = 120 * 160


@pytest.mark.parametrize(
    "runs",
    [
        [MOST, MOST, 2, PIXELS],  # adds up to the pixels in 64 bits
        [2**64, PIXELS],
        [2**62] * 4 + [PIXELS],
        [-1, 1, PIXELS],
        [2**32, 2**64 - 2**32, PIXELS],
        [PIXELS + 1, -1],
        [],
    ],
)
def test_runs_that_overflow_are_refused(runs: list[int]) -> None:
    with pytest.raises(ValueError, match="do not add up"):
        check_segment(Rle(size=(120, 160), counts=runs), 120, 160)


def test_a_code_of_overflowing_differences_is_refused() -> None:
    largest = "oooooo?"  # seven characters, a number of 35 bits
    with pytest.raises(ValueError, match="do not add up"):
        check_segment(Rle(size=(120, 160), counts=largest * 2000), 120, 160)
    with pytest.raises(ValueError, match="SIZEWISE_MAX_RUN_LENGTH_CODE"):
        rle_runs("0" * (2**24 + 1))


def test_an_outline_that_fills_the_memory_is_refused() -> None:
    zigzag = [[float(x) for _ in range(20_000) for x in (0, 0, 160, 120)]]
    with pytest.raises(ValueError, match=r"pixels of outline .*SIZEWISE_MAX_OUTLINE"):
        check_segment(zigzag, 120, 160)
    with pytest.raises(ValueError, match="far beyond"):
        check_segment([[0.0, 0.0, float("nan"), 5.0, 9.0, 9.0]], 120, 160)


def test_a_comb_of_hundreds_of_teeth_is_drawn() -> None:
    comb = [float(v) for x in range(0, 640, 2) for v in (x, 0, x, 479, x + 1, 479, x + 1, 0)]
    assert draw_mask([[comb]], 480, 640).any()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda coco: coco["images"][0].update(height=10**6, width=10**6), "SIZEWISE_MAX_PIXELS"),
        (lambda coco: coco["images"][0].update(height=10**30), "COCO JSON|SIZEWISE_MAX_PIXELS"),
        (lambda coco: coco["images"][0].update(id=10**30), "COCO JSON|64 bits"),
        (lambda coco: coco["categories"][0].update(id=2**64), "64 bits|COCO JSON|no category"),
    ],
)
def test_numbers_are_held_against_limits(
    change: Callable[[Any], None], reason: str, small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    path = write_json(small_coco)
    change(small_coco)
    path.write_text(json.dumps(small_coco))
    with pytest.raises(InputError, match=reason):
        read_coco(path)


def test_classes_are_counted(
    small_coco: dict[str, Any], write_json: WriteCoco, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = Limit("SIZEWISE_MAX_CLASSES", 1, "classes")
    monkeypatch.setattr("netzoo.data.coco.checks.CLASSES", limit)
    with pytest.raises(InputError, match="Set the variable SIZEWISE_MAX_CLASSES"):
        read_coco(write_json(small_coco))


def test_many_categories_are_tidied_at_once() -> None:
    """Each is looked at once: a hundred thousand are no quadrillion comparisons."""
    many = [CocoCategory(id=number, name="same") for number in range(100_000)]
    file = CocoFile(images=[], annotations=[], categories=many)
    assert tidy(file).file.categories == many[:1]


@pytest.mark.parametrize(("left", "right"), [("[", "]"), ('{"a":', "}")])
@pytest.mark.parametrize("key", ["images", "info"])
def test_nesting_ends_in_a_sentence(key: str, left: str, right: str, tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    path.write_text(f'{{"{key}": {left * 100_000}1{right * 100_000}}}')
    with pytest.raises(InputError, match=r"deep\.json is no COCO JSON"):
        load_coco_json(path)


def test_a_large_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.json"
    path.write_text(" " * 11)
    limit = Limit("SIZEWISE_MAX_ANNOTATION_BYTES", 10, "bytes")
    monkeypatch.setattr("netzoo.data.coco.format.ANNOTATION_BYTES", limit)
    with pytest.raises(InputError, match="Set the variable SIZEWISE_MAX_ANNOTATION_BYTES"):
        load_coco_json(path)


@pytest.fixture
def secret(small_coco: dict[str, Any], write_json: WriteCoco) -> Path:
    """A data set in a folder, beside a picture that is none of its."""
    home = write_json(small_coco).parent / "home"
    (home / "annotations").mkdir(parents=True)
    (home / "images").mkdir()
    for name in ("a.png", "b.png"):
        found = next(p for p in home.parent.rglob(name) if home not in p.parents)
        shutil.copy(found, home.parent / f"secret_{name}")
        shutil.copy(found, home / "images" / name)
    return home


NAMES = [
    ("{out}/secret_a.png", "{out}/secret_b.png"),
    ("../secret_a.png", "../secret_b.png"),
    ("../../secret_a.png", "../../secret_b.png"),
    ("images/../../secret_a.png", "images/../../secret_b.png"),
    ("..\\\\..\\\\secret_a.png", "..\\\\..\\\\secret_b.png"),
    ("a.png", "{out}/secret_b.png"),
]


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("place", ["val.json", "annotations/val.json", "images/val.json"])
@pytest.mark.parametrize("named", [False, True])
def test_names_do_not_lead_out_of_the_data_set(
    names: tuple[str, str], place: str, named: bool, small_coco: dict[str, Any], secret: Path
) -> None:
    for image, name in zip(small_coco["images"], names, strict=True):
        image["file_name"] = name.replace("\\\\", "\\").format(out=secret.parent)
    (secret / place).write_text(json.dumps(small_coco))
    with pytest.raises(InputError, match=r"leads out of the data set's folder|are missing"):
        read_coco(secret / place, secret / "images" if named else None)


@pytest.mark.parametrize(
    ("names", "place"),
    [
        (("a.png", "b.png"), "images/val.json"),
        (("images/a.png", "images/b.png"), "val.json"),
        (("../images/a.png", "../images/b.png"), "annotations/val.json"),
        (("images/../images/a.png", "./images/b.png"), "val.json"),
        (("{home}/images/a.png", "{home}/images/b.png"), "val.json"),
        (("{home}/images/a.png", "{home}/images/b.png"), "annotations/val.json"),
        (("/elsewhere/a.png", "/elsewhere/b.png"), "val.json"),
        (("../../upload/1/a.png", "../../upload/1/b.png"), "val.json"),
    ],
)
def test_names_within_the_data_set_are_followed(
    names: tuple[str, str], place: str, small_coco: dict[str, Any], secret: Path
) -> None:
    for image, name in zip(small_coco["images"], names, strict=True):
        image["file_name"] = name.format(home=secret)
    (secret / place).write_text(json.dumps(small_coco))
    found = read_coco(secret / place)
    assert [image.path.resolve() for image in found.images] == [
        secret / "images" / name for name in ("a.png", "b.png")
    ]


def test_the_folder_that_is_named_may_be_any(small_coco: dict[str, Any], secret: Path) -> None:
    for image, name in zip(small_coco["images"], ("a", "b"), strict=True):
        image["file_name"] = f"{secret.parent}/secret_{name}.png"
    (secret / "val.json").write_text(json.dumps(small_coco))
    found = read_coco(secret / "val.json", Path("/"))
    assert [image.path.name for image in found.images] == ["secret_a.png", "secret_b.png"]


def test_mutated_annotations_end_in_a_sentence_or_are_read_as_they_are(tmp_path: Path) -> None:
    found = campaign(30, 0, tmp_path)
    assert found.violations == []
    assert found.kinds == {"read", "refused"}
