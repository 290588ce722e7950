"""Engines whose difference is known, on a machine with something else to do
(python -m docs.make.method.loaded [--minutes N]).

Twenty sweeps, in ONNX Runtime and OpenVINO by turns, each of four engines in twelve waves: ten
convolutions twice, and eleven twice. Meanwhile a process of ours takes 6.5 % of one core. So forty
pairs are the same engine twice, and forty have a tenth more work on one side. Each sweep is stored
when it is done, so the same command goes on.

The claims: at most four of the eighty rows disturbed, at most one false verdict of eighty pairs,
and at least 34 of the forty differences found.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.audit.burner import start_burner
from bench.audit.twins import Twins, measure_twins
from docs.make.method.records import OUT, now, origin, read_record, write_record
from docs.make.method.verdicts import loaded_answer
from sizewise.cli import console
from sizewise.core import codec
from sizewise.core.files import output_folder

NAME = "method-loaded"
BACKENDS = ("onnxruntime", "openvino")
SWEEPS, WAVES, THREADS = 20, 12, 2
BURNT = 0.065
"""The share of one core."""
MOST_DISTURBED, MOST_FALSE, LEAST_FOUND = 4, 1, 34


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    end_s = time.monotonic() + 60 * parser.parse_args().minutes
    sweeps = list((read_record(NAME) or {}).get("sweeps", []))
    while len(sweeps) < SWEEPS and time.monotonic() < end_s:
        sweeps.append(_measured(BACKENDS[len(sweeps) % len(BACKENDS)]))
        write_record(NAME, _record(sweeps))
        console.remark(_line(len(sweeps), sweeps[-1]))


def _measured(backend: str) -> dict[str, Any]:
    """The record of one sweep."""
    before, started = origin(), now()
    with (
        TemporaryDirectory(dir=output_folder(OUT)) as folder,
        start_burner(BURNT),
    ):
        twins = measure_twins(backend, THREADS, Path(folder), waves=WAVES, minutes=30)
    plain: dict[str, Any] = codec.to_plain(twins)
    return plain | {"started": started, "ended": now(), "origin": before} | _counts(twins)


def _counts(twins: Twins) -> dict[str, int]:
    return {
        "pairs_false": sum(one.different for one in twins.same)
        + sum(one.verdict == "FASTER" for one in twins.planted),
        "differences_found": sum(one.verdict == "SLOWER" for one in twins.planted),
    }


def _record(sweeps: Sequence[dict[str, Any]]) -> dict[str, Any]:
    counts = {
        name: sum(one[name] for one in sweeps) for name in ("pairs_false", "differences_found")
    }
    record = origin() | {
        "started": sweeps[0]["started"],
        "ended": sweeps[-1]["ended"],
        "planned": SWEEPS,
        "waves": WAVES,
        "burnt_of_one_core": BURNT,
        **counts,
        "most_disturbed": MOST_DISTURBED,
        "most_false": MOST_FALSE,
        "least_found": LEAST_FOUND,
        "sweeps": list(sweeps),
    }
    return record | {"holds": loaded_answer(record) == "yes"}


def _line(number: int, one: dict[str, Any]) -> str:
    found = [
        f"{judged['ratio']['ratio']:.3f} {judged['verdict']}"
        for judged in (*one["same"], *one["planted"])
    ]
    return f"{number} of {SWEEPS}, {one['backend']}: {', '.join(found)}"


if __name__ == "__main__":
    main()
