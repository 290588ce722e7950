"""A comparison as Markdown, for a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reports.analysis.judged import Judged
from reports.columns import Row
from reports.columns.declaring import NONE
from reports.comparison.comparing import ComparedPair, Comparison
from reports.findings.phrases import FEW
from reports.text.grid import grid, plain
from reports.text.verdicts import APART, change, details, margin, ratio_cell
from reports.text.words import counted, listed, times

_POINTS = 100


def markdown(comparison: Comparison, base: str, new: str, remarks: Iterable[str] = ()) -> str:
    """The verdict in a few sentences, then a row for each pair, each size, and all of them.

    ``base`` and ``new`` name the two sides, ``remarks`` are what is to be known of them.
    """
    lines = [
        f"**{headline(comparison)}**",
        "",
        *(f"- {plain(sentence)}" for sentence in (*sentences(comparison), *remarks)),
        "",
        f"{plain(new)} against {plain(base)}. Ratios are of latencies per image, new ÷ base, with "
        f"their 95 % interval: above 1 is slower. Bold is certain; = is the same within "
        f"{margin(comparison.rigor)}; † was disturbed.",
        "",
        grid(
            ("engine", "size", "base (ms)", "new (ms)", "new ÷ base", "verdict", "accuracy"),
            [*_rows(comparison)],
            texts=2,
        ),
    ]
    return "\n".join(lines) + "\n"


def headline(comparison: Comparison) -> str:
    """The verdict on all pairs."""
    limit = f"{100 * comparison.threshold:g} %"
    if comparison.regressions:
        slower = counted(len(comparison.regressions), "engine")
        return f"Regression: {slower} slower by more than {limit}"
    if comparison.slower_means:
        size, judged = comparison.slower_means[0]
        which = f"engines at {times(size)}" if size else "all engines"
        return f"Regression: {which} together {_said(judged)}, which is more than {limit}"
    over = f"{counted(len(comparison.pairs), 'engine')}, {_said(comparison.overall)} overall"
    if len(comparison.in_doubt) == len(comparison.pairs):
        return f"No answer yet: {over}"
    return f"No regression: {over}"


def sentences(comparison: Comparison) -> Iterator[str]:
    """What became slower or faster, what is not decided, and what only one side has."""
    for verdict, what in (("SLOWER", "Slower"), ("FASTER", "Faster")):
        found = [pair for pair in comparison.pairs if pair.judged.verdict == verdict]
        if found:
            named = listed((_named(pair) for pair in found), most=FEW)
            yield f"{what}: {named}."
    if comparison.in_doubt:
        named = listed((pair.new.where for pair in comparison.in_doubt), most=FEW)
        yield f"In doubt (not decided, measured apart, or disturbed): {named}."
    for rows, side in (
        (comparison.pairing.only_base, "base"),
        (comparison.pairing.only_new, "new"),
    ):
        if rows:
            yield f"Only on the {side} side: {listed((row.where for row in rows), most=FEW)}."


def _named(pair: ComparedPair) -> str:
    return f"{pair.new.where} {change(pair.judged.ratio.ratio)}"


def _said(judged: Judged) -> str:
    interval = details(judged)[-1:] if judged.ratio.low is not None else []
    return ", ".join((change(judged.ratio.ratio), *interval))


def _rows(comparison: Comparison) -> Iterator[tuple[str, ...]]:
    for pair in comparison.pairs:
        yield (
            plain(pair.new.engine),
            pair.new.text("size"),
            _ms(pair.base),
            _ms(pair.new),
            ratio_cell(pair.judged),
            _verdict(pair.judged),
            _accuracy(pair),
        )
    for size, judged in comparison.sizes:
        yield ("all", times(size), "", "", ratio_cell(judged), _verdict(judged), "")
    overall = comparison.overall
    yield ("all", "all", "", "", ratio_cell(overall), _verdict(overall), "")


def _ms(row: Row) -> str:
    return row.latency + (" †" if row.disturbed else "")


def _verdict(judged: Judged) -> str:
    return judged.verdict or APART


def _accuracy(pair: ComparedPair) -> str:
    if pair.metric is None or pair.gained is None:
        return NONE
    points, low, high = pair.gained.point, pair.gained.low, pair.gained.high
    text = f"{pair.metric.title} {_POINTS * points:+.2f} points"
    if low is not None and high is not None:
        text += f" ({_POINTS * low:+.2f} to {_POINTS * high:+.2f})"
    return text.replace("-", "−")
