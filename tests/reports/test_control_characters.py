"""Names that hold escape sequences do not reach a report as they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from reports.markdown import write_report

if TYPE_CHECKING:
    from tests.reports.conftest import Lab

EVIL = "net\x1b]0;owned\x07\x1b[2J\u202e"


def test_whatever_a_record_says_the_page_moves_no_cursor(lab: Lab, tmp_path: Path) -> None:
    rows = [
        lab.ok(lab.trial(network=EVIL, fusion=EVIL)),
        lab.bad(lab.trial("torch_eager", network=EVIL), reason=EVIL),
    ]
    run = replace(lab.run(rows), command=EVIL, configuration=f'{{"a": "{EVIL}"')
    report = write_report(lab.file(tmp_path / "results.sqlite", run), tmp_path / "o")
    text = report.path.read_text(encoding="utf-8")
    assert "owned" in text
    assert "\\x1b" in text
    assert not set(text) & set("\x1b\x07\u202e")
