"""``sizewise plan --data``: the accuracy of the plan itself, of real engines."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from bench.planning.settings import SweepSettings
from bench.sweep import sweep
from netzoo.tasks.letterbox import Letterbox
from sizewise.core.specs import Size, Sizes
from sizewise.core.specs.stored_plan import read_plan
from tests.bench.factories import quietly
from tests.bench.models import colours_by_height
from tests.bench.pictures import BOX, HEIGHT, PICTURES, WIDTH, write_pictures
from tests.sizewise.cli.conftest import Cli, Said

PICTURE, SQUARE = Size(HEIGHT, WIDTH), Size(64, 64)
pytestmark = pytest.mark.usefixtures("quiet_machine", "undrawn")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results without accuracy, of a model that finds the box in squares alone, in engines for a
    square and for pictures as they are; the pictures, and a traffic with three quarters of such."""
    folder = tmp_path_factory.mktemp("made")
    box = Letterbox.fit(PICTURE, SQUARE).boxes_to_input(np.array(BOX, np.float32))
    boxes = (tuple(box.tolist()), (0.0, 0.0, 1.0, 1.0))
    model = colours_by_height(folder / "squares.onnx", boxes, SQUARE.height)
    settings = SweepSettings(
        backends=("onnxruntime",),
        strategies=("static",),
        sizes=Sizes((PICTURE, SQUARE)),
        threads=1,
        processes=1,
        rounds=1,
        block_calls=2,
        block_s=0.0,
    )
    sweep((model,), settings, folder / "run", watch=quietly)
    (folder / "data").mkdir()
    write_pictures(folder / "data")
    (folder / "came.csv").write_text("width,height\n32,48\n32,48\n32,48\n64,64\n", "utf-8")
    return folder


def plan(cli: Cli, made: Path, out: Path, *more: object) -> Said:
    given = ("--traffic", made / "came.csv", "--max-memory-mib", 4000, "--out", out)
    return cli("plan", made / "run" / "results.sqlite", *given, *more)


def test_a_plan_keeps_to_its_limit_as_measured(cli: Cli, made: Path, tmp_path: Path) -> None:
    out = tmp_path / "plan"
    said = plan(cli, made, out, "--data", made / "data")
    assert said.code == 0, said
    found = read_plan(out)
    assert {route.place.input for route in found.routes} == {SQUARE}
    assert found.measured is not None
    assert found.measured.images == PICTURES
    assert found.measured.accuracy == pytest.approx(1)
    assert found.measured.expected == pytest.approx(1)
    assert found.measured.covered == pytest.approx(0.75)
    assert found.predicted.accuracy == pytest.approx(1)
    words = " ".join(said.out.split())
    assert f"Measured on {PICTURES} images of data val, each at the place of its own" in words
    assert "AP 1.000, where 1.000 was expected" in words
    assert "75.0 % have a size that these images have" in words

    # The accuracy of squares is on file now, and a plan without data expects what it says.
    again = plan(cli, made, tmp_path / "again", "--max-engines", 2, "--json")
    assert again.code == 0, again
    document = json.loads(again.out)
    assert "measured" not in document["plan"] or document["plan"]["measured"] is None
    assert document["plan"]["predicted"]["accuracy"] == pytest.approx(1)
    assert any("--data measures it" in one for one in document["missing"])


def test_data_that_can_not_be_used_are_a_sentence(cli: Cli, made: Path, tmp_path: Path) -> None:
    out = tmp_path / "plan"
    absent = plan(cli, made, out, "--data", tmp_path / "absent")
    assert absent.code == 1
    assert "There is no data set" in absent.err
    coco = json.loads((made / "data" / "val.json").read_text("utf-8"))
    empty = made / "data" / "empty.json"
    empty.write_bytes(msgspec.json.encode(coco | {"annotations": []}))
    nothing = plan(cli, made, out, "--data", empty)
    assert nothing.code == 1
    assert "nothing is annotated in the data" in nothing.err
    others = [{"id": 10, "name": "cat"}, {"id": 20, "name": "dog"}]
    other = made / "data" / "other.json"
    other.write_bytes(msgspec.json.encode(coco | {"categories": others}))
    cats = plan(cli, made, out, "--data", other)
    assert cats.code == 1
    assert "the model knows red, blue" in cats.err
    assert not out.exists()
