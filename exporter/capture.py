"""Capture a module as an ExportedProgram with free batch, height and width; save and load it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.export import Dim, ExportedProgram

from exporter.checks.probes import Probe, plan_probes
from exporter.diagnosis.guards import Guards, recorded_guards, usual_probes
from exporter.diagnosis.lines import noted_lines
from exporter.diagnosis.places import Place
from exporter.failures import explained, explained_capture, is_violation, quiet_torch
from exporter.modules.further import tensors_of
from sizewise.core.errors import ExportError
from sizewise.core.specs import FurtherInput, Size
from sizewise.core.specs.further import BATCH, HEIGHT, WIDTH

NOT_CAPTURED = "The module can't be captured by torch.export"
_BATCH = 2
"""Batch size of the traced example: torch takes a dimension of 1 as a constant."""


def capture(
    module: nn.Module,
    *,
    example: Size,
    stride: int,
    dynamic: bool,
    smallest: int = 1,
    further: tuple[FurtherInput, ...] = (),
    channels: int = 3,
) -> ExportedProgram:
    """Trace ``module`` on random noise of the example's size, and on what its further inputs are
    given.

    The batch is free. Where ``dynamic``, height and width are free multiples of ``stride``, from
    two strides and ``smallest`` pixels upwards (torch takes a feature map of one cell as a
    constant). Raises ExportError.
    """
    return without_lines(
        with_lines(
            module,
            example=example,
            stride=stride,
            dynamic=dynamic,
            smallest=smallest,
            further=further,
            channels=channels,
        )
    )


def with_lines(
    module: nn.Module,
    *,
    example: Size,
    stride: int,
    dynamic: bool,
    smallest: int = 1,
    further: tuple[FurtherInput, ...] = (),
    channels: int = 3,
) -> ExportedProgram:
    """The same program, in which torch noted the source line of each operator.

    Where torch refuses small sizes alone, it starts from larger ones.
    """
    trace = partial(_traced, module, dynamic=dynamic, further=further, channels=channels)
    with recorded_guards(example) as guards:
        try:
            return trace(guards, stride, smallest)
        except ExportError as error:
            least = guards.least_side(stride) if dynamic and is_violation(error) else None
            if least is None or least <= max(2 * stride, smallest):
                raise
    with recorded_guards(example) as guards:
        return trace(guards, stride, least)


def _traced(
    module: nn.Module,
    guards: Guards,
    stride: int,
    smallest: int,
    *,
    dynamic: bool,
    further: tuple[FurtherInput, ...],
    channels: int,
) -> ExportedProgram:
    example = guards.example
    images = torch.rand(_BATCH, channels, example.height, example.width)
    axes: dict[int, Any] = {0: Dim("batch")}
    probes: Iterable[Probe] = plan_probes(example=example, stride=stride, dynamic=False)
    if dynamic:
        cells = -(-smallest // stride)
        axes |= {2: _multiples(stride, "height", cells), 3: _multiples(stride, "width", cells)}
        probes = usual_probes(example, stride, max(2 * stride, smallest))
    beside = tensors_of(further, _BATCH, example)
    shapes: tuple[Any, ...] = (axes,)
    if further:
        shapes = (axes, tuple(_free(one, axes) for one in further))
    explaining = explained_capture(NOT_CAPTURED, guards, probes, stride)
    with torch.no_grad(), quiet_torch(), noted_lines(), explaining:
        program = torch.export.export(module, (images, *beside), dynamic_shapes=shapes)
    _demand_symbolic(program, axes)
    return program


def _free(one: FurtherInput, axes: dict[int, Any]) -> dict[int, Any]:
    """The free dimensions of a further input: those that it shares with the images."""
    symbols = {BATCH: axes.get(0), HEIGHT: axes.get(2), WIDTH: axes.get(3)}
    found = {axis: symbols.get(str(side)) for axis, side in enumerate(one.shape)}
    return {axis: symbol for axis, symbol in found.items() if symbol is not None}


def without_lines(program: ExportedProgram) -> ExportedProgram:
    """Remove the example and the source lines, which hold paths of this machine."""
    program.example_inputs = None
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
    return program


def save_program(
    program: ExportedProgram, path: Path, lines: Mapping[str, Place] | None = None
) -> None:
    """Save the program by way of memory: on a full disk torch.export.save ends the interpreter.

    ``lines`` holds the user's line of each node. Raises ExportError where torch can't save one.
    """
    _order_symbols(program)
    buffer = io.BytesIO()
    with quiet_torch(), explained("The program of the module can't be saved", lines):
        torch.export.save(program, buffer)
    path.write_bytes(buffer.getbuffer())


def _order_symbols(program: ExportedProgram) -> None:
    """Put the symbols that sides are multiples of in the order of their names. torch takes them
    from a set, so that the same export would be another file in every other process, and all
    engines of it be built and measured again."""
    ranges = program.range_constraints
    factors = {symbol for side in ranges for symbol in side.free_symbols - {side}}
    last = sorted(factors & ranges.keys(), key=str)
    ranges.update({symbol: ranges.pop(symbol) for symbol in last})


def load_program(path: Path) -> nn.Module:
    """The program of a ``.pt2`` file, as a module that runs."""
    with quiet_torch(), path.open("rb") as file:
        return torch.export.load(file).module()


def _multiples(stride: int, name: str, least: int) -> Any:
    """Multiples from ``least`` strides on; torch's own least are two."""
    side = Dim(name, min=least) if least > 2 else Dim(name)
    return side if stride == 1 else stride * side


def _demand_symbolic(program: ExportedProgram, axes: dict[int, Any]) -> None:
    name = program.graph_signature.user_inputs[0]
    shape = next(node.meta["val"].shape for node in program.graph.nodes if node.name == name)
    if fixed := [axis for axis in axes if isinstance(shape[axis], int)]:
        raise ExportError(
            "The captured program takes only one size",
            f"torch fixed the axes {fixed} of its input {list(shape)}",
            "Derive every size from the input's shape by integer arithmetic.",
        )
