"""Environments of Python beside that of the tests."""

from __future__ import annotations

import sys
import venv
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

OURS = tuple(entry for entry in sys.path if entry and Path(entry).is_dir())
NONE: Mapping[str, str] = MappingProxyType({})


def environment(
    folder: Path,
    *,
    imports: Iterable[object] = OURS,
    versions: Mapping[str, str] = NONE,
    first: str = "",
) -> Path:
    """The python of a new environment, which imports from the folders ``imports``.

    It claims to have other ``versions`` of packages, and runs the line ``first`` when it starts.
    """
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    lines = [*map(str, imports), *([first] if first else [])]
    (site / "there.pth").write_text("\n".join(lines), encoding="utf-8")
    for name, version in versions.items():
        about = site / f"{name}-{version}.dist-info" / "METADATA"
        about.parent.mkdir()
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        about.write_text(text, encoding="utf-8")
    return folder / "bin" / "python"


def program(path: Path, *lines: str) -> Path:
    """A shell script of these lines."""
    path.write_text("\n".join(("#!/bin/sh", *lines, "")), encoding="utf-8")
    path.chmod(0o755)
    return path
