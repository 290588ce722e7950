"""Versions of packages, from their metadata, without importing them."""

from __future__ import annotations

from functools import cache
from importlib import metadata


def installed_version(*distributions: str) -> str:
    """The version of the first of these that is installed; empty without any."""
    return next((version for name in distributions if (version := _version(name))), "")


@cache
def _version(distribution: str) -> str:
    """Read once: a build asks some fifty times, and each answer takes milliseconds."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def forget() -> None:
    """Look again: packages were installed or removed."""
    _version.cache_clear()
