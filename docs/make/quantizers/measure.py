"""Our int8 files beside NNCF's and ONNX Runtime's own: four networks at full width, three sizes
(python -m docs.make.quantizers.measure [--minutes N]).

Needs NNCF (``pip install nncf``) and a quiet machine with VNNI: without it, the figures are of
another instruction and are not to be taken. Each round is a process of its own for each network and
size, and is stored when it is done, so the same command goes on. The claims: the geometric mean of
ours ÷ the best of the others is 1.02 at most in each library, and no case lies wholly above 1.05.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from itertools import product
from typing import Any

from docs.make.engines.files import FULL
from docs.make.method.records import HOUSE, now, origin, read_record, write_record
from docs.make.quantizers.files import nncf_file, ort_file, our_file, parent_of
from docs.make.quantizers.others import FORMS
from sizewise.cli import console

NAME = "engines-quantizers"
SIDES = (320, 416, 640)
ROUNDS = 6
"""Fixed before any was taken."""
TIMEOUT_S = 900.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    end_s = time.monotonic() + 60 * parser.parse_args().minutes
    for name in FULL:
        _make(name)
    cases: dict[str, list[Any]] = {f"{name} at {side}": [] for name in FULL for side in SIDES}
    record = read_record(NAME) or origin() | {"planned": ROUNDS, "started": now(), "cases": cases}
    for number, name, side in product(range(ROUNDS), FULL, SIDES):
        rounds = record["cases"][f"{name} at {side}"]
        if len(rounds) > number:
            continue
        if time.monotonic() > end_s:
            break
        rounds.append(_timed(name, side, number))
        write_record(NAME, record | {"ended": now()})
        console.remark(f"Round {number + 1} of {ROUNDS}: {name} at {side}")


def _make(name: str) -> None:
    parent = parent_of(name)
    our_file(parent)
    nncf_file(parent)
    for form in FORMS:
        ort_file(parent, form)


def _timed(name: str, side: int, number: int) -> Any:
    program = (sys.executable, "-m", "docs.make.quantizers.timed", name, str(side), str(number))
    done = subprocess.run(
        program, cwd=HOUSE, check=True, timeout=TIMEOUT_S, capture_output=True, text=True
    )
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
