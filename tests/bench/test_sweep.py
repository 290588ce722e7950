from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bench.journal import database
from bench.journal.store import Store
from bench.planning.estimate import estimate
from bench.planning.settings import SweepSettings
from bench.remote import RemoteWorker
from bench.sweep import SweepOutcome, sweep
from bench.waves.launch import Limits
from bench.waves.member import APART_WAVES
from engines.backends.fake import Fake, FakeOptions
from netzoo.data.coco.dataset import read_coco
from sizewise.core.errors import InferenceError, InputError, OutputError, RecordError, UsageError
from sizewise.core.options.declared import fill
from sizewise.core.progress import Stage
from sizewise.core.specs import ExportedModel
from sizewise.core.trials import Result
from tests.bench.factories import InProcess, launch_in_process, quietly
from tests.bench.models import CARD, colours
from tests.bench.pictures import PICTURES, write_pictures
from tests.engines.typed_nets import write_quantized_net

pytestmark = pytest.mark.usefixtures("built_here")

QUICK: dict[str, Any] = {
    "backends": ["fake"],
    "strategies": ["static"],
    "sizes": "32,64",
    "processes": 2,
    "rounds": 2,
    "block_s": 0,
    "threads": 1,
}
NOW: dict[str, Any] = {"launch": launch_in_process, "watch": quietly}


@pytest.fixture
def model(tmp_path: Path) -> ExportedModel:
    return colours(tmp_path / "colours.onnx", box=(0, 0, 8, 8))


def swept(out: Path, *models: ExportedModel, **keys: Any) -> SweepOutcome:
    settings = fill(SweepSettings, QUICK | keys)
    return sweep(models, settings, out, command="sizewise bench", **NOW)


def on_file(outcome: SweepOutcome) -> list[Result]:
    with Store.open(outcome.results, read_only=True) as store:
        return [result for run in store.runs() for result in run.results]


def test_a_sweep_files_every_trial_once(tmp_path: Path, model: ExportedModel) -> None:
    first = swept(tmp_path / "out", model)
    again = swept(tmp_path / "out", model)
    assert (first.measured, first.skipped, first.exit_code) == (2, 0, 0)
    assert (again.measured, again.skipped, again.statuses) == (0, 2, {"ok": 2})
    results = on_file(again)
    assert [str(r.trial.cell.size) for r in results] == ["32x32", "64x64"]
    assert all(len(r.blocks) == 4 and len(r.blocks[0].warm_ns) == 5 for r in results)


def test_only_what_is_new_is_measured(tmp_path: Path, model: ExportedModel) -> None:
    out = tmp_path / "out"
    before = on_file(swept(out, model))
    grown = swept(out, model, strategies=["static", "dynamic"], sizes="32,64,96")
    assert (grown.measured, grown.skipped) == (4, 2)
    for old, now in zip(before, on_file(grown), strict=False):
        assert now.blocks[: len(old.blocks)] == old.blocks, "what was measured stays"
    retrained = colours(tmp_path / "colours.onnx", box=(1, 1, 9, 9))
    assert swept(out, retrained).measured == 2
    assert swept(out, retrained, threads=2).measured == 2


def test_what_was_run_is_on_file(tmp_path: Path, model: ExportedModel) -> None:
    model = replace(model, card=replace(model.card, parameters=1234))
    outcome = swept(tmp_path / "out", model)
    with Store.open(outcome.results, read_only=True) as store:
        (run,) = store.runs()
    assert run.command == "sizewise bench"
    (listed,) = json.loads(run.configuration)["models"]
    known = {"path": str(model.path), "sha256": model.sha256, "parameters": 1234}
    assert listed == known | {"out_of_bound": []}
    assert '"sizes":"32,64"' in run.configuration
    fingerprints = {r.trial.environment_fingerprint for r in run.results}
    assert fingerprints == {run.environment.fingerprint}


def test_what_is_on_file_asks_for_the_same_sweep_again(
    tmp_path: Path, model: ExportedModel
) -> None:
    tables = [{"sizes": "32", "rounds": 1}, {"sizes": "64"}]
    settings = fill(SweepSettings, QUICK | {"sweep": tables})
    outcome = swept(tmp_path / "out", model, sweep=tables)
    with Store.open(outcome.results, read_only=True) as store:
        (run,) = store.runs()
    noted = fill(SweepSettings, json.loads(run.configuration)["settings"])
    assert noted.products() == settings.products()
    assert [axes.rounds for axes in noted.products()] == [1, 2]


def test_models_of_other_fusions_need_not_fit_the_data(
    tmp_path: Path, model: ExportedModel
) -> None:
    foreign = replace(model, card=replace(CARD, task="unknown", fusion="absi"), sha256="other")
    data = str(write_pictures(tmp_path))
    with pytest.raises(InputError, match="does not say what its outputs mean"):
        swept(tmp_path / "out", model, foreign, data=data)
    found = on_file(swept(tmp_path / "out", model, foreign, data=data, fusion=["none"]))
    assert {r.trial.cell.fusion for r in found} == {"none"}


@dataclass(frozen=True, kw_only=True)
class Broken(FakeOptions):
    fail_at: Any = "run"


@dataclass(frozen=True, kw_only=True)
class Wrong(FakeOptions):
    wrong: bool = True


def test_a_failed_trial_is_tried_again(
    tmp_path: Path, model: ExportedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as broken:
        broken.setattr(Fake, "options_type", Broken)
        first = swept(out, model)
        second = swept(out, model)
    for outcome in (first, second):
        assert (outcome.measured, outcome.statuses, outcome.exit_code) == (2, {"failed": 2}, 3)
    assert len(on_file(second)) == 2


class Mortal(InProcess):
    """Breaks off at its second turn, where it is the second one that lives."""

    born = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).born += 1
        self._breaks, self._turns = self.born == 2, 0

    def call(self, method: str, arguments: dict[str, Any], *, timeout_s: float) -> Any:
        self._turns += method == "measure"
        if self._breaks and self._turns == 2:
            raise InferenceError("It broke", "its second turn", "Mend it.", reason_code="runtime")
        return super().call(method, arguments, timeout_s=timeout_s)


def test_a_process_that_fails_later_costs_its_own_wave_alone(
    tmp_path: Path, model: ExportedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Mortal, "born", 0)
    settings = fill(SweepSettings, QUICK | {"sizes": "32"})

    def mortal(limits: Limits) -> RemoteWorker:
        return RemoteWorker(Mortal(), timeout_s=limits.timeout_s)

    first = sweep([model], settings, tmp_path / "out", launch=mortal, watch=quietly)
    (broken,) = on_file(first)
    assert (broken.status, broken.reason_code) == ("ok", "runtime")
    assert len(broken.blocks) == 2, "of the process that did not break"
    assert (first.statuses, first.exit_code) == ({"ok": 1}, 3)
    again = sweep([model], settings, tmp_path / "out", launch=mortal, watch=quietly)
    (mended,) = on_file(again)
    assert (again.measured, again.exit_code) == (1, 0)
    assert (mended.reason, len(mended.blocks)) == ("", 4)


def test_outputs_that_are_no_numbers_make_the_sweep_invalid(
    tmp_path: Path, model: ExportedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Fake, "options_type", Wrong)
    outcome = swept(tmp_path / "out", model)
    assert (outcome.statuses, outcome.exit_code) == ({"invalid": 2}, 4)
    assert swept(tmp_path / "out", model).exit_code == 4
    assert swept(tmp_path / "out", model).measured == 0


def test_what_can_not_be_built_is_a_row_and_no_failure(
    tmp_path: Path, model: ExportedModel
) -> None:
    coarse = colours(tmp_path / "coarse.onnx", card=replace(CARD, network="coarse", stride=32))
    outcome = swept(tmp_path / "out", model, coarse, sizes="32,40", strategies=["dynamic"])
    assert (outcome.statuses, outcome.exit_code) == ({"ok": 3, "unsupported": 1}, 0)
    (row,) = (r for r in on_file(outcome) if r.status == "unsupported")
    assert (row.trial.cell.network, str(row.trial.cell.size)) == ("coarse", "40x40")
    assert row.reason_code == "unsupported_size"
    assert (
        swept(tmp_path / "out", model, coarse, sizes="32,40", strategies=["dynamic"]).skipped == 4
    )


@pytest.mark.parametrize(("batch", "replicas"), [(1, 1), (3, 2)])
def test_every_engine_is_judged_at_every_size(
    tmp_path: Path, model: ExportedModel, batch: int, replicas: int
) -> None:
    data = write_pictures(tmp_path)
    outcome = swept(
        tmp_path / "out",
        model,
        backends=["onnxruntime"],
        data=str(data),
        batch=[batch],
        replicas=replicas,
        strategies=["static", "dynamic"],
    )
    results = on_file(outcome)
    assert len(results) == 4 * replicas
    for result in results:
        assert result.accuracy is not None
        assert result.accuracy.images == PICTURES
        assert result.accuracy.data_sha256 == read_coco(data).sha256
        assert result.accuracy.evidence
        assert {part.name for part in result.end_to_end} >= {"read", "engine", "whole"}
        assert result.accuracy.ap50 is not None


def test_other_data_make_another_trial(tmp_path: Path, model: ExportedModel) -> None:
    data = write_pictures(tmp_path)
    keys = {"backends": ["onnxruntime"], "sizes": "32", "data": str(data)}
    assert swept(tmp_path / "out", model, **keys).measured == 1
    (tmp_path / "0.png").write_bytes((tmp_path / "1.png").read_bytes())
    assert swept(tmp_path / "out", model, **keys).measured == 1
    assert swept(tmp_path / "out", model, **keys).measured == 0


def test_an_engine_in_another_precision_is_a_row_and_the_sweep_goes_on(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    quantized = write_quantized_net(tmp_path / "int8.onnx")
    keys = {"backends": ["onnxruntime"], "sizes": "64", "graph_fusion": ["none", "all"]}
    outcome = swept(tmp_path / "out", quantized, **keys)
    (refused,) = outcome.not_all_well
    assert (outcome.statuses, outcome.exit_code) == ({"unsupported": 1, "ok": 1}, 0)
    assert refused.reason_code == "unsupported_precision"
    assert "none of its 3 int8 layers runs in int8 here: they run in fp32" in refused.reason
    allowed = swept(tmp_path / "out", quantized, **keys | {"allow_fallback": True})
    assert allowed.statuses == {"ok": 2}
    told = [r.build.achieved for r in on_file(allowed) if r.build]
    assert any("int8" in one for one in told)
    assert "fp32" in told


def test_nothing_is_measured_where_model_and_data_do_not_fit(tmp_path: Path) -> None:
    other = colours(tmp_path / "other.onnx", card=replace(CARD, classes=("cat", "dog")))
    with pytest.raises(InputError, match="knows cat, dog"):
        swept(tmp_path / "out", other, data=str(write_pictures(tmp_path)))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"backends": ["onyx"]}, "'onyx' for backends. Choose from: onnxruntime"),
        ({"sizes": "large"}, "Invalid value 'large' for sizes"),
        ({"data": "digitz"}, "no data set 'digitz'"),
    ],
)
def test_a_wrong_name_is_told_before_anything_is_made(
    tmp_path: Path, model: ExportedModel, keys: dict[str, Any], why: str
) -> None:
    with pytest.raises((UsageError, InputError), match=why):
        swept(tmp_path / "out", model, **keys)
    assert not (tmp_path / "out").exists()


def test_a_full_disk_keeps_what_was_measured(
    tmp_path: Path, model: ExportedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_durable = database.make_durable

    def small_disk(connection: sqlite3.Connection) -> None:
        make_durable(connection)
        connection.execute("PRAGMA max_page_count = 70")

    keys = {"sizes": "32", "processes": 4, "rounds": 10, "block_calls": 800}
    with monkeypatch.context() as small:
        small.setattr(database, "make_durable", small_disk)
        with pytest.raises(OutputError, match="full"):
            swept(tmp_path / "out", model, **keys)
    with Store.open(tmp_path / "out" / "results.sqlite", read_only=True) as store:
        (before,) = store.results().values()
    assert before.blocks
    (after,) = on_file(swept(tmp_path / "out", model, **keys))
    assert after.blocks[: len(before.blocks)] == before.blocks
    assert len({block.wave for block in after.blocks}) == 4


def test_two_sweeps_do_not_write_one_file(tmp_path: Path, model: ExportedModel) -> None:
    outcome = swept(tmp_path / "out", model)
    with Store.open(outcome.results), pytest.raises(RecordError, match="another sizewise"):
        swept(tmp_path / "out", model, threads=2)


def test_a_file_in_place_of_the_folder(tmp_path: Path, model: ExportedModel) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="can't be written"):
        swept(tmp_path / "out", model)


class Impatient:
    """Presses Ctrl-C at a note of the progress bar."""

    def __init__(self, note: str) -> None:
        self._note = note

    @contextmanager
    def stage(self, label: str, total: int) -> Iterator[Stage]:
        del label, total
        yield self

    def advance(self, steps: int = 1, note: str = "") -> None:
        del steps
        if note.startswith(self._note):
            raise KeyboardInterrupt

    def extend(self, steps: int) -> None:
        del steps

    def limit(self, seconds: float) -> None:
        del seconds

    def remark(self, text: str) -> None:
        del text


def test_an_interruption_keeps_every_wave_that_was_finished(
    tmp_path: Path, model: ExportedModel
) -> None:
    """One size: the wave that is under way is lost, and no other."""
    settings = fill(SweepSettings, QUICK | {"sizes": "32", "processes": 5})
    stopped = Impatient("32x32, wave 4, round 1")
    with pytest.raises(KeyboardInterrupt):
        sweep([model], settings, tmp_path / "out", progress=stopped, **NOW)
    with Store.open(tmp_path / "out" / "results.sqlite", read_only=True) as store:
        (before,) = store.results().values()
    assert len({block.wave for block in before.blocks}) == 3
    (after,) = on_file(swept(tmp_path / "out", model, sizes="32", processes=5))
    assert after.blocks[: len(before.blocks)] == before.blocks
    assert len({block.wave for block in after.blocks}) == 5


def test_more_processes_add_to_what_is_on_file(tmp_path: Path, model: ExportedModel) -> None:
    (few,) = on_file(swept(tmp_path / "out", model, sizes="32"))
    more = swept(tmp_path / "out", model, sizes="32", processes=4)
    (many,) = on_file(more)
    assert (more.measured, more.skipped) == (1, 0)
    assert many.blocks[: len(few.blocks)] == few.blocks
    assert len({block.wave for block in many.blocks}) == 4


def test_what_stands_beside_the_calls_is_measured_in_the_first_processes(
    tmp_path: Path, model: ExportedModel
) -> None:
    keys = {"rounds": 1, "strategies": ["dynamic"], "sizes": "32,64"}
    for result in on_file(swept(tmp_path / "out", model, processes=APART_WAVES + 1, **keys)):
        assert len(result.first_calls) == APART_WAVES + 1
        assert [one.change is None for one in result.first_calls] == [False] * APART_WAVES + [True]
        assert len(result.memory) == APART_WAVES


def test_data_that_are_given_later_add_the_accuracy_alone(
    tmp_path: Path, model: ExportedModel
) -> None:
    out, data = tmp_path / "out", str(write_pictures(tmp_path))
    before = on_file(swept(out, model))
    assert {r.accuracy for r in before} == {None}
    added = swept(out, model, data=data)
    assert added.measured == 2
    after = on_file(added)
    assert [r.blocks for r in after] == [r.blocks for r in before]
    assert all(r.accuracy is not None for r in after)
    assert swept(out, model, data=data).measured == 0
    fewer = on_file(swept(out, model, data=data, images=3))
    assert {r.accuracy.images for r in fewer if r.accuracy} == {3}


def test_an_accuracy_that_fails_leaves_the_latency(
    tmp_path: Path, model: ExportedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, data = tmp_path / "out", str(write_pictures(tmp_path))

    def damaged(self: object, start: int, stop: int) -> None:
        raise InputError("The picture 3.png can't be read", "it is cut off", "Replace it.")

    with monkeypatch.context() as broken:
        broken.setattr("bench.worker.Worker.evaluate", damaged)
        outcome = swept(out, model, data=data)
    assert (outcome.statuses, outcome.exit_code) == ({"ok": 2}, 0)
    for result in on_file(outcome):
        assert result.blocks
        assert "3.png can't be read" in result.accuracy_reason
    assert all(r.accuracy for r in on_file(swept(out, model, data=data)))


def test_waves_of_all_sizes_take_turns(tmp_path: Path, model: ExportedModel) -> None:
    """Waves are outermost: the processes of a row spread over the whole sweep."""
    outcome = swept(tmp_path / "out", model, processes=3)
    numbers = {str(r.trial.cell.size): {b.wave for b in r.blocks} for r in on_file(outcome)}
    assert numbers == {"32x32": {1, 3, 5}, "64x64": {2, 4, 6}}


def test_a_sweep_without_time_goes_on_later(tmp_path: Path, model: ExportedModel) -> None:
    cut = swept(tmp_path / "out", model, processes=50, max_minutes=1e-9)
    assert (cut.measured, cut.unfinished) == (0, 2)
    assert cut.exit_code == 1
    done = swept(tmp_path / "out", model)
    assert (done.measured, done.unfinished, done.statuses) == (2, 0, {"ok": 2})


@pytest.mark.parametrize("on_disk", [False, True])
def test_a_sweep_is_foreseen_without_a_trace(
    tmp_path: Path, model: ExportedModel, on_disk: bool
) -> None:
    out = tmp_path / "out"
    if on_disk:
        swept(out, model, sizes="32")
    kept = out.exists() and (out / "results.sqlite").read_bytes()
    settings = fill(SweepSettings, QUICK)
    found = estimate([model], settings, out / "results.sqlite")
    assert (found.trials, found.pending, found.engines) == (2, 1 if on_disk else 2, 2)
    assert 0 < found.least_minutes <= found.most_minutes <= found.max_minutes
    assert (out.exists() and (out / "results.sqlite").read_bytes()) == kept
