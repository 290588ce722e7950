"""docs/demo, docs/fusion and the README say what raw records say (docs/make/reported.py)."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from docs.make import demo, recorded, reported
from docs.make.demo import DEMO
from docs.make.fusion import FUSION
from docs.make.pages import fill
from docs.make.reported import Example
from reports.findings.find import find
from reports.markdown import compose
from reports.plots import saved
from reports.plots.sweep import draw
from tests.reports.conftest import SIZES, Lab

PLACE = "<!-- one back end -->\n<!-- /one back end -->\n"


def _record(example: Example) -> Any:
    found = recorded.read_record(example.name)
    if found is None:
        pytest.skip(f"no record is committed yet: run python -m docs.make.{example.name}")
    return found


@pytest.mark.parametrize("example", [DEMO, FUSION], ids=lambda one: one.name)
def test_the_report_is_what_the_record_gives(example: Example) -> None:
    """Its text; pictures depend on the machine that draws them, and their titles are in it."""
    records = example.records_of(_record(example))
    text = compose(records, find(records), draw(records.verdicts))
    assert (example.out / "report.md").read_text(encoding="utf-8") == text


def test_the_table_of_the_readme_is_what_the_record_gives(tmp_path: Path) -> None:
    record = _record(DEMO)
    committed = demo.README.read_text(encoding="utf-8")
    copy = tmp_path / "README.md"
    copy.write_text(committed, encoding="utf-8")
    lines = demo.one_back_end(record, DEMO.records_of(record))
    fill(copy, {"one back end": lambda: lines})
    assert copy.read_text(encoding="utf-8") == committed


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_pictures: None) -> Path:
    """A house without a demo, and without its pages."""
    (tmp_path / "README.md").write_text(PLACE, encoding="utf-8")
    here = replace(DEMO, results=tmp_path / "results.sqlite", out=tmp_path)
    monkeypatch.setattr(demo, "DEMO", here)
    monkeypatch.setattr(demo, "README", tmp_path / "README.md")
    monkeypatch.setattr(recorded, "MEASURED", tmp_path)
    monkeypatch.setattr(saved, "DPI", 30)  # pictures take longer than all the rest
    monkeypatch.setattr("sys.argv", ["demo"])
    return tmp_path


def _pages(house: Path) -> dict[str, str]:
    return {name: (house / name).read_text("utf-8") for name in ("README.md", "report.md")}


def _measure(house: Path) -> None:
    lab = Lab(processes=4)
    Lab.file(house / "results.sqlite", lab.run(lab.sweep(sizes=SIZES[:2])))


def test_pages_are_rendered_again_without_the_results(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _measure(house)
    demo.main()
    made = _pages(house)
    (house / "results.sqlite").unlink()
    (house / "README.md").write_text(PLACE, encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["demo", "--page"])
    demo.main()
    assert _pages(house) == made
    assert made["report.md"].startswith("# yolov3 on Imaginary CPU")
    assert (house / demo.PICTURE).exists()


def test_the_demo_runs_where_it_has_no_results_and_its_stages_are_timed(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(configuration: str) -> str:
        assert configuration == "examples/digits.toml"
        _measure(house)
        return (
            "Training: done in 400.0 s\nBuilding engines: done in 19.3 s\n"
            "Measuring: 9/168, about 3 s left  160x160\nMeasuring: done in 305.0 s\n"
            "Accuracy: done in 57.8 s\n"
        )

    monkeypatch.setattr(reported, "run", run)
    demo.main()
    taken = {"Building engines": 19.3, "Measuring": 305.0, "Accuracy": 57.8}
    assert recorded.read_record(DEMO.name)["seconds"] == taken
    told = "2 cores (building 19 s, measuring 305 s, accuracy 58 s), the rows of one back end:"
    assert told in _pages(house)["README.md"]
    demo.main()  # of results that are there already: what took how long is not lost
    assert recorded.read_record(DEMO.name)["seconds"] == taken
    assert told in _pages(house)["README.md"]


def test_where_stages_were_not_timed_turns_tell_the_time(house: Path) -> None:
    """Somebody else ran the example: the lab's turns of four processes begin a second apart."""
    _measure(house)
    demo.main()
    assert recorded.read_record(DEMO.name)["seconds"] == {}
    told = "2 cores (measuring 15 s from the first turn to the last), the rows of one back end:"
    assert told in _pages(house)["README.md"]


def test_the_readme_and_the_report_judge_alike(house: Path) -> None:
    """What the report calls certain is so among the rows of one back end, and nothing else is."""
    _measure(house)
    demo.main()
    records = DEMO.records_of(recorded.read_record(DEMO.name))
    own = [row for row in records.rows if row.backend == demo.BACKEND]
    bold = set(re.findall(r"\*\*([^*]+)\*\*", _pages(house)["README.md"]))
    for row in own:
        (other,) = (one for one in own if one.size == row.size and one is not row)
        assert (row.latency in bold) == (records.verdicts.of(row, other).verdict == "FASTER")


def test_without_a_record_it_says_how_to_make_one(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["demo", "--page"])
    with pytest.raises(SystemExit, match=r"run python -m docs\.make\.demo"):
        demo.main()
