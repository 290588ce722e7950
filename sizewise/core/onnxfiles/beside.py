"""The files that hold weights beside an ONNX file, as wholes: how long they are, and their SHA-1
where the ONNX file gives it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from sizewise.core.errors import InputError
from sizewise.core.files import open_file
from sizewise.core.onnxfiles.limits import WEIGHTS
from sizewise.core.onnxfiles.places import Place

_SHA1 = partial(hashlib.sha1, usedforsecurity=False)


def demand_files(path: Path, places: Sequence[Place]) -> None:
    """Raises InputError where the files of ``places``, beside the file ``path``, are longer than
    the limit, and where one has another SHA-1 than a weight gives as its ``checksum`` (ONNX,
    "External Data"). Raises OSError where one can't be read.

    A model's hash takes in all of each file, whatever its weights need of it: a file that takes no
    disk may have a length of terabytes. A file that is named in two ways is read twice.
    """
    named = sorted({place.location for place in places})
    lengths = ((path.parent / location).stat().st_size for location in named)
    WEIGHTS.demand(path, sum(lengths), "its files of weights")
    for location in named:
        given = {p.checksum for p in places if p.location == location and p.checksum}
        if given:
            _demand_sum(path, location, given)


def _demand_sum(path: Path, location: str, given: set[str]) -> None:
    with open_file(path.parent / location) as file:
        found = hashlib.file_digest(file, _SHA1).hexdigest()
    if other := sorted(given - {found}):
        raise InputError(
            f"{path} can't be read with the weights beside it",
            f"the SHA-1 of {location} is {found}, and the model gives {other[0]} as its checksum",
            "Check the download: the two files may be of different versions of the model.",
        )
