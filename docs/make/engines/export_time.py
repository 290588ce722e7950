"""How long ``sizewise export`` takes to write four precisions, beside an earlier version
(python -m docs.make.engines.export_time [--reference COMMIT]).

YOLOv4-CSP at full width is exported once by each version, which is timed too; then each writes
FP16, BF16, INT8 and FP8 from its own FP32 file, by turns, with what it does by default: calibration
on ``digits``, and the error of each file at its usual sizes. The earlier version is a worktree of
this repository, and both run in this environment. The claim: at most 0.35 of the earlier time.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from docs.make.method.records import OUT, now, origin, read_record, write_record
from docs.make.pages import HOUSE
from docs.make.same_as import Code, worktree
from sizewise.cli import console
from sizewise.core.files import output_folder

NAME = "engines-export-time"
REFERENCE = "02304f7"
NETWORK = "yolov4-csp"
PRECISIONS = "fp16,bf16,int8,fp8"
ROUNDS = 3
"""Fixed before any was taken."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", default=REFERENCE)
    reference = parser.parse_args().reference
    record = origin() | {
        "started": now(),
        "reference": reference,
        "network": NETWORK,
        "precisions": PRECISIONS,
        "planned": ROUNDS,
        "rounds": list((read_record(NAME) or {}).get("rounds", [])),
    }
    with worktree(reference) as tree, TemporaryDirectory(dir=output_folder(OUT)) as folder:
        trees = {"before": tree, "now": HOUSE}
        codes = {name: _code(where, Path(folder) / name) for name, where in trees.items()}
        record["export_s"] = {name: _timed(code, *_exported()) for name, code in codes.items()}
        console.remark(f"Exported: {record['export_s']}")
        while len(record["rounds"]) < ROUNDS:
            record["rounds"].append(_round(codes, len(record["rounds"])))
            write_record(NAME, record | {"ended": now()})
            console.remark(f"Round {len(record['rounds'])} of {ROUNDS}: {record['rounds'][-1]}")


def _code(tree: Path, folder: Path) -> Code:
    folder.mkdir()
    code = Code(tree, folder)
    if not code.is_used():
        raise SystemExit(f"{tree} is not what Python imports")
    return code


def _round(codes: dict[str, Code], number: int) -> dict[str, float]:
    """Seconds by version, which begin by turns."""
    order = list(codes) if number % 2 == 0 else list(reversed(codes))
    return {name: _timed(codes[name], *_converted(number)) for name in order}


def _exported() -> tuple[str, ...]:
    return ("export", NETWORK, "--dynamic", "--out", "fp32")


def _converted(number: int) -> tuple[str, ...]:
    file = f"fp32/{NETWORK}.onnx"
    return (
        *("export", file, "--precision", PRECISIONS),
        *("--calibrate", "digits", "--out", f"round-{number}"),
    )


def _timed(code: Code, *command: str) -> float:
    start = time.perf_counter()
    code.said(*command)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
