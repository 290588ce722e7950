"""NMS inside the engine or after it: what the whole way from picture to objects takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from reports.analysis.verdicts import Verdicts
from reports.analysis.ways import Way
from reports.findings.phrases import FEW
from reports.rows.grouping import by_nms, grouped, latest, measured_of
from reports.text.verdicts import lead, too_few
from reports.text.words import counted, listed
from sizewise.core.stats import Rigor, Verdict

_WORDS: dict[Verdict | None, str] = {
    "FASTER": "faster",
    "SLOWER": "slower",
    "SAME": "the same",
    "UNCLEAR": "not decided",
    None: "not compared",
}


def what_nms_inside_costs(verdicts: Verdicts) -> str:
    """Engines with NMS inside against their like without; empty where one kind was measured."""
    if len(by_nms(latest(measured_of(verdicts.rows)))) < 2:
        return ""
    pairs = grouped(verdicts.ways, lambda way: (way.inside.engine, way.after.engine))
    if not pairs:
        return (
            "Engines with NMS inside are not compared with the others: they compare by the whole "
            "way from picture to objects only, and it was not timed with two that are alike."
        )
    said = [_said(ways, verdicts.rigor) for ways in pairs.values()]
    return f"From picture to objects, NMS included: {listed(said, most=FEW)}."


def _said(ways: Sequence[Way], rigor: Rigor) -> str:
    first, *others = ways
    after = first.after.engine
    if not others:
        judged = first.judged
        said = too_few(judged.ratio) if judged.verdict is None else lead(judged, rigor)
        return f"{first.inside.where} is {said} {after}"
    counts = Counter(_WORDS[way.judged.verdict] for way in ways)
    found = listed(f"{word} at {count}" for word, count in counts.items())
    ratios = [way.judged.ratio.ratio for way in ways]
    return (
        f"{first.inside.engine} takes {min(ratios):.2f} to {max(ratios):.2f} times as long as "
        f"{after}, {found} of {counted(len(ways), 'size')}"
    )
