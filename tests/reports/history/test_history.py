"""Lines over many files: a planted change is found at its place, and none where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.history.changes import Change, changes_of
from reports.history.series import Line, lines_of
from reports.load import Records, select_records
from sizewise.core.errors import InputError
from sizewise.pipeline.records.history import HistoryOptions, history
from tests.reports.conftest import SIZES, Lab, environment
from tests.reports.scripted import slower

DAYS = 14
STEP = 9
"""The first day after the change."""


def day(number: int, factor: float = 1.0, pace: float = 1.0) -> tuple[Path, Records]:
    lab = Lab(seed=number, session=number, processes=3, rounds=2, pace=pace)
    results = [
        slower(result, factor) for result in lab.sweep(("openvino",), ("static",), SIZES[:2])
    ]
    run = lab.run(results, started=f"2026-11-{number:02d}T01:00:00+00:00")
    return Path(f"{number}.sqlite"), select_records([run], "x")


def changes(lines: tuple[Line, ...]) -> list[Change]:
    return [change for line in lines for change in changes_of(line, 0.02)]


def test_a_step_is_found_on_its_day_and_with_its_size() -> None:
    lines = lines_of(day(n, 1.06 if n >= STEP else 1.0) for n in range(1, DAYS + 1))
    assert len(lines) == 2
    assert all(line.anchored for line in lines)
    found = changes(lines)
    assert [one.at.started[:10] for one in found] == [f"2026-11-{STEP:02d}"] * 2
    assert [one.ratio for one in found] == pytest.approx([1.06] * 2, abs=0.015)


def test_a_level_line_has_no_change() -> None:
    assert not changes(lines_of(day(n) for n in range(1, DAYS + 1)))


def test_a_day_of_a_slow_machine_is_no_change_where_the_anchor_tells() -> None:
    slow = {5, 6, 7}
    lines = lines_of(day(n, pace=1.3 if n in slow else 1.0) for n in range(1, DAYS + 1))
    assert not changes(lines)
    raw = [moment.raw_ms for moment in lines[0].moments]
    assert max(raw) / min(raw) > 1.25


def test_one_slow_file_is_an_outlier_and_no_level() -> None:
    assert not changes(lines_of(day(n, 1.2 if n == 6 else 1.0) for n in range(1, DAYS + 1)))


def test_machines_never_share_a_line() -> None:
    files = [day(1), day(2)]
    lab = Lab(where=environment("Another CPU"), processes=3, rounds=2)
    other = lab.run(lab.sweep(("openvino",), ("static",), SIZES[:2]))
    lines = lines_of([*files, (Path("o.sqlite"), select_records([other], "x"))])
    assert sorted(len(line.moments) for line in lines) == [1, 1, 2, 2]


def test_a_folder_is_read_drawn_and_damaged_files_are_said(tmp_path: Path) -> None:
    for number in range(1, 6):
        lab = Lab(seed=number, session=number, processes=3, rounds=2)
        run = lab.run(lab.sweep(sizes=SIZES[:2]), started=f"2026-11-{number:02d}T01:00:00+00:00")
        (tmp_path / str(number)).mkdir()
        lab.file(tmp_path / str(number) / "results.sqlite", run)
    (tmp_path / "bad.sqlite").write_bytes(b"no database at all" * 100)
    found = history(tmp_path, HistoryOptions(), out=tmp_path / "out")
    assert len(found.unread) == 1
    assert len(found.lines) == 8
    assert len(found.plots) == len({line.engine for line in found.lines})
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in found.plots)


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no history"):
        history(tmp_path, HistoryOptions(), out=tmp_path / "out")
