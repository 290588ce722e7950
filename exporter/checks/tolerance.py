"""How far an exported form may be off, and whether agreement within that says anything.

A random network of many layers hardly looks at its image: its outputs are all but constant, and
a size baked in changes them less than a tolerance on their magnitude allows. So the tolerance goes
by what the image changes, and a module that no image changes is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporter.checks.probes import Reference
from sizewise.core.errors import ExportError

Array = NDArray[Any]

RELATIVE = 2e-4
"""Of what another image changes. Float32 sums in another order differ by 1e-6 to 1e-5 of it once
an exponential in the decode has had its part; a size baked in, by 1e-1 and more."""
ROUNDING = 2e-5
"""Of the output's largest value. An error of a few units in the last place of a logit comes out of
an exponential or a sigmoid as many units of a small probability (1e-5 of it was seen)."""
FLOOR = 1e-9
"""For outputs that are all but zero."""
NOISE = 4
"""Times what two ways through the module itself differ by. A network of a hundred layers can make
more of rounding than the shares above allow, and then only it can say how much."""
_SENSITIVITY = 4
"""How many tolerances another image must change for parity to say anything."""


def tolerance(influence: float, absmax: float) -> float:
    """The largest error that passes, in the output's unit."""
    return RELATIVE * influence + ROUNDING * absmax + FLOOR


def noise(reference: Reference, name: str) -> float:
    """What rounding alone may change of an output; 0 where that is not known."""
    if reference.rerun is None:
        return 0.0
    return NOISE * largest(difference(reference.outputs[name], reference.rerun()[name]))


def influences(references: Sequence[Reference]) -> Mapping[str, float]:
    """By output, the least that another image in the batch changed at any of the probes; 0 where
    no probe has another."""
    several = [reference.outputs for reference in references if reference.probe.batch_size > 1]
    return {
        name: min(
            (largest(difference(outputs[name][:1], outputs[name][1:])) for outputs in several),
            default=0.0,
        )
        for name in references[0].outputs
    }


def demand_sensitive(references: Sequence[Reference]) -> None:
    """Raises ExportError where no output tells one image from another."""
    changed = influences(references)
    for name, influence in changed.items():
        absmax = max(finite_absmax(reference.outputs[name]) for reference in references)
        if influence > _SENSITIVITY * tolerance(influence, absmax):
            return
    listed = ", ".join(f"{name} by {influence:.1g}" for name, influence in changed.items())
    raise ExportError(
        "The export can't be checked against the module",
        f"its outputs are all but the same for every image (another image changes {listed})",
        "Load trained weights, or initialise the network so that its outputs follow its input.",
    )


def difference(one: Array, other: Array) -> Array:
    """Absolute, in float64; equal infinities do not differ, and a NaN gives a NaN."""
    wide, wide_other = one.astype(np.float64), other.astype(np.float64)
    with np.errstate(invalid="ignore"):  # infinity minus infinity is not used
        return np.where(wide == wide_other, 0.0, np.abs(wide - wide_other))


def finite_absmax(values: Array) -> float:
    return largest(np.abs(values[np.isfinite(values)]))


def largest(values: Array) -> float:
    return float(values.max()) if values.size else 0.0
