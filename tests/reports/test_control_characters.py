"""Names that hold escape sequences do not reach a report as they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports.markdown import write_report
from sizewise.core.trials import Accuracy

if TYPE_CHECKING:
    from tests.reports.conftest import Lab

EVIL = "net\x1b]0;owned\x07\x1b[2J\u202e"
ACCURACY = Accuracy(images=3, data_sha256="d" * 64, miou=0.5, chosen=EVIL, iou_by_class={EVIL: 0.5})


def test_whatever_a_record_says_the_page_moves_no_cursor(lab: Lab, tmp_path: Path) -> None:
    rows = [
        replace(lab.ok(lab.trial(network=EVIL, fusion=EVIL)), accuracy=ACCURACY),
        lab.bad(lab.trial("torch_eager", network=EVIL), reason=EVIL),
    ]
    texts: Any = dict.fromkeys(("cpu", "kernel", "cpu_model", "python", "sizewise", "system"), EVIL)
    where = replace(
        lab.where,
        **texts,
        devices=(EVIL,),
        packages={"numpy": EVIL},
        variables={EVIL: EVIL},
    )
    said: Any = {"command": EVIL, "configuration": f'{{"a": "{EVIL}"'}
    run = replace(lab.run(rows), environment=where, **said)
    report = write_report(lab.file(tmp_path / "results.sqlite", run), tmp_path / "o")
    text = report.path.read_text(encoding="utf-8")
    assert "owned" in text
    assert "\\x1b" in text
    assert not set(text) & set("\x1b\x07\u202e")
