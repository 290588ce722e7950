"""The precisions there are: one file of ``exporter.precisions`` each."""

from __future__ import annotations

from exporter.precisions._base import Precision
from sizewise.core.discover import Registry

_PRECISIONS: Registry[Precision] = Registry("precision", "exporter.precisions", "PRECISIONS")

precisions = _PRECISIONS.all
"""Those of ``exporter.precisions``, by name."""

find_precision = _PRECISIONS.find
"""Raises UsageError, which lists those there are."""
