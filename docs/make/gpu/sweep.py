"""Every back end that runs on the GPU of this machine, measured over sizes, precisions, strategies,
batches, and CUDA graphs on and off (make gpu).

What was exported, built or measured already is not done again. ``--make`` only makes the files,
which needs no GPU; an hour and more of one is needed after that, and nothing else may use it
meanwhile. ``--networks``, ``--precisions`` and ``--batches`` take a part, where there is a GPU for
minutes only.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from bench.journal.store import Store
from bench.planning.settings import SweepSettings
from bench.sweep import RESULTS, sweep
from docs.make.engines import files
from docs.make.engines.matrix import IMAGES, NARROW, SCALES
from docs.make.engines.pages import machine
from docs.make.pages import HOUSE, MEASURED
from engines.base import Backend
from engines.registry import find_backend
from engines.tensorrt.compatibility import why_not_here
from engines.tensorrt.options import TensorRtOptions
from sizewise.cli import console
from sizewise.core import codec
from sizewise.core.errors import ExportError
from sizewise.core.files import written_whole
from sizewise.core.machine.nvidia import find_devices
from sizewise.core.options.declared import fill
from sizewise.core.specs import ExportedModel

BACKENDS = ("tensorrt", "tensorrt_rtx", "onnxruntime_cuda", "onnxruntime_tensorrt", "torch_cuda")
OUT = HOUSE / "runs" / "gpu"
NETWORKS = ("yolov3-tiny", "yolov4-tiny", "multiscale/hierarchical", "multiscale/absi")
SIZES = "224:448:32"
"""Of narrow networks: a quarter of the channels."""
FULL = ("yolov4-tiny", "yolov4-csp", "multiscale/hierarchical")
LABELS = (*(f"{name}, full" for name in FULL), *(f"{name}, narrow" for name in NETWORKS))
FULL_SIZES = "320,416,640"
BATCHES = (1, 8)
PROTOCOL: Mapping[str, Any] = {"processes": 3, "rounds": 5, "block_s": 0.1, "warmup_calls": 10}


@dataclass(frozen=True, kw_only=True)
class Network:
    """``models`` are its files, one of each precision that was made."""

    name: str
    width: str
    sizes: str
    models: tuple[ExportedModel, ...]

    @property
    def label(self) -> str:
        return f"{self.name}, {self.width}"


def main(arguments: Sequence[str] = ()) -> None:
    """Raises SystemExit where nothing can be measured here."""
    given = _parser().parse_args(arguments)
    if given.make:
        for network in networks(given.networks, given.precisions):
            typer.echo(f"{network.label}: {len(network.models)} files")
        return
    reasons = {name: refusal(find_backend(name)) for name in BACKENDS}
    left_out = {name: why for name, why in reasons.items() if why}
    able = [find_backend(name) for name, why in reasons.items() if not why]
    if not able:
        told = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        raise SystemExit(f"Nothing was measured, for no back end runs on a GPU here ({told}).")
    for name, why in left_out.items():
        console.remark(f"{name} is left out: {why}")
    record = machine() | {"left_out": left_out, "networks": []}
    path = record_path()
    offered = {p for backend in able for p in backend.precisions}
    for network in networks(given.networks, offered & set(given.precisions)):
        record["networks"].append(_measured(network, able, given.batches))
        _write(path, record)
        typer.echo(f"{network.label}: {_results(network)}")
    typer.echo(f"{path}: {', '.join(backend.name for backend in able)}")
    console.next_step("sizewise report, for any of these results")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--make", action="store_true")
    parser.add_argument("--networks", nargs="+", choices=LABELS, default=LABELS)
    parser.add_argument("--precisions", nargs="+", default=files.all_precisions())
    parser.add_argument("--batches", nargs="+", type=int, default=BATCHES)
    return parser


def refusal(backend: Backend) -> str:
    """Why it can't build or run here; empty where it can."""
    answers = (backend.can_build(), backend.can_run())
    return next((answer.reason for answer in answers if not answer.ok), "")


def record_path() -> Path:
    """Named after the GPU."""
    device = find_devices().found[0].name
    return MEASURED / f"gpu-{re.sub(r'[^a-z0-9]+', '-', device.lower())}.json"


def networks(labels: Collection[str], precisions: Collection[str]) -> Iterator[Network]:
    """Some of full width and narrow ones, in those of ``precisions`` that can be made of them."""
    for label in labels:
        name, width = label.split(", ")
        if width == "full":
            made = tuple(files.full_width(name, precisions).values())
            yield Network(name=name, width=width, sizes=FULL_SIZES, models=made)
        else:
            parent = files.export(name, files.OUT / "narrow", *(SCALES if "/" in name else NARROW))
            made = tuple(_in_precisions(parent, precisions))
            yield Network(name=name, width=width, sizes=SIZES, models=made)


def _in_precisions(parent: ExportedModel, precisions: Collection[str]) -> Iterator[ExportedModel]:
    yield parent
    looks = files.look("128,192", "128", IMAGES)
    for precision in files.all_precisions():
        if precision in precisions and precision != parent.card.precision:
            try:
                yield files.in_precision(parent, precision, looks)
            except ExportError as error:
                console.remark(str(error))


def _measured(
    network: Network, able: Collection[Backend], batches: Collection[int]
) -> dict[str, Any]:
    """A file and a batch at a time: all engines that take turns are on the GPU at once."""
    for model in network.models:
        for batch in batches:
            label = f"{network.label}, {model.card.precision}, batch {batch}"
            console.remark(f"Measuring {label}")
            asked = settings(model, able, network.sizes, batch)
            out = _results(network).parent
            sweep((model,), asked, out, command="make gpu", progress=console.reporter())
    with Store.open(_results(network), read_only=True) as store:
        runs = [codec.to_plain(run) for run in store.runs()]
    return {"network": network.name, "width": network.width, "runs": runs}


def _results(network: Network) -> Path:
    return OUT / f"{network.width}-{network.name.replace('/', '-')}" / RESULTS


def settings(
    model: ExportedModel, able: Collection[Backend], sizes: str, batch: int
) -> SweepSettings:
    """A table for each back end that takes the file, and one without CUDA graphs where it captures
    them by itself."""
    tables = [
        {"backends": (backend.name,), "strategies": backend.strategies, "options": options}
        for backend in able
        if model.card.precision in backend.precisions
        for options in _options(backend)
    ]
    common = {"sizes": sizes, "batch": batch, "threads": 1, "sweep": tables}
    return fill(SweepSettings, common | PROTOCOL)


def _options(backend: Backend) -> tuple[tuple[str, ...], ...]:
    if not issubclass(backend.options_type, TensorRtOptions):
        return ((),)
    devices = find_devices()
    away = why_not_here(backend.options_type(), devices)
    here = (f"capabilities={devices.found[0].capability}",) if away else ()
    return here, (*here, "cuda_graphs=false")


def _write(path: Path, record: Mapping[str, Any]) -> None:
    """Without the folders of this machine."""
    with written_whole(path) as draft:
        text = codec.to_json(record).replace(f"{HOUSE}/", "")
        draft.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
