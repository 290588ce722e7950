"""Where the weights of an ONNX file stand that are not in it ("external data").

A file may name any place and any offset, and what is named is read with the user's rights. So
nothing is opened that is not a plain file in the model's own folder, and every number is held
against the file's length first.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from sizewise.core.errors import InputError
from sizewise.core.onnxfiles.tensors import bytes_held
from sizewise.core.specs.sizes import shortened

if TYPE_CHECKING:
    import onnx

_WHOLE = re.compile(r"[0-9]{1,19}")
_SHA1 = re.compile(r"[0-9a-f]{40}")
_LONGEST, _LONGEST_NAME = 4095, 255
"""Of a path and of a name in it (Linux: PATH_MAX, NAME_MAX)."""
_COPY = (
    "Put the whole file {} itself, not a link, beside {}: cp -L copies what a link leads to, as in "
    "the cache of a model hub."
)
_EXPORT = "Export it again, or check the download."


@dataclass(frozen=True, kw_only=True)
class Place:
    """The bytes from ``offset`` on, ``length`` of them, of the file ``location``, relative to the
    model's folder. ``checksum`` is the SHA-1 that the whole file is to have; empty where none is
    given."""

    location: str
    offset: int
    length: int
    checksum: str = ""

    @property
    def end(self) -> int:
        return self.offset + self.length


def place_of(path: Path, tensor: onnx.TensorProto) -> Place:
    """The place that ``tensor`` of the file ``path`` names. Raises InputError where it makes no
    sense, or leads out of the folder."""
    given: dict[str, str] = {}
    for entry in tensor.external_data:
        if entry.key in given:
            raise _invalid(path, f"the weight {tensor.name!r} gives its {entry.key} twice")
        if not isinstance(entry.value, str):
            raise _invalid(path, f"the {entry.key} of the weight {tensor.name!r} is no text")
        given[entry.key] = entry.value
    location, needed = given.get("location", ""), bytes_held(tensor)
    if not _is_inside(location):
        named = shortened(location)
        why = f"the weight {tensor.name!r} stands in {named}, which is no file in its folder"
        raise _invalid(path, why)
    numbers = {"offset": given.get("offset", "0"), "length": given.get("length", str(needed))}
    for name, text in numbers.items():
        if not _WHOLE.fullmatch(text):
            why = f"the {name} of the weight {tensor.name!r} is {text[:20]!r}, no whole number"
            raise _invalid(path, why)
    if int(numbers["length"]) != needed:
        why = (
            f"the weight {tensor.name!r} of the shape {list(tensor.dims)} has "
            f"{int(numbers['length']):,} bytes, and needs {needed:,}"
        )
        raise _invalid(path, why)
    checksum = given.get("checksum", "").lower()
    if checksum and not _SHA1.fullmatch(checksum):
        why = f"the checksum of the weight {tensor.name!r} is {checksum[:41]!r}, no SHA-1"
        raise _invalid(path, why)
    offset = int(numbers["offset"])
    return Place(location=location, offset=offset, length=needed, checksum=checksum)


def _is_inside(location: str) -> bool:
    parts = PurePosixPath(location).parts
    plain = not PurePosixPath(location).is_absolute() and "\0" not in location
    short = len(location) <= _LONGEST and max(map(len, parts), default=0) <= _LONGEST_NAME
    return bool(parts) and plain and short and ".." not in parts and ":" not in parts[0]


def _invalid(path: Path, why: str) -> InputError:
    return InputError(f"{path} isn't a valid ONNX file", why, _EXPORT)


def demand_there(path: Path, tensor: onnx.TensorProto) -> Place:
    """The place of a weight whose file is there, whole and a plain one. Raises InputError."""
    place = place_of(path, tensor)
    if why := _fault(path.parent, place, tensor.name):
        raise _unreadable(path, place, why)
    return place


def _unreadable(path: Path, place: Place, why: str) -> InputError:
    todo = _COPY.format(place.location, path.name)
    return InputError(f"{path} can't be read without its weights", why, todo)


def _fault(folder: Path, place: Place, name: str) -> str:
    """Why the file can't hold the weight ``name``."""
    weights = folder / place.location
    below = [weights, *(folder / parent for parent in Path(place.location).parents)][:-1]
    if any(one.is_symlink() for one in below):
        return f"{place.location} is a symbolic link, which may lead out of the folder"
    if not weights.is_file():
        return f"there is no file {place.location} in its folder"
    return _fault_of(weights.stat(), place, name)


def _fault_of(found: os.stat_result, place: Place, name: str) -> str:
    if not stat.S_ISREG(found.st_mode):
        return f"{place.location} is no plain file"
    if found.st_nlink > 1:
        return f"{place.location} has a second name (a hard link), which may be out of the folder"
    if found.st_size < place.end:
        return (
            f"{place.location} has {found.st_size:,} bytes, and the weight {name!r} ends at byte "
            f"{place.end:,}"
        )
    return ""


def read_values(path: Path, tensor: onnx.TensorProto) -> bytes:
    """The bytes of a weight that stands beside the file ``path``. Raises InputError where they are
    not there any more, OSError where they can't be read."""
    place = demand_there(path, tensor)
    # The file may have been replaced since it was looked at, by a link or a pipe: it is opened as
    # neither, and what is open is looked at again.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    handle = os.open(path.parent / place.location, flags)
    with os.fdopen(handle, "rb") as file:
        if why := _fault_of(os.fstat(file.fileno()), place, tensor.name):
            raise _unreadable(path, place, why)
        file.seek(place.offset)
        values = file.read(place.length)
    if len(values) < place.length:
        raise _unreadable(path, place, f"{place.location} ends before the weight {tensor.name!r}")
    return values
