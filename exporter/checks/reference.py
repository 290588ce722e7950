"""Reference outputs of the PyTorch module, with which every exported form is compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from exporter.checks.contract import check_batch
from exporter.checks.probes import Probe, Reference
from exporter.checks.repeating import changed, random_error
from exporter.diagnosis.chance import drawing
from exporter.failures import OR_ELSE, explained, located, remedy
from exporter.modules.outputs import named_tensors
from sizewise.core.errors import ExportError
from sizewise.core.specs import Size

Array = NDArray[Any]


def run_module(module: nn.Module, probe: Probe, names: Sequence[str]) -> dict[str, Array]:
    """The outputs by name. Raises ExportError where tensors and names differ in number."""
    with torch.no_grad():
        beside = map(torch.from_numpy, probe.beside().values())
        given = module(torch.from_numpy(probe.images()), *beside)
    tensors = list(named_tensors(given).values())
    if len(tensors) != len(names):
        raise ExportError(
            "The outputs can't be named",
            f"number of output tensors: {len(tensors)}; names: {', '.join(names)}",
            "Give one name for each output tensor.",
        )
    return {name: tensor.numpy() for name, tensor in zip(names, tensors, strict=True)}


def references(
    module: nn.Module, probes: Sequence[Probe], names: Sequence[str], *, example: Size
) -> tuple[Reference, ...]:
    """The outputs at every probe.

    Raises ExportError where the module runs only at its example's size, or at no size, and where
    it gives something else each time.
    """
    with explained(f"The module does not run at {example}"):
        run_module(module, probes[0].at(2, example), names)
    found = tuple(reference_at(module, probe, names) for probe in probes)
    _demand_repeatable(module, found[0])
    return found


def reference_at(module: nn.Module, probe: Probe, names: Sequence[str]) -> Reference:
    """The outputs at one probe. Raises ExportError where the module does not run there."""
    try:
        outputs = run_module(module, probe, names)
    except Exception as error:
        raise ExportError(
            f"The module itself does not run at {probe}",
            f"it runs at its example's size, but here it raises: {located(error)}",
            f"{remedy(error)} {OR_ELSE}",
        ) from error
    check_batch(outputs, probe)
    _check_numbers(outputs, probe)
    return Reference(
        probe=probe, outputs=outputs, rerun=lambda: _without_onednn(module, probe, names)
    )


def _demand_repeatable(module: nn.Module, reference: Reference) -> None:
    """Raises ExportError where another run on the same images gives other outputs: no file can be
    compared with those."""
    names, probe = tuple(reference.outputs), reference.probe
    other = changed(reference.outputs, run_module(module, probe, names))
    if not other:
        return
    with drawing() as drawn:
        run_module(module, probe, names)
    by = f"{drawn[0]} draws its numbers anew" if drawn else ""
    raise random_error("module", str(probe), other, by)


def _without_onednn(module: nn.Module, probe: Probe, names: Sequence[str]) -> dict[str, Array]:
    """The outputs by PyTorch's own kernels, which sum in another order."""
    onednn: Any = torch.backends.mkldnn
    before = onednn.enabled
    onednn.enabled = False
    try:
        return run_module(module, probe, names)
    finally:
        onednn.enabled = before


def _check_numbers(outputs: Mapping[str, Array], probe: Probe) -> None:
    for name, array in outputs.items():
        if np.isnan(array).any():
            raise ExportError(
                f"The module's output {name} holds NaN values",
                f"the first are at {probe}",
                "Check its weights: a training that diverged gives such a network.",
            )
