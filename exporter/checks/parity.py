"""Parity: an export must compute what the module computes, at sizes other than the traced one.

Only this catches a size that became a constant: such a graph exports without a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from exporter.checks.probes import Probe, Reference
from exporter.checks.tolerance import (
    difference,
    finite_absmax,
    influences,
    largest,
    noise,
    tolerance,
)
from exporter.diagnosis.guards import Guards, blamed
from exporter.failures import explained, first_line
from sizewise.core.errors import ParityError
from sizewise.core.machine.environment import load_onnxruntime
from sizewise.core.ranked.rows import in_the_order_of
from sizewise.core.specs import ParityCheck

Array = NDArray[Any]
Runner = Callable[[Probe], Mapping[str, Array]]


class OnnxRunner(Protocol):
    """Runs a graph on a probe's images, with any further inputs by name."""

    def __call__(
        self, probe: Probe, further: Mapping[str, Array] | None = None
    ) -> Mapping[str, Array]: ...


_TODO = (
    "Look for a size that comes from int(), a float, a Python list or a buffer, and derive it "
    "from the input's shape by integer arithmetic."
)


def check_onnx(
    model: bytes, references: Sequence[Reference], guards: Guards | None = None
) -> tuple[ParityCheck, ...]:
    """Check the graph in ONNX Runtime's CPU provider, optimised by default. Raises ParityError."""
    return check("ONNX graph", onnx_runner(model), references, guards)


def least_that_agrees(
    model: bytes, references: Sequence[Reference], most: int
) -> tuple[int, tuple[ParityCheck, ...]]:
    """The least side from which on the graph agrees at all ``references``, which are squares, the
    smallest first; ``most`` where it agrees at none. With the checks at those where it does."""
    run = onnx_runner(model)
    found: tuple[ParityCheck, ...] = ()
    for reference in reversed(references):
        try:
            checks = check("ONNX graph", run, (reference,))
        except ParityError:
            break
        most, found = reference.probe.size.height, (*checks, *found)
    return most, found


def check(
    form: str, run: Runner, references: Sequence[Reference], guards: Guards | None = None
) -> tuple[ParityCheck, ...]:
    """Check every output of every reference.

    Raises ParityError at the first mismatch; it names the line whose guard fails there, if any.
    """
    changed = influences(references)
    results: list[ParityCheck] = []
    for one in references:
        with blamed(guards, one.probe):
            results.extend(_check_one(form, run, one, changed))
    return tuple(results)


def compare(
    probe: Probe, name: str, expected: Array, given: Array, *, influence: float
) -> ParityCheck:
    """Compare one output. A NaN on either side gives a NaN error, which fails the check."""
    absmax = finite_absmax(expected)
    return ParityCheck(
        batch_size=probe.batch_size,
        size=probe.size,
        output=name,
        max_abs_error=largest(difference(expected, given)),
        absmax=absmax,
        tolerance=tolerance(influence, absmax),
    )


def run_form(form: str, run: Runner, probe: Probe) -> Mapping[str, Array]:
    """The outputs at one probe, where the module runs. Raises ParityError where the form fails."""
    try:
        return run(probe)
    except Exception as error:
        raise ParityError(
            f"The {form} does not run at {probe}, but the module does",
            first_line(error),
            _TODO,
            reason_code="numerics",
        ) from error


def onnx_runner(model: bytes, *, channels_first: bool = True, images_name: str = "") -> OnnxRunner:
    """A runner in ONNX Runtime's CPU provider, optimised by default; images go to the first input
    unless its name is given. Raises ExportError."""
    ort = load_onnxruntime()
    options = ort.SessionOptions()
    options.log_severity_level = 4  # its failures come as exceptions, which we explain
    with explained("ONNX Runtime refuses the exported graph"):
        session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    images_name = images_name or session.get_inputs()[0].name

    def run(probe: Probe, further: Mapping[str, Array] | None = None) -> Mapping[str, Array]:
        images = probe.images()
        if not channels_first:
            images = np.ascontiguousarray(images.transpose(0, 2, 3, 1))
        inputs = {images_name: images, **probe.beside(), **(further or {})}
        given = session.run(names, inputs)
        return dict(zip(names, given, strict=True))

    return run


def _check_one(
    form: str, run: Runner, reference: Reference, changed: Mapping[str, float]
) -> Iterable[ParityCheck]:
    outputs = run_form(form, run, reference.probe)
    for name, expected in reference.outputs.items():
        _demand_form(form, reference.probe, name, expected, outputs[name])
    results = _compared(reference, outputs, changed)
    if not all(result.passed for result in results):
        tolerances = {result.output: result.tolerance for result in results}
        outputs = in_the_order_of(reference.outputs, outputs, tolerances)
        results = _compared(reference, outputs, changed)
    for result in results:
        one = result
        if not one.passed:
            more = noise(reference, one.output, changed[one.output])
            one = replace(one, tolerance=one.tolerance + more)
        _demand_agreement(form, reference.probe, one)
        yield one


def _compared(
    reference: Reference, outputs: Mapping[str, Array], changed: Mapping[str, float]
) -> list[ParityCheck]:
    return [
        compare(reference.probe, name, expected, outputs[name], influence=changed[name])
        for name, expected in reference.outputs.items()
    ]


def _demand_form(form: str, probe: Probe, name: str, expected: Array, given: Array) -> None:
    if (expected.shape, expected.dtype) != (given.shape, given.dtype):
        raise ParityError(
            f"The {form} and the module give different shapes or dtypes of {name}",
            f"at {probe}, it is {given.dtype} {list(given.shape)} instead of {expected.dtype} "
            f"{list(expected.shape)}",
            _TODO,
            reason_code="numerics",
        )


def _demand_agreement(form: str, probe: Probe, result: ParityCheck) -> None:
    if not result.passed:
        raise ParityError(
            f"The {form} and the module compute different values",
            f"at {probe}, the error of {result.output} is {result.max_abs_error:.3g}, and the "
            f"limit is {result.tolerance:.3g}",
            _TODO,
            reason_code="numerics",
        )
