"""docs/multiscale.md says what the raw records say (docs/make/multiscale/tables.py)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.planning.protocol import HARNESS
from docs.make.multiscale import tables
from docs.make.pages import MEASURED
from reports.method.describe import EARLIER
from sizewise.core.trials import EARLIER_HARNESS


def test_the_page_is_what_the_records_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed = tables.PAGE.read_text(encoding="utf-8")
    copy = tmp_path / "page.md"
    copy.write_text(committed, encoding="utf-8")
    monkeypatch.setattr(tables, "PAGE", copy)
    tables.main()
    assert copy.read_text(encoding="utf-8") == committed


@pytest.mark.parametrize("harness", [EARLIER_HARNESS, HARNESS])
def test_rows_of_an_earlier_harness_are_said_to_be_so(
    harness: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = tables._results()
    results = {
        key: replace(one, trial=replace(one.trial, harness=harness)) for key, one in known.items()
    }
    monkeypatch.setattr(tables, "_results", lambda: results)
    assert (EARLIER in tables.cost()) is (harness == EARLIER_HARNESS)


def test_a_profile_counts_every_millisecond_once() -> None:
    record = json.loads((MEASURED / "multiscale-cost.json").read_text(encoding="utf-8"))
    for profile in record["profiles"].values():
        by_part = sum(profile["parts_ms"].values())
        assert by_part == pytest.approx(sum(profile["operators_ms"].values()))
        assert profile["parts_ms"].get("others", 0) < 0.03 * by_part


def test_without_records_it_says_how_to_make_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MEASURED", tmp_path)
    with pytest.raises(SystemExit, match="run make ablation"):
        tables.ablation()
