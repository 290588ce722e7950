"""How fast a training goes, beside a bare loop and beside its loader
(python -m docs.make.training.measure [--turns N]): reports/measured/training-speeds.json, which
docs.make.training.page prints."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from docs.make.method.records import now, origin, write_record
from docs.make.training.speeds import Loops, Spent, bare_loop, loaded, pictures
from netzoo.training.settings import TrainingSettings
from sizewise.cli import console
from sizewise.core import codec
from sizewise.core.machine.cores import usable_cores
from sizewise.core.specs import Size

NAME = "training-speeds"
TURNS, STEPS = 7, 10
PRESETS = ("none", "light", "mosaic", "strong")
PICTURES, IMAGES = 48, 64
LOOP = TrainingSettings(
    steps=STEPS, batch_size=4, sizes=(Size(224, 224),), threads=1, arithmetic="fp32"
)
SIZE = Size(416, 416)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=TURNS)
    turns = parser.parse_args().turns
    started, before = now(), origin()
    load = [os.getloadavg()[0]]
    with TemporaryDirectory() as folder:
        data = pictures(Path(folder), PICTURES)
        loops = Loops(data, LOOP)
        loader: dict[str, list[Spent]] = {preset: [] for preset in PRESETS}
        consumer: list[Spent] = []
        for turn in range(turns):
            console.remark(f"turn {turn + 1} of {turns}")
            loops.take_turn()
            for preset in PRESETS:
                loader[preset].append(loaded(data, preset, IMAGES, SIZE))
            consumer.append(bare_loop(data, consuming(steps=2)))
            load.append(os.getloadavg()[0])
    record: dict[str, Any] = before | {
        "started": started,
        "ended": now(),
        "load_averages": load,
        "loop": {"ours": codec.to_plain(loops.ours), "bare": codec.to_plain(loops.bare)},
        "loader": codec.to_plain(loader),
        "consumer": {"cores": usable_cores(), "turns": codec.to_plain(consumer)},
    }
    write_record(NAME, record)


def consuming(steps: int) -> TrainingSettings:
    """The network at its published size, on all cores."""
    return TrainingSettings(steps=steps, batch_size=8, sizes=(SIZE,), arithmetic="fp32")


if __name__ == "__main__":
    main()
