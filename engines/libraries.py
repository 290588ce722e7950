"""Whether the library of a back end is here, found out without importing it."""

from __future__ import annotations

from importlib.util import find_spec

from engines.base import Availability
from sizewise.core.machine import nvidia
from sizewise.core.machine.packages import installed_version


def presence(module: str, distributions: tuple[str, ...], extra: str) -> Availability:
    """Whether ``module`` can be imported and one of ``distributions``, which bring it, is there."""
    todo = f"pip install 'sizewise[{extra}]'"
    if not installed_version(*distributions):
        return Availability(False, f"{' or '.join(distributions)} is not installed", todo)
    found = find_spec(module)
    if found is None or found.origin is None:
        return Availability(False, f"{distributions[0]} is installed, but {module} is gone", todo)
    return Availability(True)


def device_presence() -> Availability:
    """Whether the NVIDIA driver finds a GPU."""
    devices = nvidia.find_devices()
    return Availability(bool(devices.found), devices.reason, devices.todo)
