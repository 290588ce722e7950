"""Each picture of a data set runs in the engine and at the input that a plan says for its size."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.accuracy.placed import evaluate_plan
from engines.planning.axes import EngineAxes
from engines.planning.specs import engine_specs
from engines.store.cache import obtain_engine
from netzoo.tasks.letterbox import Letterbox
from sizewise.core import codec
from sizewise.core.errors import InputError
from sizewise.core.specs import EngineArtifact, Size, Sizes
from sizewise.core.specs.plan import Place, Plan, PlannedEngine, Route
from sizewise.core.specs.stored_plan import write_plan
from tests.bench.models import colours
from tests.bench.pictures import BOX, HEIGHT, PICTURES, WIDTH, write_pictures
from tests.sizewise.core.planned import planned

pytestmark = pytest.mark.usefixtures("built_here")
PICTURE = Size(HEIGHT, WIDTH)
SMALL, LARGE = Size(48, 32), Size(64, 96)


def engine(folder: Path, size: Size) -> EngineArtifact:
    """Finds BOX in inputs of ``size``, and elsewhere in others."""
    box = Letterbox.fit(PICTURE, size).boxes_to_input(np.array(BOX, np.float32))
    model = colours(folder / f"{size}.onnx", tuple(box.tolist()))
    axes = EngineAxes(
        backends=("onnxruntime",), strategies=("dynamic",), sizes=Sizes((SMALL, LARGE)), threads=1
    )
    (spec,) = engine_specs((axes,))
    return obtain_engine(model, spec, folder / "engines")


def plan_of(folder: Path, artifacts: Iterable[EngineArtifact], place: Place) -> Plan:
    engines = tuple(
        PlannedEngine(
            name=str(number),
            model_sha256="m",
            spec=one.spec,
            sizes=(SMALL, LARGE),
            memory_mib=1.0,
            artifact=str(one.path.relative_to(folder)),
            sha256=one.sha256,
        )
        for number, one in enumerate(artifacts)
    )
    route = Route(picture=PICTURE, place=place, share=1.0, ms=1.0, accuracy=0.75)
    return replace(planned(), engines=engines, routes=(route,))


@pytest.mark.parametrize(
    ("place", "ap"),
    [
        (Place(engine="0", input=SMALL), 1),
        (Place(engine="1", input=LARGE), 1),
        (Place(engine="0", input=LARGE), 0),
        (Place(engine="1", input=SMALL), 0),
    ],
)
def test_pictures_run_at_their_place(tmp_path: Path, place: Place, ap: float) -> None:
    (tmp_path / "data").mkdir()
    data = write_pictures(tmp_path / "data")
    plan = plan_of(tmp_path, [engine(tmp_path, SMALL), engine(tmp_path, LARGE)], place)
    write_plan(plan, tmp_path / "plan.json")
    found = evaluate_plan(str(tmp_path), str(tmp_path / "plan.json"), str(data), 0)
    assert found["accuracy"]["images"] == PICTURES
    assert found["accuracy"]["ap50"] == pytest.approx(ap)
    assert found["expected"] == pytest.approx(0.75)


def test_sizes_that_the_traffic_had_not_are_not_expected(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    data = write_pictures(tmp_path / "data")
    plan = plan_of(tmp_path, [engine(tmp_path, SMALL)], Place(engine="0", input=SMALL))
    other = replace(plan.routes[0], picture=Size(5, 5))
    write_plan(replace(plan, routes=(other,)), tmp_path / "plan.json")
    found = evaluate_plan(str(tmp_path), str(tmp_path / "plan.json"), str(data), 3)
    assert found["expected"] is None
    assert found["accuracy"]["images"] == 3
    assert found["sizes"] == {str(PICTURE): 3}


def test_the_model_is_read_as_its_card_is_given(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    data = write_pictures(tmp_path / "data")
    artifact = engine(tmp_path, LARGE)
    write_plan(
        plan_of(tmp_path, [artifact], Place(engine="0", input=LARGE)), tmp_path / "plan.json"
    )
    given = (str(tmp_path), str(tmp_path / "plan.json"), str(data), 0)
    # In a picture that is stretched, the box is elsewhere than in one with grey around it.
    stretched = replace(artifact.card, letterbox=False)
    assert evaluate_plan(*given, codec.to_plain(stretched))["accuracy"]["ap50"] == 0
    cats = replace(artifact.card, classes=("cat", "dog"))
    with pytest.raises(InputError, match="the model knows cat, dog, the data red, blue"):
        evaluate_plan(*given, codec.to_plain(cats))
