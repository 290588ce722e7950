"""``sizewise compare``: whether engines became slower from one set of results to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bench.planning.settings import SweepSettings
from reports.analysis.judged import Judged
from reports.comparison.comparing import ComparedPair
from reports.comparison.markdown import headline, markdown, sentences
from sizewise.cli import console
from sizewise.cli.bench import command_line
from sizewise.cli.options import Json, Without, spell
from sizewise.cli.records import together
from sizewise.core.errors import UsageError
from sizewise.pipeline.records.compare import Compared, CompareOptions

_OF_FILES = ("base_only", "new_only", "across")
"""Options of results that are on file already."""


def compare(
    context: typer.Context,
    base: Annotated[
        Path,
        typer.Argument(
            metavar="BASE", help="The results.sqlite to compare with; an ONNX file with --measure."
        ),
    ],
    options: CompareOptions,
    settings: Annotated[SweepSettings, Without(*together.NOT_HERE)],
    new: Annotated[
        Path | None,
        typer.Argument(
            metavar="NEW",
            help="What is judged, of the same kind [default: BASE: two selections of it, or the "
            "same model with --base-python].",
        ),
    ] = None,
    *,
    measure: Annotated[
        bool, typer.Option("--measure", help="Measure two models by turns, and compare them.")
    ] = False,
    base_python: Annotated[
        Path | None,
        typer.Option(
            "--base-python",
            metavar="PYTHON",
            help="Run the engines of BASE under this interpreter, of an environment with other "
            "versions and this sizewise.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FOLDER",
            help="Folder that --measure writes results.sqlite to [default: runs/compare].",
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option("--markdown", metavar="FILE.md", help="Write the comparison as Markdown."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare two results files, or two selections of one, cell by cell.

    Exits with 5 where an engine, a size or all together became slower by more than --threshold.
    Files that were measured apart are tied by the anchor, as far as it holds. --measure measures
    two models by turns instead, which finds smaller differences; the same command resumes.
    """
    if measure:
        _demand_none(context, _OF_FILES, "--measure compares all that it measures")
        told = together.measured(
            base,
            _the_new(base, new, base_python),
            settings,
            options,
            out=out or Path("runs/compare"),
            base_python=base_python,
            command=command_line(),
            as_json=as_json,
        )
        found, more, later = told.compared, told.plain, told.later
    else:
        _demand_none(context, together.MEASURING, "nothing is measured: give --measure as well")
        from sizewise.pipeline.records.compare import compare

        found, more = compare(base, new, options), {}
        later = _later(found, base if new is None else new)
    for remark in found.remarks:
        console.remark(remark)
    if as_json:
        console.show_json(_plain(found) | more)
    else:
        console.say(headline(found.comparison))
        for sentence in sentences(found.comparison):
            console.say(f"  • {sentence}")
    if to is not None:
        _write(to, found)
    if not as_json:
        console.next_step(later)
    raise typer.Exit(found.exit_code)


def _the_new(base: Path, new: Path | None, base_python: Path | None) -> Path:
    if new is None and base_python is None:
        raise UsageError(
            f"{base} can't be compared with itself",
            "one model is given, and one interpreter",
            "Give a second model, or --base-python with an environment of other versions.",
        )
    return base if new is None else new


def _demand_none(context: typer.Context, names: tuple[str, ...], why: str) -> None:
    """Raises UsageError where one of the options ``names`` was given."""
    for name in names:
        if str(context.get_parameter_source(name)).endswith("COMMANDLINE"):
            raise UsageError(f"{spell(name)} can't be given here", why, "Leave it out.")


def _later(found: Compared, new: Path) -> str:
    if found.comparison.in_doubt:
        by_turns = console.command("compare", "--measure", "BASE.onnx", "NEW.onnx")
        return f"{by_turns} measures both models by turns, which finds smaller differences"
    return console.command("report", new)


def _write(path: Path, found: Compared) -> None:
    from sizewise.core.files import written_whole

    text = markdown(found.comparison, found.base, found.new, found.remarks)
    with written_whole(path) as draft:
        draft.write_text(text, encoding="utf-8")
    console.remark(f"Comparison: {path}")


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
