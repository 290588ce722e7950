"""The back ends there are: one file of ``engines.backends`` each."""

from __future__ import annotations

from engines.base import Backend
from sizewise.core.discover import Registry

_BACKENDS: Registry[Backend] = Registry(
    "back end", "engines.backends", "BACKENDS", offered=lambda backend: not backend.for_tests
)

backends = _BACKENDS.all
"""All of them by name, those that can't work here and the one for tests included."""

find_backend = _BACKENDS.find
"""Raises UsageError, which lists the back ends there are."""
