"""The hash that identifies a data set: equal only where annotations and pictures are.

Hashing every byte of COCO's pictures would take minutes each time a process opens it. So a picture
enters with its name, its length and its first and last 16 KiB: all of it up to 32 KiB, and of a
larger one enough that a file encoded again, cut off or put in another's place shows. A change
of bytes in the middle that keeps the length does not.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from netzoo.data.coco.format import CocoFile
from netzoo.data.reading import reading
from sizewise.core.files import open_file

_END_BYTES = 16 * 1024


def fingerprint(file: CocoFile, paths: Sequence[Path]) -> str:
    """SHA-256 in hexadecimal of what ``file`` says (not how it is spelled) and its pictures.

    It does not depend on where the data set lies. Raises InputError where a picture can't be read.
    """
    return described(msgspec.json.encode(file), paths)


def described(description: bytes, paths: Sequence[Path]) -> str:
    """The same hash, for pictures that ``description`` describes."""
    digest = hashlib.sha256(description)
    for path in paths:
        digest.update(_ends(path))
    return digest.hexdigest()


def _ends(path: Path) -> bytes:
    with reading(path), open_file(path) as picture:
        size = picture.seek(0, os.SEEK_END)
        picture.seek(0)
        head = picture.read(_END_BYTES)
        picture.seek(max(size - _END_BYTES, len(head)))
        return size.to_bytes(8, "big") + head + picture.read()
