"""Export a PyTorch module to ONNX with free batch, height and width, checked for parity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn
from torch.export import ExportedProgram

from exporter.capture import load_program, save_program, with_lines, without_lines
from exporter.checks.contract import check_contract
from exporter.checks.parity import check, check_onnx, least_that_agrees
from exporter.checks.probes import Reference, Shown, plan_probes, small_probes
from exporter.checks.reference import reference_at, references, run_module
from exporter.checks.tolerance import demand_sensitive
from exporter.diagnosis.guards import Guards, blamed, recorded_guards
from exporter.diagnosis.lines import lines_of
from exporter.failures import demand_package
from exporter.graph.passes import run_pass
from exporter.graph.serializing import refuse_above_limit, to_bytes
from exporter.lowering import INPUT_NAME, lower
from exporter.modules.outputs import wrapped_as
from exporter.suppression.check import check_suppression
from exporter.suppression.insert import Suppress, suppressed_card
from sizewise.core.errors import ExportError, UsageError
from sizewise.core.files import output_error, written_whole
from sizewise.core.onnxfiles.model import read_model, sha256_of, with_inputs, write_card
from sizewise.core.options.declared import spelled
from sizewise.core.progress import SILENT, Progress
from sizewise.core.specs import (
    ExportedModel,
    FurtherInput,
    ModelCard,
    ParityCheck,
    Size,
    Suppression,
)


def export(
    module: nn.Module,
    card: ModelCard,
    path: Path,
    *,
    output_names: tuple[str, ...],
    example: Size,
    dynamic: bool = True,
    opset: int = 20,
    suppression: Suppression | None = None,
    smallest_unknown: bool = False,
    further: tuple[FurtherInput, ...] = (),
    channels: int = 3,
    images_name: str = INPUT_NAME,
    progress: Progress = SILENT,
) -> ExportedModel:
    """Write ``path`` (``.onnx``) and a ``.pt2`` file beside it, both of them or neither.

    ``module`` takes images [B, channels, H, W] in float32, called ``images_name`` in the graph, and
    behind them the inputs ``further``. It
    returns the outputs of ``output_names``, and is put into evaluation mode. Height and width are
    free multiples of ``card.stride``; without ``dynamic`` they are the example's (the batch is free
    in either case). The file's card holds the parity of every output at every probe. With
    ``smallest_unknown``, ``card.smallest`` is known of the module alone: the file's is the least
    one at which both agree.

    With ``suppression``, for detectors, NMS is put into the ONNX graph
    (``exporter.suppression.insert``), and there is no ``.pt2``: PyTorch has no operator for it.

    Raises UsageError, OutputError, BackendUnavailableError (without ONNX Runtime) and ExportError:
    UnsupportedOperatorError for an operator that ONNX lacks, ParityError where the module and the
    result compute different values.
    """
    demand_package("onnxscript", "torch")
    demand_package("onnxruntime", "cpu")
    _check_request(path, example, card, dynamic=dynamic)
    _check_weights(module)
    new_card = card if suppression is None else suppressed_card(card, suppression)
    program_path = path.with_suffix(".pt2")
    module.eval()
    with (
        written_whole(path) as draft,
        written_whole(program_path) if suppression is None else _none_at(program_path) as beside,
        progress.stage(f"export {card.stem}", 4) as stage,
        recorded_guards(example) as guards,
    ):
        probes = plan_probes(
            example=example,
            stride=card.stride,
            dynamic=dynamic,
            smallest=card.smallest,
            further=further,
            shown=Shown(channels=channels, preprocessing=card.preprocessing),
        )
        expected = references(module, probes, output_names, example=example)
        _check_outputs(card, expected)
        demand_sensitive(expected)
        stage.advance(note="run eagerly")
        noted = with_lines(
            module,
            example=example,
            stride=card.stride,
            dynamic=dynamic,
            smallest=card.smallest if smallest_unknown else 1,
            further=further,
            channels=channels,
        )
        guards.lines.update(lines_of(noted))
        program = without_lines(noted)
        program_sha256 = _saved(program, beside, expected, output_names, guards) if beside else ""
        stage.advance(note="captured")
        with blamed(guards, *probes):
            model = lower(
                program,
                output_names=output_names,
                stride=card.stride,
                dynamic=dynamic,
                opset=opset,
                input_names=[images_name, *(one.name for one in further)],
                root=wrapped_as(module),
                lines=guards.lines,
            )
        stage.advance(note="converted to ONNX")
        smallest = _smallest(card, dynamic=dynamic)
        if suppression is None:
            checks = check_onnx(to_bytes(model), expected, guards)
            if smallest_unknown and dynamic:
                smallest, more = _tried_smaller(module, card, to_bytes(model), expected)
                checks = (*more, *checks)
        else:
            model = run_pass(Suppress(suppression, card.layout), model)
            checks = check_suppression(model, suppression, expected, layout=card.layout)
        new_card = replace(
            new_card,
            precision="fp32",
            smallest=smallest,
            parity=checks,
            program_sha256=program_sha256,
        )
        write_card(model, new_card)
        draft.write_bytes(model.SerializeToString())
        stage.advance(note="agrees with eager PyTorch")
    return with_inputs(read_model(path), card.inputs)


def _tried_smaller(
    module: nn.Module, card: ModelCard, model: bytes, expected: Sequence[Reference]
) -> tuple[int, tuple[ParityCheck, ...]]:
    """The least side at which the graph agrees with the module, from ``card.smallest`` on, and the
    checks at sides below those of ``expected``."""
    most = min(min(one.probe.size.height, one.probe.size.width) for one in expected)
    names = tuple(expected[0].outputs)
    probes = small_probes(card.smallest, card.stride, most, expected[0].probe)
    small = [reference_at(module, probe, names) for probe in probes]
    return least_that_agrees(model, small, most)


@contextmanager
def _none_at(path: Path) -> Iterator[None]:
    """Remove the file of an earlier export at ``path`` when the block ends without an error."""
    yield
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise output_error(path, error) from error


def _saved(
    program: ExportedProgram,
    path: Path,
    expected: Sequence[Reference],
    names: Sequence[str],
    guards: Guards,
) -> str:
    """Save the program, check the saved file and return its SHA-256. Raises ParityError."""
    save_program(program, path, guards.lines)
    saved = load_program(path)
    check("exported program", lambda probe: run_module(saved, probe, names), expected, guards)
    return sha256_of(path)


def _check_request(path: Path, example: Size, card: ModelCard, *, dynamic: bool) -> None:
    stride = card.stride
    if path.suffix != ".onnx":
        raise UsageError(
            f"The model can't be exported to {path}",
            "the name does not end in .onnx",
            "Give a path that ends in .onnx.",
        )
    least = _smallest(card, dynamic=dynamic)
    if (
        example.height % stride
        or example.width % stride
        or min(example.height, example.width) < least
    ):
        side = max(10 * stride, card.round_up(least))
        raise UsageError(
            f"The network can't be exported at {example}",
            f"height and width must be multiples of {stride}, and at least {least}",
            f"Give a size such as {Size(side, side + 3 * stride)}.",
        )


def _smallest(card: ModelCard, *, dynamic: bool) -> int:
    """The smallest side: with a free size two strides, or the network's own where that is larger.

    Torch takes a feature map of one cell as a constant.
    """
    return max(2 * card.stride, card.smallest) if dynamic else card.stride


def _check_weights(module: nn.Module) -> None:
    tensors = {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}.values()
    refuse_above_limit(sum(tensor.nbytes for tensor in tensors))
    for tensor in tensors:
        if tensor.is_floating_point() and tensor.dtype != torch.float32:
            raise ExportError(
                "The module can't be exported",
                f"it holds {tensor.dtype} weights, and an export starts from float32",
                "Call .float() on the module. Choose the precision of the graph with "
                f"{spelled('precision')}.",
            )
        if tensor.device.type != "cpu":
            raise ExportError(
                "The module can't be exported",
                f"its weights are on {tensor.device}",
                "Call .cpu() on the module.",
            )


def _check_outputs(card: ModelCard, expected: tuple[Reference, ...]) -> None:
    for reference in expected:
        check_contract(card, reference.outputs, reference.probe)
