"""Runs as pages' records keep them: all that was measured, and no folder of a machine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from docs.make import recorded
from sizewise.core.trials import FirstCall, Result, Run
from tests.reports.conftest import Lab, environment


@pytest.fixture
def run() -> Run:
    """A run whose command, configuration and reasons have folders, and whose evidence holds a slash
    wherever Base64 can have one."""
    lab = Lab(processes=3, rounds=1)
    good, bad = lab.ok(lab.trial()), lab.bad(lab.trial("onnxruntime"), reason="/home/me/x.so lacks")
    assert good.accuracy is not None
    return lab.run([replace(good, accuracy=replace(good.accuracy, evidence=b"\xff" * 9)), bad])


def _evidence(result: Result) -> bytes:
    assert result.accuracy is not None
    return result.accuracy.evidence


def test_the_samples_and_the_evidence_come_back_as_they_were(run: Run) -> None:
    plain = json.loads(json.dumps(recorded.plain_runs([run])))
    assert plain[0]["results"][0]["accuracy"]["evidence"].startswith("/")
    (again,) = recorded.runs_of(plain)
    assert again.results[0] == run.results[0]
    assert _evidence(again.results[0]) == _evidence(run.results[0])
    assert again.environment == run.environment


def test_no_folder_of_the_machine_is_kept(run: Run) -> None:
    failure = FirstCall(wave=1, open_ns=1, failures={"walk": "there is no /home/me/engine.bin"})
    run = replace(run, results=(*run.results, replace(run.results[0], first_calls=(failure,))))
    (again,) = recorded.runs_of(recorded.plain_runs([run]))
    assert again.command == "sizewise bench digits.onnx --sizes 128:320:64"
    assert json.loads(again.configuration)["models"] == ["digits.onnx"]
    assert again.results[1].reason == "x.so lacks"
    assert again.results[2].first_calls[0].failures == {"walk": "there is no engine.bin"}
    assert "/home/me" not in json.dumps(recorded.plain_runs([run]))


def test_a_record_is_read_as_it_was_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded, "MEASURED", tmp_path)
    assert recorded.read_record("demo") is None
    results = Lab.file(tmp_path / "results.sqlite", run)
    plain = recorded.plain_runs(recorded.stored_runs(results))
    recorded.write_record("demo", plain)
    assert recorded.read_record("demo") == json.loads(json.dumps(plain))
    assert (tmp_path / "demo.json").read_text("utf-8").count("\n") == 1


def test_the_machine_is_the_one_that_measured(run: Run) -> None:
    (again,) = recorded.runs_of(recorded.plain_runs([run]))
    assert again.environment.fingerprint == environment().fingerprint
