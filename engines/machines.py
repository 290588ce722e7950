"""What compiled code depends on beside its library."""

from __future__ import annotations

from functools import cache

from sizewise.core.environment import read_environment


@cache
def this_machine() -> str:
    """System, instruction sets and devices, in words."""
    environment = read_environment()
    return " ".join((environment.system, *environment.cpu_flags, *environment.devices))
