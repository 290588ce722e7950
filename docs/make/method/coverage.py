"""How often intervals of accuracy hold the truth (python -m docs.make.method.coverage).

The model of a detector is that of tests/sizewise/core/evidence. Counts go to
reports/measured/method-coverage.json; the same code gives the same counts on any machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from docs.make.method.records import MISSING, now, origin, read_record, write_record
from docs.make.method.words import commit
from docs.make.pages import grid
from sizewise.cli import console
from tests.sizewise.core.evidence.covering import SKILLS, coverage, true_metrics

NAME = "method-coverage"
SEED = 20261127
IMAGES = (100, 400)
REPEATS = 400
"""A share of 95 % is then known to ±2.1 points."""
SAYS = {
    "accuracy": "intervals of an accuracy that hold the truth",
    "difference": "intervals of a difference of two detectors that hold the truth",
    "tie": "pairs of equal detectors that tie",
}
TITLES = {"ap": "AP", "ap50": "AP50"}


def main() -> None:
    started, before = now(), origin()
    counts = {}
    for images in IMAGES:
        counts[str(images)] = coverage(images, REPEATS, seed=SEED)
        console.remark(f"{images} images: {counts[str(images)]}")
    made = {"seed": SEED, "repeats": REPEATS, "truth": dict(true_metrics(SKILLS[0]))}
    record = before | made | {"started": started, "ended": now(), "counts": counts}
    write_record(NAME, record)


def table() -> Sequence[str]:
    """Each kind with what was counted."""
    record = read_record(NAME)
    if record is None:
        return MISSING
    truth = ", ".join(f"{TITLES[name]} {value:.2f}" for name, value in record["truth"].items())
    headers = ("of 95 % intervals", *(f"{images} images" for images in record["counts"]))
    return [
        f"Of {record['repeats']:,} repetitions each; a detector with {truth}, and a better one.",
        "",
        *grid(headers, _rows(record)),
        "",
        f"Seed {record['seed']}, {commit(record)}, {record['started']} to {record['ended']}.",
    ]


def _rows(record: dict[str, Any]) -> Iterable[Sequence[str]]:
    for metric in record["truth"]:
        for kind, says in SAYS.items():
            hits = (counts[metric][kind] for counts in record["counts"].values())
            shares = (f"{100 * count / record['repeats']:.1f} %" for count in hits)
            yield f"{TITLES[metric]}: {says}", *shares


if __name__ == "__main__":
    main()
