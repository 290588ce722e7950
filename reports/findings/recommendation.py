"""Which engine to ship: the fastest of those that are as good as the most accurate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.analysis.tradeoffs import Contest
from reports.analysis.useful import finds_nothing, useful
from reports.analysis.verdicts import Verdicts
from reports.columns import Row
from reports.findings.again import measure_again
from reports.findings.phrases import among, latency, score, warning
from reports.load import Records
from reports.rows.grouping import at_largest_size, by_nms, latest, measured_of
from reports.text.verdicts import details, lead, margin
from reports.text.words import counted, listed
from sizewise.core.evidence import is_tie
from sizewise.core.stats import Verdict

_OPEN = "No answer yet"
NAMED = 2
"""Engines that are named one by one beside the recommended one."""


def what_to_ship(records: Records) -> str:
    """A recommendation for each metric and data set, or what can be said without any accuracy, or
    that there is no answer yet."""
    verdicts = records.verdicts
    newest = set(latest(measured_of(verdicts.rows)))
    chosen = [contest for contest in verdicts.contests if contest.rows[0] in newest]
    kinds = len({contest.rows[0].nms for contest in chosen})
    sentences = [_of_contest(contest, kinds, records) for contest in chosen]
    return " ".join(sentences) or _without_accuracy(records)


def _of_contest(contest: Contest, kinds: int, records: Records) -> str:
    verdicts, best = records.verdicts, contest.recommended
    if finds_nothing(best):
        return f"No recommendation{among(best, kinds)}: no engine finds anything."
    rivals = [row for row in contest.near if row is not best]
    what = f"{best.where}, {latency(best)}, {score(best, contest.metric)}"
    whose = among(best, kinds)
    if _is_open(best, rivals, verdicts):
        return _no_answer(f"{whose}: lowest so far is {what}", best, rivals, "as accurate", records)
    return (
        f"Recommended{whose}: {what}; {_lead(contest, verdicts)}."
        f"{_tied(best, rivals, verdicts)}{warning([best])}"
    )


def _is_open(best: Row, rivals: Sequence[Row], verdicts: Verdicts) -> bool:
    """Whether nothing speaks for ``best``: not one of its rivals is decided upon or, where it has
    none, something disturbed it."""
    if not rivals:
        return best.disturbed
    return not any(verdicts.of(row, best).decided for row in rivals)


def _no_answer(what: str, best: Row, rivals: Sequence[Row], named: str, records: Records) -> str:
    """``what`` is known of the best so far; ``named`` says which its rivals are."""
    compared = f"no comparison of it with {counted(len(rivals), 'engine')} {named} is decided"
    why = compared if rivals else f"there is no other engine {named} to compare it with"
    return f"{_OPEN}{what}, and {why}. {measure_again(records)}{warning([best])}"


def _lead(contest: Contest, verdicts: Verdicts) -> str:
    """How it compares with the most accurate engine or, where it is that, with the next."""
    metric, best, peak = contest.metric, contest.recommended, contest.most_accurate
    if best is peak:
        return f"no engine is more accurate{_next(contest, verdicts)}"
    speed = lead(verdicts.of(best, peak), verdicts.rigor)
    named = f"{peak.where} ({latency(peak)})"
    if best.text(metric.name) == peak.text(metric.name):
        return f"{speed} {named} at the same {metric.title}"
    tie = "; the images do not tell these two apart" if is_tie(contest.gain(peak, best)) else ""
    return f"{speed} the most accurate, {named}, {score(peak, metric)}{tie}"


def _next(contest: Contest, verdicts: Verdicts) -> str:
    """Its lead over the next fastest as good, where that is certain."""
    rivals = [row for row in contest.near if row is not contest.recommended]
    if not rivals:
        return ""
    rival = verdicts.ratios.fastest(rivals)
    judged = verdicts.of(contest.recommended, rival)
    if not judged.certain:
        return ""
    return f", and it is {lead(judged, verdicts.rigor)} the next, {rival.where}"


def _tied(best: Row, rivals: Iterable[Row], verdicts: Verdicts) -> str:
    """Engines as good that are not shown to be slower."""
    found: dict[Verdict | None, list[Row]] = {}
    for row in rivals:
        found.setdefault(verdicts.of(row, best).verdict, []).append(row)
    same = listed((row.where for row in found.get("SAME", ())), most=NAMED)
    unclear = listed(
        (_unclear(row, best, verdicts) for row in found.get("UNCLEAR", ())), most=NAMED
    )
    none = found.get(None, ())
    alone = [row for row in none if verdicts.of(row, best).ratio.waves == 1]
    few, apart = (
        listed((row.where for row in rows), most=NAMED)
        for rows in (alone, [row for row in none if row not in alone])
    )
    sentences = {
        f" As fast within {margin(verdicts.rigor)}: {same}.": same,
        f" Not decided against: {unclear}.": unclear,
        f" Measured in one process, so not compared: {few}.": few,
        f" Measured apart, so not compared: {apart}.": apart,
    }
    return "".join(sentence for sentence, holds in sentences.items() if holds)


def _unclear(row: Row, best: Row, verdicts: Verdicts) -> str:
    """With the whole interval: half of its width alone reads as if the ratio were 1."""
    return f"{row.where} ({', '.join(details(verdicts.of(row, best)))})"


def _without_accuracy(records: Records) -> str:
    rows = latest(measured_of(records.verdicts.rows))
    if not rows:
        return "No recommendation: no engine was measured."
    sound = useful(rows)
    if not sound:
        return "No recommendation: the error of every engine against FP32 is out of bound."
    groups = by_nms(sound)
    said = [_at_largest_size(at_largest_size(group), len(groups), records) for group in groups]
    if all(sentence.startswith(_OPEN) for sentence in said):
        return " ".join(said)
    return " ".join(("No recommendation: accuracy was not measured (--data).", *said))


def _at_largest_size(rows: Sequence[Row], kinds: int, records: Records) -> str:
    verdicts = records.verdicts
    best = verdicts.ratios.fastest(rows)
    rivals = [row for row in rows if row is not best]
    what, whose = f"{best.where}, {latency(best)}", among(best, kinds)
    if _is_open(best, rivals, verdicts):
        return _no_answer(
            f"{whose}: lowest so far is {what}", best, rivals, "at this size", records
        )
    return (
        f"Fastest{whose} at the largest size: {what}."
        f"{_tied(best, rivals, verdicts)}{warning([best])}"
    )
