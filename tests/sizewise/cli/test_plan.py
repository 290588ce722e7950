"""``sizewise plan`` and ``sizewise replay`` at the terminal, over engines of the fake back end."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from reports.choice.planning import deciding
from reports.choice.planning.optimum.solving import Outcome
from reports.page.shell import why_no_page
from sizewise.core.specs import Size
from sizewise.core.specs.stored_plan import read_plan, write_plan
from tests.reports.conftest import Lab
from tests.sizewise.cli.conftest import Cli, Said
from tests.sizewise.sweeps import PICTURES

FILES = {"plan.json", "plan.png", "plan.svg"}


@pytest.fixture
def came(tmp_path: Path) -> Path:
    lines = "\n".join(f"{width},{height}" for width, height in PICTURES)
    table = tmp_path / "sizes.csv"
    table.write_text(f"width,height\n{lines}\n", encoding="utf-8")
    return table


@pytest.fixture
def results(planned_results: Path) -> Path:
    return planned_results


def plan(cli: Cli, results: Path, came: Path, *more: object, memory: object = 4000) -> Said:
    return cli("plan", results, "--traffic", came, "--max-memory-mib", memory, *more)


def test_a_plan_is_made_and_replayed(cli: Cli, results: Path, came: Path, tmp_path: Path) -> None:
    out = tmp_path / "plan"
    said = plan(cli, results, came, "--max-engines", 2, "--out", out)
    assert said.code == 0, said
    assert "Load 2 engines for sizes.csv (14 pictures of 4 sizes)" in said.out
    assert "Against one dynamic engine" in said.out
    page = set() if why_no_page() else {"plan.html"}
    assert {path.name for path in out.iterdir()} == {*FILES, *page, "engines"}
    found = read_plan(out)
    assert found.rule.side_px == 160
    assert found.rule.stride == 8
    assert {route.picture for route in found.routes} == {Size(h, w) for w, h in PICTURES}
    for engine in found.engines:
        assert (out / engine.artifact / "manifest.json").is_file()
        assert not Path(engine.artifact).is_absolute()
    moved = out.rename(tmp_path / "moved")
    again = cli("replay", moved, "--traffic", came, "--processes", 1, "--json")
    assert again.code == 0, again
    replayed = json.loads(again.out)
    assert replayed["pictures"] == len(PICTURES)
    # The fake's clock is scripted: a call takes what it took in the sweep, and an input that was
    # not measured no more than the larger one that stands for it.
    assert 0.9 < replayed["measured"]["mean_ms"] / replayed["expected"]["mean_ms"] < 1.02
    ran = ("--traffic", came, "--pictures", 3, "--processes", 1)
    table = cli("replay", moved / "plan.json", *ran)
    assert "The first 3 pictures" in table.out
    faster = replace(found, routes=tuple(replace(one, ms=one.ms / 2) for one in found.routes))
    write_plan(faster, moved / "plan.json")
    slower = cli("replay", moved, *ran)
    longer = re.search(r"Each input alone took (\d+\.\d) % longer than the plan says", slower.out)
    assert longer, slower
    assert float(longer[1]) == pytest.approx(200 * replayed["pace"] - 100, abs=10)


def test_engines_are_measured_together(cli: Cli, results: Path, came: Path, tmp_path: Path) -> None:
    out = tmp_path / "plan"
    said = plan(cli, results, came, "--max-engines", 2, "--measure", "--out", out, "--json")
    assert said.code == 0, said
    document = json.loads(said.out)
    (unreliable,) = document["missing"]
    assert "with too few processes" in unreliable
    assert unreliable.endswith("--force")
    together = document["together"]["measured"]["memory_mib"]
    assert document["plan"]["predicted"]["memory_mib"] == pytest.approx(together, rel=0.05)
    replayed = json.loads(cli("replay", out, "--traffic", came, "--json").out)
    assert replayed["measured"]["mean_ms"] == pytest.approx(
        replayed["expected"]["mean_ms"], rel=0.02
    )
    assert {one["place"]["engine"] for one in replayed["alone"]} == {
        one["name"] for one in document["plan"]["engines"]
    }


def test_what_can_not_be_planned_is_a_sentence(
    cli: Cli, results: Path, came: Path, tmp_path: Path
) -> None:
    out = ("--out", tmp_path / "plan")
    small = plan(cli, results, came, *out, memory=1)
    assert small.code == 2
    assert "one engine for all sizes takes" in small.err
    slow = plan(cli, results, came, *out, "--max-latency-ms", 0.0001)
    assert slow.code == 2
    assert "p99 can't be 0.0001 ms" in slow.err
    accurate = plan(cli, results, came, *out, "--min-ap", 0.5)
    assert accurate.code == 1
    assert "no accuracy was measured" in accurate.err
    large = plan(cli, results, came, *out, "--side", 640)
    assert large.code == 1
    assert "No engine can serve 1 size of sizes.csv" in large.err
    assert (
        "--sizes 536x640" in large.err or "--sizes 500x600" in large.err or "504x600" in large.err
    )
    batch = plan(cli, results, came, *out, "--batch", 3)
    assert batch.code == 1
    assert "batches that were measured: 1" in batch.err
    assert not (tmp_path / "plan" / "plan.json").exists()


def test_that_none_was_found_in_time_is_not_called_impossible(
    cli: Cli, results: Path, came: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deciding, "outcome", lambda *_, **__: Outcome(solution=None))
    for objective in ("mean", "p99"):
        said = plan(cli, results, came, "--objective", objective, "--out", tmp_path / "plan")
        assert said.code == 1
        assert "No set of engines for sizes.csv was found within 10 s" in said.err
        assert "that none keeps to these limits is not proven" in said.err


def test_results_of_another_machine_are_refused(cli: Cli, came: Path, tmp_path: Path) -> None:
    lab = Lab(processes=1, rounds=1)
    lab.file(tmp_path / "x.sqlite", lab.run(lab.sweep(["openvino"])))
    said = plan(cli, tmp_path / "x.sqlite", came, "--out", tmp_path / "plan")
    assert said.code == 1
    assert "another machine measured it" in said.err


def test_a_plan_whose_engines_are_not_its_own_is_not_run(
    cli: Cli, results: Path, came: Path, tmp_path: Path
) -> None:
    out = tmp_path / "plan"
    assert plan(cli, results, came, "--max-engines", 1, "--out", out).code == 0
    found = read_plan(out)
    (engine,) = found.engines
    write_plan(replace(found, engines=(replace(engine, sha256="0" * 64),)), out / "plan.json")
    other = cli("replay", out, "--traffic", came)
    assert other.code == 1
    assert "is another build" in other.err
    shutil.rmtree(out / "engines")
    gone = cli("replay", out, "--traffic", came)
    assert gone.code == 1
    assert "can't be run" in gone.err
