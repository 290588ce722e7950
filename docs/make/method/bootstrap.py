"""Seconds of the interval of an accuracy, for evidence as large as that of data sets that people
use (python -m docs.make.method.bootstrap).

A report takes as long for each row, once: resamples are kept for all comparisons of the row.
"""

from __future__ import annotations

import statistics
import time

from docs.make.method.records import now, origin, write_record
from sizewise.cli import console
from sizewise.core.evidence import accuracy_interval
from tests.sizewise.core.evidence.sized import EXTENTS, Extent, evidence_of

NAME = "method-bootstrap"
REPEATED = 3
MOST_S = 2.0
"""What a row may take."""


def main() -> None:
    started, before = now(), origin()
    rows = [{"name": name} | _measured(extent) for name, extent in EXTENTS.items()]
    for row in rows:
        console.remark(f"{row['name']}: {row['seconds']:.2f} s")
    record = {"started": started, "ended": now(), "most_s": MOST_S, "rows": rows}
    write_record(NAME, before | record)


def _measured(extent: Extent) -> dict[str, float]:
    """Images, detections, and the median of some CPU times: other programs are not in them."""
    taken = []
    for seed in range(REPEATED):
        evidence = evidence_of(extent, seed)
        begin = time.process_time()
        accuracy_interval(evidence, "ap")
        taken.append(time.process_time() - begin)
    return {
        "images": extent.images,
        "detections": len(evidence.image),
        "seconds": statistics.median(taken),
    }


if __name__ == "__main__":
    main()
