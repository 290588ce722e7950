"""What is said of a ratio of latencies, in words: never a difference without its size."""

from __future__ import annotations

import math

from reports.analysis.judged import Judged
from reports.text.words import counted, measured, percent
from sizewise.core.stats import CONFIDENCE, FEW_PROCESSES, Ratio, Rigor

CI = f"{percent(CONFIDENCE)} CI "
DISTURBED = " †"
"""Behind figures of which the milliseconds, or the ratio, were disturbed."""
SAME = " ="
"""Behind a ratio that is the same within the margin."""
APART = "apart"
ONE_PROCESS = "one process"
"""Behind a ratio that has no verdict."""
LEFT_OUT = "Left out: disturbed processes, beside enough that were not."
"""What :func:`processes` says in brackets."""


def change(ratio: float) -> str:
    """A ratio as a signed difference: ``+4.2 %``, never ``−0.0 %``."""
    rounded = round(100 * (ratio - 1), 1) or 0.0
    return f"{rounded:+.1f} %".replace("-", "−")


def margin(rigor: Rigor) -> str:
    """``±2 %``."""
    return f"±{100 * rigor.margin:g} %"


def price(judged: Judged, rigor: Rigor) -> str:
    """What a ratio comes to: ``+4.2 % latency``, or that it is none, or not known."""
    if judged.certain:
        return f"{change(judged.ratio.ratio)} latency"
    if judged.verdict == "SAME":
        return f"the same latency within {margin(rigor)}"
    return "not decided" if judged.verdict == "UNCLEAR" else no_verdict(judged.ratio)


def no_verdict(ratio: Ratio) -> str:
    """Why there is none."""
    return f"{ONE_PROCESS}, no verdict" if ratio.waves == 1 else "measured apart, no verdict"


def too_few(ratio: Ratio) -> str:
    """Why two whole ways have no verdict."""
    common = counted(ratio.waves, "process")
    return f"not compared ({common} in common, {FEW_PROCESSES} needed) with"


def details(judged: Judged) -> list[str]:
    """The size of what :func:`price` says, and how well it is known."""
    ratio = judged.ratio
    said = [] if judged.certain else [change(ratio.ratio)]
    if ratio.low is not None and ratio.high is not None:
        said.append(f"{CI}{change(ratio.low)} to {change(ratio.high)}")
    return said


def ratio_text(ratio: Ratio, places: int = 3) -> str:
    """A ratio with its interval: ``1.172 (1.053–1.304)``."""
    return measured(ratio.ratio, *ends(ratio), places=places)


def ratio_cell(judged: Judged) -> str:
    """The same as Markdown: bold where it is certain, ``=`` where it is none, † where disturbed."""
    ratio = judged.ratio
    text = ratio_text(ratio)
    if judged.verdict is None:
        return f"{text} {ONE_PROCESS if ratio.waves == 1 else APART}"
    text = f"**{text}**" if judged.certain else text
    return (
        text + (SAME if judged.verdict == "SAME" else "") + (DISTURBED if ratio.disturbed else "")
    )


def processes(used: int, left_out: int) -> str:
    """``5 (1 left out)``."""
    return f"{used} ({left_out} left out)" if left_out else str(used)


def factor(ratio: Ratio) -> str:
    """``4.77× (95 % CI 4.67–4.87)``."""
    return measured(ratio.ratio, *ends(ratio), places=2, unit="×", named=CI)


def lead(judged: Judged, rigor: Rigor) -> str:
    """How the first of a pair stands to the second, before the second's name; ``judged`` is of the
    latency of the first over that of the second."""
    inverse = judged.inverse().ratio
    if judged.verdict == "FASTER":
        return f"{factor(inverse)} faster than"
    if judged.verdict == "SLOWER":
        return f"{factor(judged.ratio)} slower than"
    if judged.verdict == "SAME":
        return f"as fast within {margin(rigor)} as"
    if judged.verdict == "UNCLEAR":
        return f"not decided ({factor(inverse)}) against"
    return f"{no_verdict(judged.ratio)} ({factor(inverse)}) against"


def ends(ratio: Ratio) -> tuple[float, float]:
    """The ends of its interval, NaN where there is none."""
    low, high = (math.nan if end is None else end for end in (ratio.low, ratio.high))
    return low, high
