"""Put NMS into the graph of a detector's ONNX file, without torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.checks.contract import check_batch, check_contract
from exporter.checks.parity import onnx_runner
from exporter.checks.probes import Probe, Reference, Shown, plan_probes
from exporter.checks.repeating import demand_repeatable
from exporter.failures import demand_package, explained
from exporter.graph.passes import run_pass
from exporter.graph.serializing import demand_convertible, to_bytes
from exporter.suppression.check import check_suppression
from exporter.suppression.insert import Suppress, suppressed_card
from sizewise.core.errors import InputError, OutputError
from sizewise.core.files import written_whole
from sizewise.core.further.resolving import further_of
from sizewise.core.onnxfiles.model import load_onnx, read_model, with_inputs, write_card
from sizewise.core.progress import SILENT, Progress
from sizewise.core.specs import Dimension, ExportedModel, Size, Suppression

if TYPE_CHECKING:
    import onnx

_EXAMPLE = Size(320, 320)
_UNKNOWN_STRIDE = 64
"""The stride of probes where the card has none: most networks have 32 or 64."""


def with_suppression(
    model: ExportedModel,
    suppression: Suppression,
    out: Path,
    *,
    progress: Progress = SILENT,
) -> ExportedModel:
    """Write ``model``, whose card says its layout, with NMS in its graph as the file ``out``.

    The detections are compared with NumPy's NMS of the outputs of ``model`` in ONNX Runtime, and
    the new card holds that parity. Raises UsageError, InputError, OutputError,
    BackendUnavailableError (without ONNX Runtime) and ExportError (ParityError among them).
    """
    demand_package("onnxruntime", "cpu")
    card = suppressed_card(model.card, suppression)
    if out.resolve() == model.path.resolve():
        raise OutputError(
            f"{out} can't be written", "it is the model to convert", "Give another file name."
        )
    _demand_pictures(model)
    demand_convertible(model.path)
    layout, channels_first = model.card.layout, model.image.channels_first
    with written_whole(out) as draft, progress.stage(f"NMS in {out.name}", 2) as stage:
        graph = load_onnx(model.path)
        expected = tuple(_references(model, graph))
        stage.advance(note="run without it")
        graph = run_pass(Suppress(suppression, layout), graph)
        checks = check_suppression(
            graph, suppression, expected, layout=layout, channels_first=channels_first
        )
        write_card(
            graph, replace(card, parent_sha256=model.sha256, program_sha256="", parity=checks)
        )
        draft.write_bytes(graph.SerializeToString())
        stage.advance(note="same detections")
    return with_inputs(read_model(out), card.inputs)


def _demand_pictures(model: ExportedModel) -> None:
    if model.image.tensor.dtype != "float32" or model.image.channels != 3:
        raise InputError(
            f"NMS in {model.path.name} can't be checked",
            f"the check needs float32 RGB images, and the model takes {model.image.tensor}",
            "Give a model that takes float32 RGB images.",
        )


def _references(model: ExportedModel, graph: onnx.ModelProto) -> Iterator[Reference]:
    image, source = model.image, to_bytes(graph)
    run = onnx_runner(source, channels_first=image.channels_first, images_name=image.tensor.name)
    for place, probe in enumerate(_probes(model)):
        with explained(f"{model.path.name} does not run at {probe}"):
            outputs = run(probe)
        if not place:
            demand_repeatable(graph, str(probe), outputs, run(probe))
        check_batch(outputs, probe)
        check_contract(model.card, outputs, probe)
        yield Reference(probe=probe, outputs=outputs)


def _probes(model: ExportedModel) -> tuple[Probe, ...]:
    """The probes of an export, as far as the file leaves batch, height and width free."""
    image, further = model.image, further_of(model)
    batch, height, width = (
        image.tensor.shape[axis] for axis in (0, image.height_axis, image.width_axis)
    )
    stride = model.card.stride if model.card.stride > 1 else _UNKNOWN_STRIDE
    planned = plan_probes(
        example=_EXAMPLE,
        stride=stride,
        dynamic=True,
        further=further,
        shown=Shown(preprocessing=model.card.preprocessing),
    )
    fitted = (
        probe.at(
            _fixed(batch, probe.batch_size),
            Size(_fixed(height, probe.size.height), _fixed(width, probe.size.width)),
        )
        for probe in planned
    )
    return tuple(dict.fromkeys(fitted))


def _fixed(dimension: Dimension, free: int) -> int:
    return dimension if isinstance(dimension, int) else free
