"""What engines were given: pictures, noise, and inputs beside the picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.columns import Row
from reports.rows.grouping import grouped
from reports.text.words import listed


def given(rows: Sequence[Row]) -> str:
    """What calls are given, and what that means where NMS is inside."""
    if not rows:
        return ""
    told = {
        "Calls are given uniform noise (0 to 1, or 0 to 255 where an engine takes bytes), the same "
        "in every call.": True,
        "The way from picture to objects is timed with pictures.": any(
            row.result.end_to_end for row in rows
        ),
        "A network finds few objects in noise, or none: an engine with NMS inside may have no "
        "candidates to compare, and its bare call is a lower bound. So engines with and without "
        "NMS inside get no verdict by bare calls. They compare by the whole way, where it was "
        "timed.": any(row.nms for row in rows),
    }
    return " ".join(sentence for sentence, holds in told.items() if holds)


def pictures(rows: Iterable[Row]) -> str:
    """How pictures were fitted into the input, and what became of their colours."""
    shown = [row for row in rows if row.accuracy_images or row.result.end_to_end]
    ways = grouped(shown, _way)
    if len(ways) == 1:
        return f"Pictures were {next(iter(ways))}."
    said = (f"{way} ({listed(_networks(group))})" for way, group in ways.items())
    return f"Pictures were {'; '.join(said)}." if ways else ""


def further(rows: Iterable[Row]) -> str:
    """What inputs beside the picture were given, and which of them nobody named."""
    trials = [row.result.trial for row in rows if row.result.trial.further]
    if not trials:
        return ""
    values = {
        f"{trial.cell.network}: {', '.join(trial.further)}": trial.assumed for trial in trials
    }
    assumed = dict.fromkeys(name for names in values.values() for name in names)
    unsaid = f" Nobody said what {listed(assumed)} should be given." if assumed else ""
    return f"Inputs beside the picture were given the same in every call: {listed(values)}.{unsaid}"


def _way(row: Row) -> str:
    trial = row.result.trial
    fitted = "scaled by one factor, with grey around them" if trial.letterbox else "stretched"
    return f"{fitted}, and given as {trial.preprocessing}"


def _networks(rows: Iterable[Row]) -> Iterable[str]:
    return dict.fromkeys(row.result.trial.cell.network for row in rows)
