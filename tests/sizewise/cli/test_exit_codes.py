"""One rule of exit codes for all commands, and ``docs/exit-codes.md`` says the same."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnx
import pytest
import typer

from bench.journal.store import Store
from bench.outcome import SweepOutcome
from bench.together import sweep_together
from engines.explaining import LayerTimes
from exporter.convert import Conversion
from sizewise.cli.app import app
from sizewise.core.errors import BuildError, ExportError
from sizewise.core.exit_codes import ExitCode
from sizewise.core.onnxfiles.model import read_model, write_card
from sizewise.core.specs import ExportedModel, ModelCard, Size
from sizewise.core.trials import Status
from sizewise.pipeline.build import Builds, Refusal
from sizewise.pipeline.evaluate import Evaluation, SizeScores
from tests.bench.factories import launch_in_process, quietly
from tests.engines.store.requests import Cache
from tests.engines.test_reference import write_not_finite
from tests.reports.conftest import Lab
from tests.reports.scripted import slower
from tests.sizewise.cli.colour_nets import SIZES, colour_detector
from tests.sizewise.cli.conftest import Cli, Said
from tests.sizewise.cli.exit_desk import set_desk
from tests.sizewise.cli.exit_lines import CODES, DAMAGED, DATA, LINES, MISSING, MORE, OPTION, OUTPUT

pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

PAGE = Path(__file__).parents[3] / "docs" / "exit-codes.md"
PICTURES = ("--images",)
"""Folders that are read."""
DATA_SETS = ("--data", "--calibrate", "--classification-data")


def all_commands() -> dict[str, Any]:
    """Those that the app itself has, by name."""
    group: Any = typer.main.get_command(app)
    context = group.make_context("sizewise", ["doctor"])
    return {name: group.get_command(context, name) for name in group.list_commands(context)}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return set_desk(tmp_path_factory.mktemp("desk"))


@pytest.fixture
def desk(files: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(files)
    return files


def is_refused(said: Said, code: int, line: str) -> None:
    assert said.code == code, (line, said)
    assert "Traceback" not in said.err
    assert "Something unexpected" not in said.err
    assert said.err.strip().splitlines()[-1].startswith("sizewise: "), (line, said)


@pytest.mark.parametrize(("command", "case"), [(name, case) for name in LINES for case in CODES])
def test_a_mistake_has_the_same_code_in_every_command(
    command: str, case: str, cli: Cli, desk: Path
) -> None:
    lines = ("--colour red",) if case == OPTION else LINES[command].get(case, ())
    for line in lines:
        is_refused(cli(command, *shlex.split(line)), CODES[case], f"{command} {line}")


def test_every_command_has_its_lines() -> None:
    assert set(all_commands()) == set(LINES)


@pytest.mark.parametrize("command", LINES)
def test_every_option_that_takes_a_file_is_tried(command: str) -> None:
    of = all_commands()[command]
    flags = {one.opts[0]: one.metavar for one in of.params if one.param_type_name == "option"}
    tried = {case: " ".join(LINES[command].get(case, ())).split() for case in CODES}
    for flag, kind in flags.items():
        if kind in ("PATH", "FILE") or flag in PICTURES:
            assert flag in tried[MISSING]
        if kind == "FOLDER" and flag not in PICTURES:
            assert flag in tried[OUTPUT]
        if flag in DATA_SETS:
            assert flag in tried[DATA]
    arguments = [one for one in of.params if one.param_type_name == "argument"]
    if any(one.metavar != "TABLE" for one in arguments):
        assert tried[MISSING]
        assert tried[DAMAGED]


@pytest.mark.parametrize("command", [name for name in LINES if LINES[name].get(DAMAGED)])
def test_a_file_without_permission_is_an_error_of_the_command_itself(
    command: str, cli: Cli, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Typer asks for it before the command is called, and would call it wrong usage."""
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    line = LINES[command][DAMAGED][0]
    is_refused(cli(command, *shlex.split(line)), 1, line)


def swept(status: Status) -> SweepOutcome:
    """A sweep of two trials: one is ``ok``, and one has another ``status``."""
    cell = SimpleNamespace(
        network="tiny", precision="fp32", backend="fake", strategy="static", size=Size(64, 64)
    )
    bad: Any = SimpleNamespace(
        trial=SimpleNamespace(cell=cell), status=status, reason_code="code", reason="Because."
    )
    return SweepOutcome(
        results=Path("results.sqlite"),
        measured=2,
        skipped=0,
        statuses={"ok": 1, status: 1},
        not_all_well=(bad,),
    )


def bench_ends(cli: Cli, patch: pytest.MonkeyPatch, status: Status) -> Said:
    patch.setattr("bench.sweep.sweep", lambda *_, **__: swept(status))
    return cli("bench", "tiny.onnx", "--json")


def run_ends(cli: Cli, patch: pytest.MonkeyPatch, status: Status) -> Said:
    report = SimpleNamespace(
        path=Path("report.md"), page=Path("report.html"), no_page="", decision=(), findings=()
    )
    done = SimpleNamespace(outcome=swept(status), report=report)
    patch.setattr("sizewise.pipeline.line.export_line", lambda *_: ())
    patch.setattr("sizewise.pipeline.line.measure_line", lambda *_, **__: done)
    return cli("run", "line.toml", "--json")


def evaluate_ends(cli: Cli, patch: pytest.MonkeyPatch) -> Said:
    row = SizeScores(size=Size(64, 64), reason="Because.")
    found = Evaluation(
        source=Path("finder.onnx"),
        card=ModelCard(network="finder"),
        runs_in="fake",
        data="data val",
        data_sha256="",
        images=1,
        metrics={},
        rows=(row,),
    )
    patch.setattr("sizewise.pipeline.evaluate.evaluate", lambda *_, **__: found)
    return cli("evaluate", "finder.onnx", "--data", "data", "--json")


def export_ends(cli: Cli, patch: pytest.MonkeyPatch) -> Said:
    """One precision fails, and the other is made."""
    graph = Conversion.graph

    def fails(self: Conversion, *rest: Any) -> Any:
        if self.precision.name == "bf16":
            raise ExportError("The pass broke", "it is Monday", "Mend it.")
        return graph(self, *rest)

    patch.setattr(Conversion, "graph", fails)
    source = colour_detector(Path("source.onnx")).path
    line = ("--precision", "bf16,fp16", "--check-sizes", SIZES, "--out", "made", "--json")
    said = cli("export", source, *line)
    assert json.loads(said.out)[-1]["error"]["why"] == "it is Monday"
    return said


def explain_ends(cli: Cli, patch: pytest.MonkeyPatch) -> Said:
    """The engine of the FP32 file fails, and the other is explained without it."""

    def profiled(model: ExportedModel, *_: object) -> LayerTimes:
        if model.card.precision == "fp32":
            raise BuildError("It failed", "it did", "Try again.", reason_code="code")
        return LayerTimes(total_ms=1.0, layers={})

    patch.setattr("sizewise.pipeline.models.one_engine.profiled", profiled)
    line = ("half.onnx", "--sizes", "64", "--backend", "onnxruntime", "--json")
    said = cli("explain", *line)
    (refused,) = json.loads(said.out)["refused"]
    assert refused["file"].endswith("tiny.onnx")
    return said


def build_ends(cli: Cli) -> Said:
    """What was built is kept, and shown beside what was refused."""
    said = cli(
        *("build", "tiny.onnx", "--backend", "fake,onnxruntime", "--strategy", "profiles"),
        *("--sizes", "64,96", "--out", "partly"),
    )
    built, _, refused = said.out.partition("Not built")
    assert "fake" in built
    assert "onnxruntime" in refused
    assert len(list(Path("partly").glob("*/manifest.json"))) == 1
    assert "1 of 2 engines were not built: the table says why" in said.err
    assert "Next: sizewise bench tiny.onnx" in said.err
    return said


def results_ends(cli: Cli) -> Said:
    """What is whole is saved, and what is not is listed."""
    said = cli("results", "torn.sqlite", "--salvage", "saved.sqlite", "--json")
    assert json.loads(said.out)["not_whole"]["wave"]
    with Store.open(Path("saved.sqlite"), read_only=True) as store:
        assert store.results()
    return said


def build_is_invalid(cli: Cli) -> Said:
    """The FP32 file itself gives NaN, which is no agreement of anything with it."""
    write_not_finite(Path("nan.onnx"))
    options = ("--strategy", "static", "--sizes", "64", "--out", "invalid")
    said = cli("build", "nan.onnx", *options, "--json")
    (failed,) = json.loads(said.out)["failed"]
    assert failed["reason_code"] == "numerics"
    assert failed["why"] == "boxes: it is not finite in the FP32 file"
    assert "1 of 1 engines failed when they were compared: failed says why" in said.err
    return said


def predict_ends(cli: Cli) -> Said:
    """COCO results are a list, and what failed stands on stderr."""
    return cli("predict", "finder.onnx", "data/0.png", "absent.png", "--json", "--quiet")


def data_ends(cli: Cli) -> Said:
    """A picture is broken, and the others are counted."""
    shutil.copytree("data", "partly-data")
    next(Path("partly-data").glob("*.png")).write_bytes(b"")
    said = cli("data", "check", "partly-data", "--json", "--out", "sheets")
    parts = json.loads(said.out)["parts"]
    assert [one["kind"] for part in parts for one in part["skipped"]][:1] == ["picture"]
    assert all(part["pictures"] for part in parts)
    return said


def verify_ends(cli: Cli) -> Said:
    """One engine is whole, and of the other a file is missing."""
    good = Cache(read_model(Path("tiny.onnx")), Path("verified/good")).obtain().path
    bad = shutil.copytree(good, Path("verified/bad") / good.name)
    (bad / "engine.txt").unlink()
    said = cli("cache", "verify", "verified", "--json")
    whys = [one["why"] for one in json.loads(said.out)["engines"]]
    assert "checksum" in whys[0]
    assert whys[1] == ""
    return said


def compare_ends(cli: Cli, slower_by: float) -> Said:
    """Two nights apart: a large slow-down is certain, a small one is in doubt."""
    for name, session, factor in (("base", 1, 1.0), ("new", 2, slower_by)):
        lab = Lab(seed=session, session=session, processes=12)
        results = [slower(result, factor) for result in lab.sweep(sizes=(Size(64, 64),))]
        if not Path(f"{name}-{slower_by}.sqlite").exists():
            lab.file(Path(f"{name}-{slower_by}.sqlite"), lab.run(results))
    return cli("compare", f"base-{slower_by}.sqlite", f"new-{slower_by}.sqlite", "--strict")


def measured_ends(cli: Cli, patch: pytest.MonkeyPatch) -> Said:
    """One engine of both is compared, and one back end does not take the new model."""
    proto = onnx.load("tiny.onnx")
    write_card(proto, ModelCard(network="tiny", precision="bf16", stride=8))
    onnx.save(proto, "bf16.onnx")
    here = partial(sweep_together, launch=launch_in_process, watch=quietly)
    patch.setattr("bench.together.sweep_together", here)
    engines = ("--backend", "fake,onnxruntime", "--strategy", "static", "--sizes", "64")
    few = ("--threads", 1, "--processes", 1, "--allow-fallback", "--out", "both", "--json")
    said = cli("compare", "--measure", "tiny.onnx", "bf16.onnx", *engines, *few)
    document = json.loads(said.out)
    assert [pair["engine"] for pair in document["pairs"]] == ["fake static"]
    assert document["only_base"] == ["onnxruntime static at 64×64"]
    (reason,) = document["reasons"]
    assert reason["code"] == "unsupported_precision"
    return said


ENDS: dict[tuple[str, int], Callable[[Cli, pytest.MonkeyPatch], Said]] = {
    ("run", 3): lambda cli, patch: run_ends(cli, patch, "failed"),
    ("run", 4): lambda cli, patch: run_ends(cli, patch, "invalid"),
    ("bench", 3): lambda cli, patch: bench_ends(cli, patch, "failed"),
    ("bench", 4): lambda cli, patch: bench_ends(cli, patch, "invalid"),
    ("data", 3): lambda cli, _: data_ends(cli),
    ("build", 3): lambda cli, _: build_ends(cli),
    ("cache", 3): lambda cli, _: verify_ends(cli),
    ("build", 4): lambda cli, _: build_is_invalid(cli),
    ("evaluate", 3): evaluate_ends,
    ("export", 3): export_ends,
    ("explain", 3): explain_ends,
    ("predict", 3): lambda cli, _: predict_ends(cli),
    ("results", 3): lambda cli, _: results_ends(cli),
    ("best", 3): lambda cli, _: cli("best", "made.sqlite", "--max-latency-ms", "0.000001"),
    ("compare", 3): measured_ends,
    ("compare", 4): lambda cli, _: compare_ends(cli, 1.02),
    ("compare", 5): lambda cli, _: compare_ends(cli, 1.5),
}


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("command", "code"), [(name, code) for name, codes in MORE.items() for code in codes]
)
def test_what_was_done_in_part_has_a_code_and_its_reasons(
    command: str, code: int, cli: Cli, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = ENDS[command, code](cli, monkeypatch)
    assert said.code == code, said
    if command in ("run", "bench"):
        (reason,) = json.loads(said.out)["reasons"]
        assert (reason["code"], reason["why"], reason["trials"]) == ("code", "Because.", 1)
        engine = [reason[name] for name in ("network", "precision", "backend", "strategy")]
        assert (engine, reason["sizes"]) == (["tiny", "fp32", "fake", "static"], ["64x64"])
    if command == "predict":
        assert any(
            line.startswith("sizewise: The picture absent.png") for line in said.err.splitlines()
        )
        assert isinstance(json.loads(said.out), list)


def nothing_swept(cli: Cli, patch: pytest.MonkeyPatch, command: str, **changes: Any) -> Said:
    """A sweep of which no trial is ``ok``, and none failed."""
    outcome = replace(swept("unsupported"), statuses={"unsupported": 1}, measured=0, **changes)
    patch.setattr("bench.sweep.sweep", lambda *_, **__: outcome)
    report = SimpleNamespace(
        path=Path("report.md"), page=Path("report.html"), no_page="", decision=(), findings=()
    )
    done = SimpleNamespace(outcome=outcome, report=report)
    patch.setattr("sizewise.pipeline.line.export_line", lambda *_: ())
    patch.setattr("sizewise.pipeline.line.measure_line", lambda *_, **__: done)
    return cli(command, {"bench": "tiny.onnx", "run": "line.toml"}[command], "--json", "--quiet")


@pytest.mark.parametrize("command", ["bench", "run"])
def test_a_sweep_of_nothing_has_an_error_in_its_json(
    command: str, cli: Cli, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = nothing_swept(cli, monkeypatch, command)
    is_refused(said, 1, command)
    document = json.loads(said.out)
    assert len(document["reasons"]) == 1
    assert document["error"]["what"] == "No trial could be measured"
    assert document["error"]["why"] == "Because"
    cut = nothing_swept(cli, monkeypatch, command, unfinished=1, not_all_well=())
    assert "limit of time" in json.loads(cut.out)["error"]["why"]
    assert json.loads(cut.out)["error"]["option"] == "--max-minutes"


def test_a_build_of_nothing_has_an_error_in_its_json(cli: Cli, desk: Path) -> None:
    line = ("build", "tiny.onnx", "--backend", "onnxruntime", "--strategy", "profiles")
    given = (*line, "--sizes", "64,96", "--out", "nothing")
    plain, said = cli(*given), cli(*given, "--json", "--quiet")
    is_refused(plain, 1, "build")
    is_refused(said, 1, "build --json")
    document = json.loads(said.out)
    (refused,) = document["refused"]
    same = ("type", "what", "why", "todo")
    assert [document["error"][key] for key in same] == [refused[key] for key in same]
    assert said.err.strip() == plain.err.strip().splitlines()[-1]


def test_builds_that_fail_for_several_reasons_are_told_in_one_error(
    cli: Cli, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec: Any = SimpleNamespace()
    refused = tuple(
        Refusal(spec=spec, error=BuildError(f"Engine {one}", f"reason {one}", "Look."))
        for one in range(5)
    )
    monkeypatch.setattr("sizewise.cli.build._refusal", lambda one: one.error.to_json())
    monkeypatch.setattr(
        "sizewise.pipeline.build.build", lambda *_, **__: Builds(built=(), refused=refused)
    )
    said = cli("build", "tiny.onnx", "--json")
    is_refused(said, 1, "build")
    error = json.loads(said.out)["error"]
    assert (error["type"], error["what"]) == ("BuildError", "No engine was built")
    reasons = "; ".join(f"Engine {one}: reason {one}" for one in range(3))
    assert error["why"] == f"{reasons}; and 2 more"


def test_unsupported_rows_beside_measured_ones_are_a_success(
    cli: Cli, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bench_ends(cli, monkeypatch, "unsupported").code == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_what_can_not_be_printed_is_an_error() -> None:
    program = "from sizewise.cli import main; main()"
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-c", program, "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == 1, ended.stderr
    assert "no space left on device" in ended.stderr
    assert "Traceback" not in ended.stderr


def rows(header: str) -> Iterator[list[str]]:
    """The cells of the table of the page with this header."""
    head = re.compile(rf"^\| {re.escape(header)} \|\n\|[-:| ]+\n", re.MULTILINE)
    _, table = head.split(PAGE.read_text(encoding="utf-8"))
    for line in table.splitlines():
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


def test_the_page_has_the_codes() -> None:
    assert {int(code): meaning for code, meaning in rows("code | meaning")} == {
        int(code): code.meaning for code in ExitCode
    }


def test_the_page_has_the_code_of_every_mistake() -> None:
    assert {case: int(code) for case, code in rows("what is wrong | code")} == CODES


def test_the_page_has_every_command_with_its_codes() -> None:
    found = {name.strip("`"): codes for name, codes, _ in rows("command | more | when")}
    listed = {name: ", ".join(map(str, MORE.get(name, ()))) or "–" for name in LINES}
    assert found == listed
