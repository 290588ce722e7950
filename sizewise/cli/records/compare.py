"""``sizewise compare``: whether engines became slower from one set of results to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from reports.analysis.judged import Judged
from reports.comparison.comparing import ComparedPair
from reports.comparison.markdown import headline, markdown, sentences
from sizewise.cli import console
from sizewise.cli.options import Json
from sizewise.pipeline.records.compare import Compared, CompareOptions


def compare(
    base: Annotated[
        Path, typer.Argument(metavar="BASE", help="The results.sqlite to compare with.")
    ],
    options: CompareOptions,
    new: Annotated[
        Path | None,
        typer.Argument(
            metavar="NEW", help="The results.sqlite to judge [default: BASE, two selections of it]."
        ),
    ] = None,
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE.md", help="Write the comparison as Markdown."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare two results files, or two selections of one, cell by cell.

    Exits with 5 where an engine, a size or all together became slower by more than --threshold.
    Files that were measured apart are tied by the anchor, as far as it holds.
    """
    from sizewise.pipeline.records.compare import compare

    found = compare(base, new, options)
    for remark in found.remarks:
        console.remark(remark)
    if as_json:
        console.show_json(_plain(found))
    else:
        console.say(headline(found.comparison))
        for sentence in sentences(found.comparison):
            console.say(f"  • {sentence}")
    if out is not None:
        _write(out, found)
    raise typer.Exit(found.exit_code)


def _write(path: Path, found: Compared) -> None:
    from sizewise.core.files import written_whole

    with written_whole(path) as draft:
        draft.write_text(markdown(found.comparison, found.base, found.new), encoding="utf-8")
    console.say(f"Comparison: {path}")


def _plain(found: Compared) -> dict[str, Any]:
    comparison = found.comparison
    return {
        "base": found.base,
        "new": found.new,
        "threshold": comparison.threshold,
        "regressed": comparison.regressed,
        "pairs": [_pair(pair) for pair in comparison.pairs],
        "sizes": [{"size": str(size), **_judged(judged)} for size, judged in comparison.sizes],
        "overall": _judged(comparison.overall),
        "only_base": [row.where for row in comparison.pairing.only_base],
        "only_new": [row.where for row in comparison.pairing.only_new],
    }


def _pair(pair: ComparedPair) -> dict[str, Any]:
    gained = pair.gained
    return {
        "engine": pair.new.engine,
        "size": str(pair.new.size),
        "base_ms": pair.base.latency_ms,
        "new_ms": pair.new.latency_ms,
        "disturbed": pair.base.disturbed or pair.new.disturbed,
        **_judged(pair.judged),
        "metric": pair.metric.name if pair.metric else None,
        "gained": None if gained is None else [gained.point, gained.low, gained.high],
    }


def _judged(judged: Judged) -> dict[str, Any]:
    ratio = judged.ratio
    return {
        "ratio": ratio.ratio,
        "low": ratio.low,
        "high": ratio.high,
        "how": ratio.how,
        "verdict": judged.verdict,
    }
