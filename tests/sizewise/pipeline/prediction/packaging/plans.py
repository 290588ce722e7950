"""Plans of the network that finds the white rectangle, in folders, and what they should find."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sizewise.core.options.declared import fill
from sizewise.core.specs import ModelCard, Size
from sizewise.core.specs.plan import Plan
from sizewise.core.specs.stored_plan import write_plan
from sizewise.pipeline.prediction.packaging.options import PackageOptions
from sizewise.pipeline.prediction.packaging.packing import Package, package
from sizewise.pipeline.prediction.pool.engine_pool import EnginePool
from tests.sizewise.cli.finders import CARD, write_finder
from tests.sizewise.pipeline.prediction.pools import built, plan_of, rectangle

PICTURES = (Size(60, 64), Size(90, 96), Size(100, 130))
"""Of a plan: run by two static engines and a dynamic one."""
OTHERS = (Size(41, 90), Size(300, 500), Size(700, 80))
CLASSES = ('a "dark" one: {x}\\', "белый #1\n- x: y")
"""Names that pbtxt, YAML and JSON must escape."""


def stored_plan(
    folder: Path, backend: str = "onnxruntime", *, card: ModelCard | None = None, **model: Any
) -> Plan:
    """A plan and its engines, written into ``folder``; its paths are relative."""
    folder.mkdir(parents=True, exist_ok=True)
    write_finder(folder / "finder.onnx", card=card or replace(CARD, classes=CLASSES), **model)
    engines = (
        *built(folder, "64,96", backend=backend),
        *built(folder, "64,128", strategy="dynamic", backend=backend),
    )
    plan = plan_of(engines, PICTURES)
    names = {one.name: f"{backend} {one.spec.strategy} {one.spec.spans}" for one in plan.engines}
    plan = replace(
        plan,
        models=tuple(replace(one, path="finder.onnx") for one in plan.models),
        engines=tuple(
            replace(one, name=names[one.name], artifact=os.path.relpath(one.artifact, folder))
            for one in plan.engines
        ),
        routes=tuple(
            replace(one, place=replace(one.place, engine=names[one.place.engine]))
            for one in plan.routes
        ),
    )
    write_plan(plan, folder / "plan.json")
    return plan


def packed(plan: Path, out: Path, target: str, **options: object) -> Package:
    return package(plan, fill(PackageOptions, {"target": target, **options}), out=out)


def write_pictures(folder: Path) -> list[Path]:
    """Pictures of sizes that the plan has, of others, and one in which nothing is white."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, size in enumerate((*PICTURES, *OTHERS)):
        paths.append(folder / f"{number}.png")
        Image.fromarray(rectangle(size.height, size.width, seed=number)).save(paths[-1])
    paths.append(folder / "empty.png")
    Image.new("RGB", (50, 40)).save(paths[-1])
    return paths


def expected_boxes(plan: Path, pictures: Sequence[Path]) -> list[dict[str, Any]]:
    """What the engines of the plan find, by the code of ``predict``."""
    with EnginePool(plan) as pool:
        found = [pool.predict(path).arrays() for path in pictures]
    return [{name: array.tolist() for name, array in one.items()} for one in found]


def run_alone(script: Path, *arguments: object) -> list[dict[str, Any]]:
    """What a script of a package prints, in a process where nothing of sizewise can be imported."""
    rooms = ("sizewise", "netzoo", "exporter", "engines", "bench", "reports")
    code = (
        f"import runpy, sys; sys.modules.update(dict.fromkeys({rooms!r})); "
        "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    command = (sys.executable, "-I", "-c", code, str(script), *map(str, arguments))
    done = subprocess.run(command, capture_output=True, text=True, cwd=script.anchor, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def texts_of(folder: Path) -> dict[str, str]:
    """All files of a package that are text, by their names in it."""
    binary = (".onnx", ".png")
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in binary
    }


def noise(shape: Sequence[int], seed: int = 0) -> Any:
    return np.random.default_rng(seed).random(shape, np.float32)
