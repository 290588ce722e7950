"""What our int8 files come to beside those of other quantizers, for docs/engines.md."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from docs.make.engines.pages import MISSING, read_record
from docs.make.method.words import SAID, where
from docs.make.pages import grid
from docs.make.quantizers.others import FORMS
from sizewise.core.stats import Interval, mean_interval

NAME = "quantizers"
MOST, CASE = 1.02, 1.05
"""What the geometric mean may be at most, and where no case may lie wholly above."""
OTHERS = {
    "openvino": ("openvino, NNCF",),
    "onnxruntime": tuple(f"onnxruntime, {form}" for form in FORMS),
}
Round = Mapping[str, float]


def quantizers() -> list[str]:
    """The claims, and a table of all cases."""
    record = read_record(NAME)
    planned: dict[str, list[Round]] = record["cases"] if record else {}
    cases = {name: rounds for name, rounds in planned.items() if rounds}
    if not cases:
        return [MISSING]
    rows = [list(_row(name, rounds)) for name, rounds in cases.items()]
    columns = (
        *("network", "rounds", "OpenVINO: ours ÷ NNCF", "ONNX Runtime: ours ÷ its best form"),
        *("best form", "FP32 ÷ ours in OpenVINO", "FP32 ÷ NNCF"),
    )
    complete = all(len(rounds) >= record["planned"] for rounds in planned.values())
    claims = [_claim(library, cases, complete=complete) for library in OTHERS]
    flags = ", ".join(record["environment"]["cpu_flags"])
    return [*claims, "", *grid(columns, rows), "", f"{where(record)} The processor has {flags}."]


def _row(name: str, rounds: Sequence[Round]) -> Iterator[str]:
    yield name
    yield str(len(rounds))
    for library in OTHERS:
        yield _told(ratio(rounds, f"{library}, ours", best(library, rounds)))
    yield best("onnxruntime", rounds).partition(", ")[2]
    for contender in ("openvino, ours", "openvino, NNCF"):
        yield f"{ratio(rounds, 'onnxruntime, FP32', contender).point:.2f}"


def best(library: str, rounds: Sequence[Round]) -> str:
    """The fastest of the others in this library, over all rounds."""
    return min(OTHERS[library], key=lambda one: sum(math.log(each[one]) for each in rounds))


def ratio(rounds: Sequence[Round], one: str, other: str) -> Interval:
    """The geometric mean of one over the other, with its interval over rounds."""
    return mean_interval([math.log(each[one] / each[other]) for each in rounds]).exponential()


def overall(library: str, cases: Mapping[str, Sequence[Round]]) -> Interval:
    """The geometric mean over all cases, with its interval over the rounds that all have."""
    number = min(len(rounds) for rounds in cases.values())
    logs = []
    for place in range(number):
        each = (
            math.log(rounds[place][f"{library}, ours"] / rounds[place][best(library, rounds)])
            for rounds in cases.values()
        )
        logs.append(sum(each) / len(cases))
    return mean_interval(logs).exponential()


def _claim(library: str, cases: Mapping[str, Sequence[Round]], *, complete: bool) -> str:
    found = overall(library, cases)
    above = [
        name
        for name, rounds in cases.items()
        if (ratio(rounds, f"{library}, ours", best(library, rounds)).low or 0.0) > CASE
    ]
    holds = found.high is not None and found.high <= MOST and not above
    fails = above or (found.low is not None and found.low > MOST)
    answer = "not shown" if not complete else "yes" if holds else "no" if fails else "not shown"
    wholly = f" Wholly above {CASE:g}: {', '.join(above)}." if above else ""
    return (
        f"- {library}: the claim {SAID[answer]}: ours takes at most {MOST:g} times as long as the "
        f"best of the others, by the geometric mean. It is {_told(found)}.{wholly}"
    )


def _told(found: Interval) -> str:
    if found.low is None or found.high is None:
        return f"{found.point:.3f}"
    return f"{found.point:.3f} ({found.low:.3f} to {found.high:.3f})"
