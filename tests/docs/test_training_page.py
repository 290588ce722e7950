"""docs/training-measured.md says what the raw records say (docs/make/training)."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.make.training import joint, recipes, scales, tables
from docs.make.training.figures import Run
from netzoo.training.loading.draws import size_at
from netzoo.training.settings import TrainingSettings
from sizewise.core.specs import Sizes


def test_the_page_is_what_the_records_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed = tables.PAGE.read_text(encoding="utf-8")
    copy = tmp_path / "page.md"
    copy.write_text(committed, encoding="utf-8")
    monkeypatch.setattr(tables, "PAGE", copy)
    monkeypatch.setattr(tables, "draw_scales", lambda *_: None)
    tables.main()
    assert copy.read_text(encoding="utf-8") == committed


@pytest.mark.parametrize("plan", scales.PLANS, ids=lambda plan: plan.name)
def test_every_plan_sees_about_as_many_pixels(plan: scales.Plan) -> None:
    settings = TrainingSettings(
        steps=scales.STEPS, size_every=10, sizes=Sizes.parse(plan.sizes), level=True
    )
    sizes = [size_at(step, settings) for step in range(scales.STEPS)]
    pixels = sum(size.pixels * count for size, count in plan.images_seen(sizes))
    assert pixels == pytest.approx(scales.STEPS * scales.BATCH * scales.SIDE**2, rel=0.03)


def test_each_training_has_a_name_of_its_own() -> None:
    names = [one.name for kind in (scales, recipes, joint) for one in kind.asked()]
    assert len(set(names)) == len(names) == 18 + 8 + 2


def test_a_figure_is_that_of_its_size_and_metric() -> None:
    rows = {
        metric: [
            {"size": f"{side}x{side}", "figures": {"ap50": side * share}, "ap_by_class": {}}
            for side in (96, 128)
        ]
        for metric, share in (("coco", 0.001), ("voc", 0.002))
    }
    run = Run(plain={"name": "one", "evaluated": rows})
    assert run.figure(128, "ap50") == pytest.approx(0.128)
    assert run.figure(96, "ap50", "voc") == pytest.approx(0.192)
