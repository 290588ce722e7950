"""docs/reliability.md says what the outcomes of campaigns say (docs/make/reliability.py)."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from docs.make import outcomes, reliability
from docs.make.method import records
from docs.make.method.records import write_record
from docs.make.outcomes import read_outcome, write_outcome
from docs.make.reliability import CAMPAIGNS, NOT_RUN
from tests.bench.long.campaign import DAY, RESIDENT_BYTES

ORIGIN = {
    **{"commit": "0123456789abcdef", "changed_files": []},
    "environment": {"cpu": "a processor", "cores": 2},
}
THEN = "2026-01-01T00:00:00+00:00"


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where outcomes are looked for: there is none yet."""
    monkeypatch.setattr(records, "MEASURED", tmp_path)
    return tmp_path


def write(cases: int, *violations: str) -> None:
    write_outcome(
        "results",
        cases=cases,
        counts={"read": cases - len(violations)},
        violations=violations,
        seed=7,
        started=THEN,
        before=ORIGIN,
    )


def row() -> str:
    (line,) = [one for one in reliability.campaigns() if one.startswith("| results files with")]
    return line


def test_the_page_is_what_the_outcomes_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed = reliability.PAGE.read_text(encoding="utf-8")
    copy = tmp_path / "page.md"
    copy.write_text(committed, encoding="utf-8")
    monkeypatch.setattr(reliability, "PAGE", copy)
    reliability.main()
    assert copy.read_text(encoding="utf-8") == committed


@pytest.mark.usefixtures("there")
def test_what_was_not_run_is_said_to_be_so() -> None:
    lines = reliability.campaigns()
    assert sum(NOT_RUN in line for line in lines) == len(CAMPAIGNS)
    assert reliability.outcomes() == [NOT_RUN]


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize(("cases", "said"), [(412, "yes"), (411, "not shown")])
def test_where_all_cases_are_wanted_all_must_have_been_run(cases: int, said: str) -> None:
    write_outcome(
        "disks",
        cases=cases,
        counts={},
        violations=(),
        seed=7,
        started=THEN,
        before=ORIGIN,
        possible=412,
    )
    (line,) = [one for one in reliability.campaigns() if one.startswith("| full, failing")]
    assert line.endswith(f"| all | {cases} | 0 | {said} |")


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize(
    ("cases", "violations", "said"),
    [
        (1000, (), "| 1,000 | 1,000 | 0 | yes |"),
        (999, (), "| 1,000 | 999 | 0 | not shown |"),
        (1000, ("case 3: another figure",), "| 1,000 | 1,000 | **1** | **no** |"),
        (5, ("case 3: another figure",), "| 1,000 | 5 | **1** | **no** |"),
    ],
)
def test_a_campaign_holds_when_enough_cases_have_no_violation(
    cases: int, violations: tuple[str, ...], said: str
) -> None:
    write(cases, *violations)
    assert row().endswith(said)
    counted, *listed = reliability.outcomes()
    assert counted == (
        f"- **results**: {cases - len(violations):,} read. Seed 7. a processor, 2 cores; commit "
        f"0123456789, {THEN} to {read_outcome('results')['ended']}."
    )
    assert listed == [f"  - violation: {one}" for one in violations]


@pytest.mark.usefixtures("there")
def test_costs_are_medians_beside_what_they_may_be() -> None:
    assert reliability.costs() == [NOT_RUN]
    record = {
        "turns": 3,
        "warm_builds": [
            {"backend": "fast", "import_s": [0.2, 0.3, 9.0], "build_s": [0.6, 0.8, 9.1]},
            {"backend": "slow", "import_s": [0.2, 0.2, 0.2], "build_s": [0.8, 0.7, 0.9]},
        ],
        "sweeps": [
            {"backend": "fake", "first_s": 60.0, "again_s": [1.2, 0.9, 5.0]},
            {"backend": "other", "first_s": 10.0, "again_s": [1.0, 1.0, 1.0]},
        ],
    }
    when = {"started": THEN, "ended": THEN}
    write_record(reliability.COSTS, ORIGIN | when | record)
    _, _, fast, slow, again, other, _, said = reliability.costs()
    assert fast.endswith("fast | 0.80 s | 0.30 s | 0.40 s | 0.50 s | yes |")
    assert slow.endswith("slow | 0.80 s | 0.20 s | 0.60 s | 0.50 s | **no** |")
    assert again.endswith("(fake) | 1.20 s | 60 s | 2.00% | 2% | yes |")
    assert other.endswith("(other) | 1.00 s | 10 s | 10.00% | 2% | **no** |")
    assert said.startswith("3 turns. a processor, 2 cores")


def test_a_campaign_runs_as_a_module_and_is_kept(
    there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: Sequence[str], **options: Any) -> Any:
        assert command[1:] == ("-m", "tests.bench.journal.damaging", "12", "3")
        found = {"cases": 12, "counts": {"read": 12}, "violations": []}
        return SimpleNamespace(stdout=json.dumps(found))

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(outcomes, "origin", lambda: ORIGIN)
    monkeypatch.setattr("sys.argv", ["outcomes", "results", "--cases", "12", "--seed", "3"])
    outcomes.main()
    kept = read_outcome("results")
    assert (kept["cases"], kept["seed"], kept["violations"]) == (12, 3, [])
    assert kept["commit"] == ORIGIN["commit"]
    assert [path.name for path in there.iterdir()] == ["reliability-results.json"]


def test_every_module_of_a_campaign_is_there() -> None:
    modules = [one.module for one in CAMPAIGNS if one.module]
    assert modules
    assert all(importlib.util.find_spec(module) for module in modules)


def test_how_little_growth_counts_as_none_is_said() -> None:
    page = " ".join(reliability.PAGE.read_text("utf-8").split())
    assert f"each wave leaves at most {DAY.leak_bytes:g} bytes of Python's memory" in page
    assert f"resident memory rises by at most {RESIDENT_BYTES // 2**20} MiB" in page
