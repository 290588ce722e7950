"""docs/networks.md says what the raw records say (docs/make/networks.py)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from docs.make import networks, networks_page, networks_ratios, recorded
from reports.method.describe import EARLIER
from sizewise.core.specs import Size
from sizewise.core.stats import contrast
from sizewise.core.trials import EARLIER_HARNESS, Result, Run
from tests.reports.conftest import Lab

SMALL, LARGE = (Size(64, 64), Size(96, 96)), (Size(128, 128), Size(256, 256))
COSTS: dict[str, Any] = {
    name: {
        **{"size": "416x416", "parameters": 1000, "bflops": 1.5, "strides": [32], "task": "x"},
        **{"smallest": "64x64", "export": {"seconds": 12.3, "nodes": 45}},
    }
    for name in ("a", "b", "c")
}


def _results(lab: Lab, network: str, sizes: tuple[Size, ...]) -> list[Result]:
    """Of dynamic engines; files tell networks apart by their hash."""
    sha256 = network.encode().hex().ljust(64, "0")
    engines: dict[str, Any] = {
        "strategy": "dynamic",
        "sizes": sizes,
        "network": network,
        "model_sha256": sha256,
    }
    return [
        lab.ok(lab.trial(backend, size=size, **engines))
        for size in sizes
        for backend in networks_page.BACKENDS
    ]


def _tables(text: str) -> list[list[str]]:
    """The lines of each table of latencies, without its heads."""
    text, _, _ = text.partition("The latency of onnxruntime over")
    _, *tables = text.split("\n\n| network |")
    return [table.split("\n\n")[0].splitlines()[2:] for table in tables[1:]]


def test_the_page_is_what_the_records_give() -> None:
    text = networks.rendered()
    if text is None:
        pytest.skip("no record of the networks is committed yet: run make networks")
    assert networks.PAGE.read_text(encoding="utf-8") == text


def test_networks_with_the_same_sizes_share_a_table_over_all_runs() -> None:
    """A sweep that was resumed has several runs."""
    lab = Lab(processes=3)
    first = lab.run([*_results(lab, "a", SMALL)])
    second = lab.run([*_results(lab, "b", SMALL), *_results(lab, "c", LARGE)])
    text = networks_page.page(COSTS, [first, second])
    tables = _tables(text)
    assert [[line.split(" | ")[0] for line in table] for table in tables] == [
        ["| a", "| b"],
        ["| c"],
    ]
    assert text.count("| a | 416x416 | 1,000 | 1.500 | 32 | 64x64 | 12 | 45 |") == 1
    assert EARLIER not in text


def test_what_was_measured_again_stands_as_the_later_run_has_it() -> None:
    lab = Lab(processes=3)
    slow = replace(lab, pace=10.0)
    before, after = (lab.run(_results(one, "a", SMALL)) for one in (slow, lab))
    assert networks_page.page(COSTS, [before, after]) == networks_page.page(COSTS, [after])


def test_rows_of_an_earlier_harness_are_said_to_be_so() -> None:
    lab = Lab(processes=3, harness=EARLIER_HARNESS)
    assert EARLIER in networks_page.page(COSTS, [lab.run(_results(lab, "a", SMALL))])


def test_it_is_told_how_little_was_measured_and_ratios_stand_beside_milliseconds() -> None:
    lab = Lab(processes=3)
    results = _results(lab, "a", SMALL)
    text = networks_page.page(COSTS, [lab.run(results)])
    assert (
        "Each engine was measured in 3 processes of 4 rounds, in turns of 5 warm calls after 2 "
        "cold calls. By default it would be 8 processes or more, 12 rounds and 5 calls or more"
    ) in text
    assert "wandered" not in text
    _, table = text.split("by the rounds in which both had a turn:\n\n")
    cells = [cell.strip() for cell in table.splitlines()[2].strip("|").split("|")]
    assert table.splitlines()[0] == "| network | 64x64 | 96x96 |"
    for size, cell in zip(SMALL, cells[1:], strict=True):
        group = [one for one in results if one.trial.cell.size == size]
        ours, theirs = group
        ratio = contrast(ours, theirs, group)
        assert cell == f"{ratio.ratio:.2f} ({ratio.low:.2f}–{ratio.high:.2f})"
    restless = [
        replace(
            one,
            blocks=tuple(
                replace(block, anchor_ns=5e6 * (1 + 0.3 * (turn % 2)))
                for turn, block in enumerate(one.blocks)
            ),
        )
        for one in results
    ]
    text = networks_page.page(COSTS, [lab.run(restless)])
    assert "Milliseconds wandered by 1" in text
    assert "take the ratios of back ends below" in text


def _large(lab: Lab) -> Run:
    """All of the smaller sweep."""
    sizes = tuple(Size(side, side) for side in (384, 512, 640))
    names = ("yolov4-p6", "yolov4-p7")
    return lab.run([one for name in names for one in _results(lab, name, sizes)])


def test_a_sweep_is_whole_where_all_of_it_is_on_file() -> None:
    run = _large(Lab(processes=3, rounds=1))
    assert networks.is_whole("networks-large", [run])
    assert not networks.is_whole("networks-large", [])
    assert not networks.is_whole("networks-large", [replace(run, results=run.results[1:])])
    assert not networks.is_whole("networks-large", [_large(Lab(processes=2, rounds=1))])
    earlier = _large(Lab(processes=3, rounds=1, harness=EARLIER_HARNESS))
    assert not networks.is_whole("networks-large", [earlier])
    lab = Lab()
    refused = [lab.bad(one.trial, "unsupported") for one in run.results]
    assert networks.is_whole("networks-large", [replace(run, results=tuple(refused))])


def test_whole_results_are_taken_without_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Notes of exports and results are enough to write both records and the page."""
    monkeypatch.setattr(recorded, "MEASURED", tmp_path)
    monkeypatch.setattr(networks, "OUT", tmp_path)
    monkeypatch.setattr(networks, "PAGE", tmp_path / "networks.md")
    monkeypatch.setattr(networks, "SWEEPS", ("networks-large",))
    monkeypatch.setattr(networks, "_sizewise", lambda *words, **_: _listed(words))
    monkeypatch.setattr("sys.argv", ["networks"])
    for name in ("yolov4-p6", "yolov4-p7"):
        (tmp_path / f"{name}.json").write_text('{"seconds": 7.1, "nodes": 8}', encoding="utf-8")
    (tmp_path / "networks-large").mkdir()
    Lab.file(tmp_path / "networks-large" / "results.sqlite", _large(Lab(processes=3, rounds=1)))
    networks.main()
    page = (tmp_path / "networks.md").read_text(encoding="utf-8")
    assert "| yolov4-p7 | 416x416 | 1,000 | 1.500 | 32 | 64x64 | 7 | 8 |" in page
    assert [line[:11] for line in _tables(page)[0]] == ["| yolov4-p6", "| yolov4-p7"]
    monkeypatch.setattr("sys.argv", ["networks", "--page"])
    (tmp_path / "networks-large" / "results.sqlite").unlink()
    networks.main()
    assert (tmp_path / "networks.md").read_text(encoding="utf-8") == page


def _listed(words: tuple[str, ...]) -> str:
    """What ``sizewise networks --json`` prints; nothing else may be asked for."""
    assert words == ("networks", "--json")
    plain = {key: value for key, value in COSTS["a"].items() if key != "export"}
    zoo = dict.fromkeys(("yolov4-p6", "yolov4-p7"), plain)
    return json.dumps(zoo | {"multiscale": plain | {"task": "segmentation"}})


def test_without_records_it_says_how_to_make_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded, "MEASURED", tmp_path)
    monkeypatch.setattr("sys.argv", ["networks", "--page"])
    with pytest.raises(SystemExit, match="run make networks"):
        networks.main()


def test_the_page_says_why_turns_are_marked() -> None:
    lab = Lab(processes=3)
    quiet, loud = (
        replace(one, blocks=tuple(replace(b, disturbed=why, load=0.02) for b in one.blocks))
        for one, why in zip(_results(lab, "a", SMALL), ((), ("stopped",)), strict=False)
    )
    assert networks_ratios.marked([quiet]) == ""
    said = networks_ratios.marked([quiet, loud])
    assert f"waited for more than a second ({len(loud.blocks)})" in said
    assert "took 2 % of the cores" in said
