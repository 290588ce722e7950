"""``sizewise audit``: what the numbers of this machine are worth."""

from __future__ import annotations

from pathlib import Path

import typer

from sizewise.cli import console
from sizewise.cli.failures import end_with, with_error
from sizewise.cli.options import Json, Out
from sizewise.pipeline.audit import RECORD, AuditOptions


def audit(options: AuditOptions, *, out: Out = Path("runs/audit"), as_json: Json = False) -> None:
    """Say what numbers of this machine are worth, in 3 minutes (6 with PyTorch).

    It measures what is known beforehand: an engine that does nothing, engines beside their bare
    libraries, one engine twice, and a tenth more work. On a noisy machine, what engines cost beside
    their libraries needs more --minutes to show. It needs neither a model nor data. The exit code
    is 1 where the table says "no" of sizewise itself: of what it adds to a call, or of engines
    beside their libraries. It is 0 on a slow or noisy machine.
    """
    from bench.audit.checks import checks
    from bench.audit.words import fault, verdict
    from sizewise.pipeline.audit import audit, document

    found, folder = audit(options, out=out, reporter=console.reporter())
    wrong = fault(found)
    if as_json:
        console.show_json(document(found) | with_error(wrong))
    else:
        console.show_table(
            "What was checked on this machine; ratios are of latencies, with 95 % intervals",
            ("check", "found", "wanted", "holds"),
            [(one.name, one.found, one.wanted, one.holds) for one in checks(found)],
        )
        console.say("\n".join(("", *verdict(found))))
        console.remark(f"All that was measured is kept in {folder / RECORD}.")
    console.next_step("sizewise bench YOUR.onnx --rigor standard")
    if wrong:
        end_with(wrong)
    raise typer.Exit(found.exit_code)
