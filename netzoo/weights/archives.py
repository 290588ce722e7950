"""Archives of ``torch.save``, looked at before PyTorch reads them.

PyTorch unpacks whatever the directory names, however much that is. Version 2.13 checks that each
storage has as many bytes as the pickle says; earlier ones that we take may not. So all of it is
held, as Python's integers, against the bytes themselves, and PyTorch is given a copy that holds
exactly what was looked at.
"""

from __future__ import annotations

import io
import pickle
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from sizewise.core.errors import InputError
from sizewise.core.options.limits import ARCHIVE_ENTRIES, ARCHIVE_RATIO, WEIGHT_BYTES, Limit

_DIRECTORY_ENTRY = b"PK\x01\x02"
_TAKEN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_STORAGES = {
    **dict.fromkeys(("ByteStorage", "CharStorage", "BoolStorage", "UntypedStorage"), 1),
    **dict.fromkeys(("HalfStorage", "BFloat16Storage", "ShortStorage"), 2),
    **dict.fromkeys(("FloatStorage", "IntStorage"), 4),
    **dict.fromkeys(("DoubleStorage", "LongStorage", "ComplexFloatStorage"), 8),
    "ComplexDoubleStorage": 16,
}
"""PyTorch's kinds of numbers, and the bytes of one."""
_NEVER_USED = {code[0] for code in (pickle.EXT1, pickle.EXT2, pickle.EXT4, pickle.BYTEARRAY8)}
"""Codes that name what is not in the pickle, or take memory by a number. torch.save has none."""
BROKEN_ZIP = (zipfile.BadZipFile, zlib.error)


def checked_archive(path: Path, content: bytes) -> io.BytesIO:
    """A copy of the archive that is the ``content`` of ``path``, unpacked.

    Raises InputError where it is beyond a limit, ValueError where what it says of itself is not so,
    and as :mod:`zipfile` and :mod:`pickle` do where it is damaged.
    """
    _demand(path, content.count(_DIRECTORY_ENTRY), ARCHIVE_ENTRIES)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        unpacked = sum(entry.file_size for entry in entries)
        _demand(path, unpacked, WEIGHT_BYTES)
        _demand(path, unpacked // max(1, len(content)), ARCHIVE_RATIO)
        members = {entry.filename: _unpacked(archive, entry) for entry in entries}
    # PyTorch looks a name up whatever its case, and takes the first: each must be there once.
    if len({name.lower() for name in members}) != len(entries):
        raise ValueError("several of its members have the same name")
    _check_storages({name.lower(): held for name, held in members.items()})
    return _packed(members)


def _demand(path: Path, count: int, limit: Limit) -> None:
    if why := limit.excess(count):
        raise InputError(f"{path} can't be read", f"what is packed into it: {why}", limit.todo)


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    if entry.compress_type not in _TAKEN:
        raise ValueError(f"{entry.filename} is packed in a way that torch.save never uses")
    with archive.open(entry) as member:
        held = member.read(entry.file_size)  # no more, whatever it unpacks to
    if len(held) != entry.file_size:
        raise ValueError(f"{entry.filename} is shorter than the archive says")
    return held


def _packed(members: Mapping[str, bytes]) -> io.BytesIO:
    copy = io.BytesIO()
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as archive:
        for name, held in members.items():
            archive.writestr(zipfile.ZipInfo(name), held)
    copy.seek(0)
    return copy


def _check_storages(members: Mapping[str, bytes]) -> None:
    """Raise ValueError where a tensor's numbers take more bytes than there are of it."""
    root = next(iter(members), "").partition("/")[0]  # as PyTorch finds it
    pickled = members.get(f"{root}/data.pkl")
    if pickled is None:
        raise ValueError("it has no data.pkl")
    reader = _StorageReader(io.BytesIO(pickled))
    reader.load()
    for given in reader.storages:
        kind, key, count = _storage(given)
        member = f"{root}/data/{key}".lower()
        held = len(members[member]) if member in members else -1
        if not 0 <= count * _STORAGES[kind] <= held:
            raise ValueError(f"storage {key} says {count} numbers ({kind}), and has {held} bytes")


def _storage(given: Any) -> tuple[str, str, int]:
    """Kind, key and count of a storage, as ``torch.save`` writes it. Raises ValueError."""
    match given:
        case ("storage", type() as kind, str() as key, str(), int() as count):
            if kind.__name__ in _STORAGES:
                return kind.__name__, key, count
    raise ValueError("it refers to something that is no storage of numbers")


class _Inert:
    """Stands for whatever a pickle names: takes everything and does nothing."""

    def __new__(cls, *_: Any, **__: Any) -> _Inert:
        return object.__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __call__(self, *_: Any, **__: Any) -> _Inert:
        return self

    def __setitem__(self, *_: Any) -> None: ...

    def __setstate__(self, _: Any) -> None: ...

    def append(self, *_: Any) -> None: ...

    extend = add = append


class _StorageReader(pickle._Unpickler):
    """Reads a pickle for the storages that it refers to. Nothing is imported and nothing is run:
    each name stands for an :class:`_Inert` class. This is the reader in Python: that in C takes
    memory by numbers in the pickle."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.storages: list[Any] = []

    dispatch: ClassVar = {
        code: load for code, load in pickle._Unpickler.dispatch.items() if code not in _NEVER_USED
    }

    def find_class(self, module: str, name: str) -> Any:
        del module
        return type(name.replace("\0", ""), (_Inert,), {})

    def persistent_load(self, pid: Any) -> Any:
        self.storages.append(pid)
        return _Inert()
