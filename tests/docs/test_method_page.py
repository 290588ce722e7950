"""docs/method.md says what the raw records say (docs/make/method)."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.audit.parity import Parity
from docs.make.method import (
    apps,
    coverage,
    fair_tables,
    kills,
    loaded_tables,
    measured,
    records,
    simulated,
    tables,
)
from docs.make.method.records import MISSING, write_record
from docs.make.method.verdicts import loaded_answer, rows_disturbed
from sizewise.core import codec
from tests.bench import kills as killing
from tests.bench.audit.audits import audit, parity, waves

ORIGIN = {
    **{"commit": "0123456789abcdef", "changed_files": []},
    "environment": {"cpu": "a processor", "cores": 2},
}
WHEN = {"started": "2026-01-01T00:00:00+00:00", "ended": "2026-01-01T01:00:00+00:00"}
RULE = {"low": 0.97, "high": 1.05, "median_low": 0.98, "median_high": 1.02, "widest": 0.03}


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where records are looked for: there is none yet."""
    monkeypatch.setattr(records, "MEASURED", tmp_path)
    monkeypatch.setattr(records, "origin", lambda: ORIGIN)
    return tmp_path


def _filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """The page as it is, and as its tables make it."""
    committed = tables.PAGE.read_text(encoding="utf-8")
    copy = tmp_path / "page.md"
    copy.write_text(committed, encoding="utf-8")
    monkeypatch.setattr(tables, "PAGE", copy)
    tables.main()
    return committed, copy.read_text(encoding="utf-8")


def test_the_page_is_what_the_records_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed, filled = _filled(tmp_path, monkeypatch)
    assert filled == committed


def test_what_is_not_measured_is_said_to_be_so(
    there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, filled = _filled(there, monkeypatch)
    assert filled.count(MISSING[0]) == len(tables.TABLES)


def _claim(name: str, *, hits: int, **kind: bool) -> dict[str, Any]:
    """Reached with two hits or fewer."""
    return {
        **{"name": name, "says": f"pairs of {name}", "hits": hits, "cases": 100},
        **{"at_least": 0.0, "at_most": 0.02, "required": True, "comparison": False},
        **{"reached": hits <= 2, **kind},
    }


def _simulated(*claims: dict[str, Any]) -> None:
    write_record("method-simulations", ORIGIN | WHEN | {"seed": 1, "claims": claims})


def test_every_claim_that_was_not_reached_is_listed_by_its_kind(there: Path) -> None:
    good, shown = _claim("a", hits=1), _claim("c", hits=4, required=False)
    other = _claim("d", hits=70, required=False, comparison=True)
    unbound = _claim("e", hits=1, required=False) | {"at_most": 1.0}
    _simulated(good, _claim("b", hits=3), shown, other, unbound)
    assert simulated.not_reached() == [
        "Not reached were 1 of the 2 claims that are required:",
        "",
        "- pairs of b: 3.0 %, wanted at most 2 %.",
        "",
        "Not reached were 1 of the 1 claims that are goals, and not required:",
        "",
        "- pairs of c: 4.0 %, wanted at most 2 %.",
        "",
        "For comparison:",
        "",
        "- pairs of d: 70.0 %, wanted at most 2 %.",
    ]
    _simulated(good, _claim("b", hits=2))
    assert simulated.not_reached() == ["All 2 claims that are required were reached."]


def test_a_table_of_claims_says_which_are_required(there: Path) -> None:
    kinds = {"a": {}, "b": {"required": False}, "c": {"required": False, "comparison": True}}
    unbound = _claim("d", hits=1, required=False) | {"at_most": 1.0}
    _simulated(*(_claim(name, hits=5, **kind) for name, kind in kinds.items()), unbound)
    rows = [line for line in simulated.simulations() if line.startswith("| pairs of")]
    assert [row.split(" | ")[4:] for row in rows] == [
        ["yes", "**no** |"],
        ["no", "**no** |"],
        ["for comparison", "**no** |"],
        ["a figure", "– |"],
    ]


def _fair(cells: Sequence[Parity], planned: int) -> None:
    """A record as docs.make.method.fair writes it, with a verdict of earlier code."""
    plain = [
        {
            **{"label": one.label, "ratio": one.ratio.point, "low": one.ratio.low},
            **{"high": one.ratio.high, "shown": one.shown, "outside": one.outside},
            "waves": codec.to_plain(one.waves),
        }
        for one in cells
    ]
    verdict = {"holds": True, "median": 1.0, "cells": len(cells), "outside": [], "not_shown": []}
    record = {"rule": RULE, "planned": planned, "verdict": verdict, "cells": plain}
    write_record("fair-engines", ORIGIN | WHEN | record)


@pytest.mark.parametrize(
    ("cells", "planned", "said"),
    [
        ([parity(1.0, 0.01), parity(1.01, 0.01)], 2, "The rule holds"),
        ([parity(1.0, 0.01), parity(1.3, 0.05)], 2, "The rule holds"),
        ([parity(1.0, 0.01), *[parity(1.0, 0.05)] * 2], 3, "The rule is not shown to hold"),
        ([parity(1.0, 0.01)], 48, "The rule is not shown to hold"),
        ([parity(1.04, 0.01)] * 2, 2, "The rule does not hold"),
        ([parity(1.2, 0.01), parity(1.0, 0.01)], 2, "The rule does not hold"),
    ],
)
def test_the_verdict_on_fair_engines_is_taken_from_the_cells(
    there: Path, cells: list[Parity], planned: int, said: str
) -> None:
    _fair(cells, planned)
    lines = list(fair_tables.fair_engines())
    assert lines[0].startswith(f"{said}:")
    narrow = sum(one.shown for one in cells)
    assert f"{len(cells)} of {planned} cells were measured, and {narrow} are shown" in lines[0]
    assert sum("not shown" in line for line in lines[1:]) == len(cells) - narrow
    hidden = [one for one in cells if one.outside and not one.shown]
    assert ("Wholly out of these bounds, though too wide for the rule:" in lines[0]) is bool(hidden)
    for one in hidden:
        told = f"{one.ratio.point:.3f} ({one.ratio.low:.3f} to {one.ratio.high:.3f})"
        assert (
            f"{one.label}, {told} in {len(one.waves)} waves, to which none were added" in lines[0]
        )
        cell = f"| ({one.ratio.point:.3f}, not shown) | ({told.partition('(')[2]} |"
        assert any(cell in line for line in lines[1:])


def test_cpu_time_of_cells_has_a_column_and_what_is_out_of_bounds_is_bold(there: Path) -> None:
    _fair([parity(1.0, 0.01, "even", cpu=0.99), parity(1.0, 0.01, "kept from it", cpu=0.6)], 2)
    lines = list(fair_tables.fair_engines())
    assert "from 0.600 to 0.990; 1 of 2 cells lie wholly outside 0.95 to 1.05" in lines[2]
    (even,) = [line for line in lines if line.startswith("| even |")]
    (kept,) = [line for line in lines if line.startswith("| kept from it |")]
    assert even.endswith("| 0.990 |")
    assert kept.endswith("| **0.600** |")


def test_a_cell_that_has_one_wave_is_not_shown(there: Path) -> None:
    _fair([Parity(label="one wave", waves=waves(0.0))], 1)
    assert fair_tables.fair_engines()[0].startswith("The rule is not shown to hold")


def _beside_app(ratios: Sequence[Sequence[float]], planned: int, rounds: int) -> list[str]:
    """The page of engines with these ratios in their rounds."""
    engines = [
        WHEN
        | {"label": f"engine at {320 + 96 * number}", "ratio": own[0], "low": 0.9, "high": 1.2}
        | {"rounds_ms": [{"ours": 2.0 * ratio, "theirs": 2.0} for ratio in own]}
        for number, own in enumerate(ratios)
    ]
    record = {"planned": planned, "rounds": rounds, "engines": engines}
    write_record("method-benchmark-app", ORIGIN | record)
    return list(apps.benchmark_app())


@pytest.mark.parametrize(
    ("ratios", "rounds", "said"),
    [
        ((1.0, 1.02), 3, "holds"),
        ((1.1, 1.02), 3, "does not hold"),
        ((1.0,), 3, "is not shown to hold"),
        ((1.0, 1.02), 2, "is not shown to hold"),
    ],
)
def test_benchmark_app_is_told_by_the_median(
    there: Path, ratios: tuple[float, ...], rounds: int, said: str
) -> None:
    lines = _beside_app([[ratio] * rounds for ratio in ratios], 2, 3)
    assert lines[0].startswith(f"The claim {said}: the median ratio is within 3 % of 1.")
    assert lines[4].startswith(f"| engine at 320 | {rounds} | 1.")
    assert WHEN["ended"] in lines[-1]


def test_a_median_whose_interval_leaves_the_bounds_shows_nothing(there: Path) -> None:
    wild = [1.0, 1.12, 0.95, 1.05, 0.98, 1.1] * 2
    (head, *_) = _beside_app([wild], 1, 12)
    assert re.match(r"The claim is not shown to hold: .* It is 1\.03. \(0\.99. to 1\.06., by", head)


def test_that_rounds_were_fixed_beforehand_is_told(there: Path) -> None:
    (head, *_) = _beside_app([[1.05] * 12 + [1.0] * 24] * 2, 2, 36)
    assert "All rounds were planned before any was taken." in head
    assert "At 320 it is 1.016. At 416 it is 1.016." in head


@pytest.mark.parametrize(
    ("sweeps", "counts", "answer"),
    [
        (20, (4, 1, 34), "yes"),
        (20, (5, 1, 40), "no"),
        (20, (0, 2, 40), "no"),
        (20, (0, 0, 33), "no"),
        (10, (0, 0, 20), "not shown"),
        (10, (5, 0, 20), "no"),
    ],
)
def test_a_loaded_machine_is_told_by_its_counts(
    there: Path, sweeps: int, counts: tuple[int, int, int], answer: str
) -> None:
    disturbed, false, found = counts
    quiet = {"waves": 12, "disturbed": 3, "rows_disturbed": 0}
    record = {
        **{"planned": 20, "waves": 12, "burnt_of_one_core": 0.065},
        "sweeps": [quiet | {"rows_disturbed": disturbed}, *[quiet] * (sweeps - 1)],
        **{"pairs_false": false, "differences_found": found},
        **{"most_disturbed": 4, "most_false": 1, "least_found": 34},
    }
    assert loaded_answer(record) == answer
    write_record("method-loaded", ORIGIN | WHEN | record)
    lines = list(loaded_tables.loaded())
    assert "inferred" not in "".join(lines)
    assert f"{sweeps} of 20 sweeps" in lines[0]
    assert lines[0].endswith("All waves stand in the figures:")
    assert f"| rows disturbed | {4 * sweeps} | at most 4 | {disturbed} |" in lines
    assert f"| differences of 10 % found | {2 * sweeps} | at least 34 | {found} |" in lines


def test_noise_and_a_picture_stand_beside_each_other(there: Path) -> None:
    figures = {"ratio": 1.5, "low": 1.4, "high": 1.6}
    wave = {
        "first": {"median_ns": [5e5, 2e6, 1e6], "cpu_share": 1.0},
        "second": {"median_ns": [1e6, 2e6, 4e6], "cpu_share": 1.0},
    }
    pooled = {"noise": 0.7, "picture": 0.7}  # medians over all turns do not have that ratio
    cell = {"backend": "openvino", "ms": pooled, **figures, "waves": [wave]}
    record = {"boxes": 6400, "candidates": 500, "cells": [cell]}
    write_record("method-noise", ORIGIN | WHEN | record)
    lines = list(measured.noise())
    assert lines[0].startswith("A graph of 6,400 boxes")
    assert "| openvino | 2.000 | 1.000 | 1.50 | 1.400 to 1.600 |" in lines


def test_the_time_of_an_interval_of_accuracy_is_held_against_its_bound(there: Path) -> None:
    rows = [
        {"name": "a set", "images": 5000, "detections": 490000, "seconds": seconds}
        for seconds in (1.9, 2.1)
    ]
    write_record("method-bootstrap", ORIGIN | WHEN | {"most_s": 2.0, "rows": rows})
    lines = list(measured.bootstrap())
    assert "| a set | 5,000 | 490,000 | 1.90 | yes |" in lines
    assert "| a set | 5,000 | 490,000 | 2.10 | **no** |" in lines


@pytest.mark.parametrize(
    ("sweep", "rows"),
    [
        ({"waves": 12, "disturbed": 17}, 0),
        ({"waves": 12, "disturbed": 48}, 0),
        ({"waves": 12, "disturbed": 49}, 4),
        ({"waves": 7, "disturbed": 107}, 0),
        ({"waves": 12, "disturbed": 17, "rows_disturbed": 2}, 2),
    ],
    ids=["few", "just too few", "so many that it can't be told", "left out", "counted"],
)
def test_sweeps_that_did_not_count_disturbed_rows_are_counted_by_what_they_hold(
    sweep: dict[str, int], rows: int
) -> None:
    assert rows_disturbed(sweep, 12) == rows


def test_waves_that_stand_in_no_figure_are_told(there: Path) -> None:
    sweeps = [{"waves": waves, "disturbed": 60, "rows_disturbed": 0} for waves in (12, 7, 11)]
    record = {
        **{"planned": 20, "waves": 12, "burnt_of_one_core": 0.065, "sweeps": sweeps},
        **{"pairs_false": 0, "differences_found": 6},
        **{"most_disturbed": 4, "most_false": 1, "least_found": 34},
    }
    write_record("method-loaded", ORIGIN | WHEN | record)
    assert loaded_tables.loaded()[0].endswith(
        "Of these 36 waves, 6 were disturbed and stand in no figure, in 2 sweeps, 5 in one at most:"
    )


def test_rows_that_no_sweep_counted_are_said_to_be_inferred(there: Path) -> None:
    sweeps = [
        {"waves": waves, "disturbed": disturbed, "rounds": 188}
        for waves, disturbed in ((12, 17), (7, 107))
    ]
    record = {
        **{"planned": 20, "waves": 12, "burnt_of_one_core": 0.065, "sweeps": sweeps},
        **{"pairs_false": 0, "differences_found": 4},
        **{"most_disturbed": 4, "most_false": 1, "least_found": 34},
    }
    write_record("method-loaded", ORIGIN | WHEN | record)
    lines = list(loaded_tables.loaded())
    assert "| rows disturbed, inferred | 8 | at most 4 | 0 |" in lines
    assert any("107 of 188 attempts at rounds were disturbed, and 7 of 12" in one for one in lines)


def test_a_record_of_a_tree_with_changes_says_which(there: Path) -> None:
    changed = {"changed_files": ["M docs/method.md", " M bench/a.py", "M reports/measured/x.json"]}
    write_record("method-bootstrap", ORIGIN | changed | WHEN | {"most_s": 2.0, "rows": []})
    assert "commit 0123456789, with changes in `bench/a.py`, 2026" in measured.bootstrap()[-1]
    write_record("method-bootstrap", ORIGIN | WHEN | {"most_s": 2.0, "rows": []})
    assert "commit 0123456789, 2026" in measured.bootstrap()[-1]


def test_coverage_of_accuracies_is_counted_by_metric_and_number_of_images(there: Path) -> None:
    counts = {
        images: {"ap": {"accuracy": hits, "difference": 94, "tie": 96}}
        for images, hits in (("100", 93), ("400", 95))
    }
    made = {"seed": 7, "repeats": 100, "truth": {"ap": 0.464}, "counts": counts}
    write_record("method-coverage", ORIGIN | WHEN | made)
    lines = list(coverage.table())
    assert lines[0].startswith("Of 100 repetitions each; a detector with AP 0.46")
    assert "| AP: intervals of an accuracy that hold the truth | 93.0 % | 95.0 % |" in lines
    assert lines[-1].startswith("Seed 7, commit 0123456789, 2026")


def test_an_audit_is_told_as_it_would_be_now(there: Path) -> None:
    plain = {"measured": codec.to_plain(audit()), "minutes": 6, "checks": [], "verdict": ["old"]}
    write_record("audit", ORIGIN | plain)
    lines = list(measured.audit())
    assert "| 2 of these 2 are shown: their median | 1.001 |" in "\n".join(lines)
    assert any(line.startswith("- Ratios hold to ±") for line in lines)
    assert "- old" not in lines
    assert lines[-1].startswith("In 6 minutes. a processor, 2 cores")


@pytest.fixture
def killed(there: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Kills and seed of each batch, in which nothing is killed."""
    asked: list[tuple[int, int]] = []

    def run(command: Sequence[str], **options: Any) -> Any:
        del options
        assert command[1:3] == ("-m", "tests.bench.kills")
        count, seed = map(int, command[4:])
        asked.append((count, seed))
        found = killing.Found(
            kills=count, in_commit=count // 2, lives=count + 3, folders=3, disturbed=count
        )
        return SimpleNamespace(stdout=json.dumps(vars(found)))

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(kills, "origin", lambda: ORIGIN)
    monkeypatch.setattr(kills, "OUT", there / "out")
    return asked


def _kill(monkeypatch: pytest.MonkeyPatch, *options: str) -> Any:
    monkeypatch.setattr("sys.argv", ["kills", *options])
    kills.main()
    return records.read_record(kills.NAME)


def test_kills_come_in_batches_and_go_on(
    killed: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = _kill(monkeypatch, "--kills", "120")
    seed = kills.SEED
    assert killed == [(50, seed), (50, seed + 1), (20, seed + 2)]
    assert (record["kills"], record["in_commit"]) == (120, 60)
    assert not record["holds"]  # 100 within a commit are wanted
    record = _kill(monkeypatch)
    assert killed[3:] == [(50, seed + number) for number in range(3, 10)] + [(30, seed + 10)]
    assert (record["kills"], record["holds"]) == (500, True)
    assert record["seed"] == seed
    assert _kill(monkeypatch)["batches"] == record["batches"]
    lines = list(measured.kills())
    assert lines[0] == (
        "The claim holds. Of the waves on file at the end, counted trial by trial, 500 were "
        "disturbed."
    )
    assert "| kills | 500 | 500 |" in lines


@pytest.mark.parametrize("what", ["lost", "again", "twice", "unfinished"])
def test_one_lost_wave_is_enough(
    killed: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    record = _kill(monkeypatch, "--kills", "50") | {what: 1, "disturbed": 0}
    write_record(kills.NAME, record)
    told = "The claim does not hold. No wave on file at the end was disturbed."
    assert measured.kills()[0] == told
    del record["disturbed"]
    write_record(kills.NAME, record)
    assert "of before the sweep's machine disturbed rounds" in measured.kills()[0]
