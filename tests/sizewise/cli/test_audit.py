"""``audit``: what it prints and its exit code, for audits whose figures are given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.audit.audited import Audit
from engines.backends._bare.calls import BARE
from engines.base import Availability
from engines.registry import find_backend
from sizewise.pipeline import audit as pipeline
from sizewise.pipeline.audit import AuditOptions, document
from tests.bench.audit.audits import FAST, SLOW, audit, parity
from tests.sizewise.cli.conftest import Cli


def given(patch: pytest.MonkeyPatch, found: Audit, minutes: float = 3.0) -> None:
    def audited(options: AuditOptions, *, out: Path, reporter: Any) -> tuple[Audit, Path]:
        assert options.minutes == minutes
        return found, out / "now"

    patch.setattr(pipeline, "audit", audited)


def test_the_table_and_the_verdict_are_printed(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, audit(), minutes=5.0)
    said = cli("audit", "--minutes", "5", "--out", "folder")
    assert said.code == 0
    assert "an engine that does nothing, 100,000 calls" in said.out
    assert "Ratios hold to ±" in said.out
    assert "folder/now/audit.json" in said.err
    assert "Next: sizewise bench" in said.err


def test_a_fault_of_sizewise_is_exit_code_1(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, audit(cells=(parity(1.2, 0.01),)))
    said = cli("audit")
    assert said.code == 1
    assert "sizewise is at fault" in said.out
    last = said.err.splitlines()[-1]
    assert last.startswith("sizewise: sizewise is at fault: a cell, takes 1.200")


def test_a_fault_has_an_error_in_its_json(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    found = audit(harness=SLOW, clock=FAST, cells=(parity(1.2, 0.01),))
    given(monkeypatch, found)
    said = cli("audit", "--json", "--quiet")
    assert said.code == 1
    written = json.loads(said.out)
    error = written.pop("error")
    assert written == json.loads(json.dumps(document(found)))
    assert (error["type"], error["what"]) == ("SizewiseError", "sizewise is at fault")
    assert "adds 9.0 µs to a call" in error["why"]
    assert "a cell, takes 1.200" in error["why"]
    assert "audit.json" in error["todo"]
    assert said.err == f"sizewise: {error['what']}: {error['why']}. {error['todo']}\n"


def test_machines_get_checks_verdict_and_raw_figures(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = audit()
    given(monkeypatch, found)
    said = json.loads(cli("audit", "--json").out)
    assert said == json.loads(json.dumps(document(found)))
    assert {"environment", "checks", "verdict", "measured"} == said.keys()
    assert said["measured"]["parity"][0]["waves"][0]["first"]["median_ns"]
    assert all(check["holds"] in ("yes", "") for check in said["checks"])


def test_without_any_back_end_it_says_what_to_install(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    missing = Availability(False, "it is not installed", "pip install 'sizewise[cpu]'")
    for name in BARE:
        monkeypatch.setattr(type(find_backend(name)), "can_build", lambda self: missing)
    said = cli("audit", "--out", tmp_path)
    assert said.code == 1
    assert "No back end can be measured here" in said.err
    assert "pip install" in said.err
