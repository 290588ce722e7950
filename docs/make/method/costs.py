"""What all the care costs: a warm build, and a sweep that has nothing to do
(python -m docs.make.method.costs [--turns N]).

Whole processes are timed, by turns with what they are held against, and medians taken: the record
is reports/measured/reliability-costs.json. docs.make.reliability prints it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.audit.models import write_pyramid
from bench.planning import schedule
from docs.make.engines.files import export
from docs.make.method.records import now, origin, write_record
from docs.make.reliability import COSTS
from sizewise.cli import console

TURNS = 9
IMPORTS: Mapping[str, str] = {
    "onnxruntime": "import onnxruntime",
    # As sizewise imports it: the plain import reports itself.
    "openvino": "import sys; sys.modules['openvino_telemetry'] = None; import openvino",
}
_SIZEWISE = "from sizewise.cli import main; main()"
_SWEEP = ("--strategy", "static,dynamic", "--sizes", "160,224,288")


def seconds(*command: str) -> float:
    """What a whole Python process takes; ``command`` is code and its arguments. Raises
    CalledProcessError."""
    environment = os.environ | {"ORT_DISABLE_TELEMETRY": "1"}
    # Nobody compiles all of Python's files at every start, as this would make it do.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    begin = time.perf_counter()
    subprocess.run(
        (sys.executable, "-c", *command), check=True, capture_output=True, env=environment
    )
    return time.perf_counter() - begin


@dataclass
class WarmBuild:
    """A build of a ``model`` whose engine is there, beside the import of its back end: seconds of
    whole processes, turn by turn."""

    backend: str
    model: Path
    out: Path
    import_s: list[float] = field(default_factory=list)
    build_s: list[float] = field(default_factory=list)

    def build(self) -> float:
        """Seconds of ``sizewise build``."""
        options = ("--backend", self.backend, "--sizes", "160", "--out", str(self.out))
        return seconds(_SIZEWISE, "build", str(self.model), *options)

    def take_turn(self) -> None:
        """Time both, each first in every other turn."""
        parts = [
            lambda: self.import_s.append(seconds(IMPORTS[self.backend])),
            lambda: self.build_s.append(self.build()),
        ]
        for part in parts[:: 1 if len(self.build_s) % 2 else -1]:
            part()

    @property
    def more_s(self) -> float:
        """Seconds that the build takes more: the median over turns."""
        pairs = zip(self.build_s, self.import_s, strict=True)
        return statistics.median(build - imported for build, imported in pairs)


@dataclass
class Again:
    """A sweep, and the same command again when all is on file: seconds of whole processes."""

    backend: str
    model: Path
    out: Path
    options: Sequence[str] = _SWEEP
    first_s: float = 0.0
    again_s: list[float] = field(default_factory=list)

    def sweep(self) -> float:
        """Seconds of ``sizewise bench``."""
        options = ("--backend", self.backend, *self.options, "--out", str(self.out))
        return seconds(_SIZEWISE, "bench", str(self.model), *options)

    def begin(self) -> None:
        """Measure all that the command asks for. Rows that were disturbed are measured again by
        later runs, which end that."""
        self.first_s = self.sweep()
        for _ in range(schedule.AGAIN):
            self.sweep()

    def take_turn(self) -> None:
        self.again_s.append(self.sweep())

    @property
    def share(self) -> float:
        """The median of the times again, over the first."""
        return statistics.median(self.again_s) / self.first_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=TURNS)
    turns = parser.parse_args().turns
    started, before = now(), origin()
    with TemporaryDirectory() as folder:
        found = measured(Path(folder), turns)
    write_record(COSTS, before | {"started": started, "ended": now(), "turns": turns} | found)


def measured(folder: Path, turns: int) -> dict[str, Any]:
    """The seconds of all, as plain values."""
    network = export("yolov4-tiny", folder / "models").path
    small = write_pyramid(folder / "models" / "pyramid.onnx").path
    warm = [WarmBuild(name, network, folder / "engines") for name in IMPORTS]
    for build in warm:
        build.build()
    for _ in range(turns):
        for build in warm:
            build.take_turn()
    again = [Again(name, small, folder / name) for name in ("fake", "onnxruntime")]
    for one in again:
        one.begin()
        for _ in range(turns):
            one.take_turn()
    console.remark(f"{[(b.backend, round(b.more_s, 3)) for b in warm]}")
    console.remark(f"{[(a.backend, round(a.share, 4)) for a in again]}")
    return {
        "network": network.stem,
        "warm_builds": [
            {"backend": b.backend, "import_s": b.import_s, "build_s": b.build_s} for b in warm
        ],
        "sweeps": [
            {"backend": a.backend, "first_s": a.first_s, "again_s": a.again_s} for a in again
        ],
    }


if __name__ == "__main__":
    main()
