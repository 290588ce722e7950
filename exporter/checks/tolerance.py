"""The tolerance of parity checks, and whether agreement within it proves anything.

The outputs of a random network of many layers hardly depend on its image: they are almost constant,
and a size that became a constant changes them less than a tolerance on their magnitude allows. So
the tolerance follows what another image changes, and a module that no image changes is refused.
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
"""Share of what another image changes. Float32 sums in another order differ by 1e-6 to 1e-5 of it
after an exponential in the decode; a size that became a constant, by 1e-1 and more."""
ROUNDING = 2e-5
"""Share of the output's largest value. An error of a few units in the last place of a logit becomes
many units of a small probability after an exponential or a sigmoid (1e-5 of it was measured)."""
FLOOR = 1e-9
"""Absolute tolerance, for outputs that are almost zero."""
NOISE = 4
"""Factor on the difference between two runs of the module by different kernels. A network of a
hundred layers can amplify rounding beyond the shares above, and only it can show how much."""
_MOST_NOISE, _MOST_STEPS = 0.05, 1.0
"""Shares of what another image changes that this may reach: of numbers, and of whole ones such as
labels, where rounding costs a step or nothing. A size that became a constant costs more."""
_SENSITIVITY = 4
"""How many tolerances another image must change, so that parity proves something."""


def tolerance(influence: float, absmax: float) -> float:
    """The largest error that passes, in the output's unit."""
    return RELATIVE * influence + ROUNDING * absmax + FLOOR


def noise(reference: Reference, name: str, influence: float) -> float:
    """The error of an output that rounding alone may cause; 0 where it is unknown. It is no more
    than a share of what another image changes, its ``influence``."""
    if reference.rerun is None:
        return 0.0
    values = reference.outputs[name]
    found = NOISE * largest(difference(values, reference.rerun()[name]))
    return min(found, (_MOST_NOISE if values.dtype.kind == "f" else _MOST_STEPS) * influence)


def influences(references: Sequence[Reference]) -> Mapping[str, float]:
    """The smallest change that another image made to each output, over all probes.

    It is 0 where no probe has a second image.
    """
    several = [reference.outputs for reference in references if reference.probe.batch_size > 1]
    return {
        name: min(
            (largest(difference(outputs[name][:1], outputs[name][1:])) for outputs in several),
            default=0.0,
        )
        for name in references[0].outputs
    }


def demand_sensitive(references: Sequence[Reference]) -> None:
    """Raises ExportError where no output differs between images."""
    changed = influences(references)
    for name, influence in changed.items():
        absmax = max(finite_absmax(reference.outputs[name]) for reference in references)
        if influence > _SENSITIVITY * tolerance(influence, absmax):
            return
    listed = ", ".join(f"{name} by {influence:.1g}" for name, influence in changed.items())
    raise ExportError(
        "The export can't be checked against the module",
        f"its outputs are almost the same for every image (another image changes {listed})",
        "Load trained weights, or initialise the network so that its outputs depend on its input.",
    )


def difference(one: Array, other: Array) -> Array:
    """The absolute difference in float64: 0 for equal infinities, NaN where either is NaN."""
    wide, wide_other = one.astype(np.float64), other.astype(np.float64)
    with np.errstate(invalid="ignore"):  # infinity minus infinity is not used
        return np.where(wide == wide_other, 0.0, np.abs(wide - wide_other))


def finite_absmax(values: Array) -> float:
    """The largest magnitude of the finite values; 0 where there are none."""
    return largest(np.abs(values[np.isfinite(values)]))


def largest(values: Array) -> float:
    """The largest value; 0 where there are none."""
    return float(values.max()) if values.size else 0.0
