"""Which runs of a file were measured on one machine, as far as they tell."""

from __future__ import annotations

from dataclasses import replace

from sizewise.core.machine.environment import Environment


def is_same(one: Environment, other: Environment) -> bool:
    """Whether figures of both may stand in one report. An older record tells less of the machine:
    of such a one, what it tells has to agree."""
    if one.fingerprint == other.fingerprint:
        return True
    if is_older(one) == is_older(other):
        return False
    return _told_before(one).fingerprint == _told_before(other).fingerprint


def is_same_hardware(one: Environment, other: Environment) -> bool:
    """Whether both are of one machine, whichever versions ran on it."""
    return is_same(_without_versions(one), _without_versions(other))


def _without_versions(environment: Environment) -> Environment:
    return replace(environment, sizewise="", python="", packages={})


def is_older(environment: Environment) -> bool:
    """Whether it was recorded before hyper-threads, quotas and variables were."""
    return environment.physical_cores == 0


def _told_before(environment: Environment) -> Environment:
    return replace(environment, cpu_model="", physical_cores=0, quota=None, variables={})
