"""The binary form of evidence.

``sizewise evidence 1`` and a line feed, then, compressed by zlib, one MessagePack map: ``task``,
``count`` and ``images`` as they are in :class:`Evidence`, and ``columns``, each by name as the
bytes of its numbers in the type that the task's evidence declares. A change of any of these makes
another number in the first line.

What is read is not trusted: sizes are bounded, no type is taken from it, and columns that
contradict each other are refused.
"""

from __future__ import annotations

import zlib

import msgspec
import numpy as np

from sizewise.core.errors import RecordError
from sizewise.core.evidence.base import Column, Evidence, FlawError
from sizewise.core.evidence.class_masks import ClassMaskEvidence
from sizewise.core.evidence.classes import ClassEvidence
from sizewise.core.evidence.detections import DetectionEvidence
from sizewise.core.evidence.masks import MaskEvidence

_KINDS: dict[str, type[Evidence]] = {
    kind.task: kind for kind in (ClassEvidence, ClassMaskEvidence, DetectionEvidence, MaskEvidence)
}
_NAME = b"sizewise evidence "
_HEAD = _NAME + b"1\n"
_MOST_BYTES = 2**27
"""Of what is compressed: the largest evidence that fits takes less."""


class _Stored(msgspec.Struct, forbid_unknown_fields=True):
    task: str
    count: int
    images: str
    columns: dict[str, bytes]


def write_evidence(evidence: Evidence) -> bytes:
    """The binary form; empty where there is too much of it (``Evidence.fits``): the accuracy then
    has no interval."""
    if not evidence.fits:
        return b""
    columns = {name: column.tobytes() for name, column in evidence.columns().items()}
    stored = _Stored(
        task=evidence.task, count=evidence.count, images=evidence.images, columns=columns
    )
    return _HEAD + zlib.compress(msgspec.msgpack.encode(stored))


def read_evidence(blob: bytes) -> Evidence:
    """Evidence from its binary form. Raises RecordError where it is damaged, or from another
    version."""
    try:
        stored = msgspec.msgpack.decode(_decompressed(blob), type=_Stored)
        kind = _KINDS.get(stored.task)
        if kind is None:
            raise FlawError(f"it is of the task {stored.task[:40]!r}")
        columns = {name: _column(kind, name, raw) for name, raw in stored.columns.items()}
        return kind.of_columns(stored.count, stored.images, columns)
    except (FlawError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RecordError(
            "The evidence of an accuracy can't be read",
            str(error),
            "Measure the accuracy again, into a new results file.",
        ) from error


def _decompressed(blob: bytes) -> bytes:
    if not blob.startswith(_HEAD):
        foreign = "another version of sizewise wrote it" if blob.startswith(_NAME) else "it is none"
        raise FlawError(foreign if blob else "there is none")
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(blob[len(_HEAD) :], _MOST_BYTES)
    except zlib.error as error:
        raise FlawError("it is damaged") from error
    if not unpacking.eof or unpacking.unused_data:
        raise FlawError("it is cut off, or too large")
    return content


def _column(kind: type[Evidence], name: str, raw: bytes) -> Column:
    if name not in kind.types:
        raise FlawError(f"it has a column {name[:40]!r}")
    dtype = np.dtype(kind.types[name])
    if len(raw) % dtype.itemsize:
        raise FlawError(f"the column {name} is cut off")
    return np.frombuffer(raw, dtype)
