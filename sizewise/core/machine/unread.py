"""Readings that the system did not give: what could not be seen was not watched."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sizewise.core.trials.samples import Reading

_GIVEN: Mapping[str, Callable[[Reading], bool]] = {
    "steal": lambda reading: reading.steal is not None,
    "throttled": lambda reading: reading.throttled is not None,
    "swap": lambda reading: reading.swapped_pages is not None,
    "gpu_clock": lambda reading: bool(reading.devices),
    "gpu_shared": lambda reading: reading.gpu_programs is not None,
}
"""By the codes of ``sizewise.core.trials.disturbances``; load is read everywhere."""


def unread(reading: Reading) -> tuple[str, ...]:
    """The codes of disturbances that ``reading`` could not show."""
    return tuple(code for code, given in _GIVEN.items() if not given(reading))
