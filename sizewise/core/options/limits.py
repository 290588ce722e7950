"""Limits on what files may hold and users may request, each raised by a variable of its own.

A file that is damaged or hostile must not cost the machine's memory, and a slip of a finger must
not start a million trials. So each number of a file or a user is held, as a Python integer, against
its limit before anything is made of it. The limits are far above what is usual. An error names the
variable of the environment that raises its limit; child processes inherit these.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sizewise.core.errors import InputError, UsageError

_MIB, _GIB = 2**20, 2**30
_DIGITS = 18
"""Longer numbers are refused unread: Python takes minutes for a million digits."""


@dataclass(frozen=True)
class Limit:
    """At most ``usual`` of ``unit``, unless the environment's ``variable`` says a higher number."""

    variable: str
    usual: int
    unit: str

    @property
    def most(self) -> int:
        """The number that holds now. Raises UsageError where the variable is no whole number above
        0."""
        given = os.environ.get(self.variable, "").strip()
        if not given:
            return self.usual
        if not given.isdecimal() or len(given) > _DIGITS or int(given) < 1:
            raise UsageError(
                f"The variable {self.variable} can't be used",
                f"a limit is a whole number of {self.unit} above 0, and it is {given[:40]!r}",
                f"Give such a number, or unset it: {self.usual} holds then.",
            )
        return max(self.usual, int(given))

    def excess(self, count: int) -> str:
        """Why ``count`` is too much; empty where it is not."""
        if count <= (most := self.most):
            return ""
        return f"{_shown(count)} {self.unit} are more than the limit of {most:,}"

    @property
    def todo(self) -> str:
        """How to raise it."""
        return f"Set the variable {self.variable} to a higher number to allow it."

    def demand(self, path: Path, count: int, holder: str) -> None:
        """Raises InputError where ``holder``, of the file ``path``, has more."""
        if why := self.excess(count):
            raise InputError(f"{path} was not read", f"{holder}: {why}", self.todo)


def _shown(count: int) -> str:
    """With thousands, or its order where it has too many digits to print."""
    bits = count.bit_length()
    return f"{count:,}" if bits < 64 else f"about 10^{int(bits * 0.30103)}"


PICTURE_PIXELS = Limit("SIZEWISE_MAX_PIXELS", 160_000_000, "pixels")
"""Of one picture or mask, before it is decoded: 3 bytes each, several times over."""
OUTLINE_PIXELS = Limit("SIZEWISE_MAX_OUTLINE", 4_000_000, "pixels of outline")
"""Of one polygon: pycocotools takes about 100 bytes for each."""
RUN_LENGTH_CODE = Limit("SIZEWISE_MAX_RUN_LENGTH_CODE", 2**24, "characters")
"""Of the compressed runs of one mask: a number of 64 bits for each as it is read."""
ANNOTATION_BYTES = Limit("SIZEWISE_MAX_ANNOTATION_BYTES", 2 * _GIB, "bytes")
"""Of a COCO JSON: COCO's largest has 0.5 GB, that of LVIS 1.1 GB."""
TRAFFIC = Limit("SIZEWISE_MAX_TRAFFIC", 5_000_000, "pictures")
"""Of one traffic."""
TRAFFIC_BYTES = Limit("SIZEWISE_MAX_TRAFFIC_BYTES", 4 * _GIB, "bytes")
"""Of a log or a CSV of sizes."""
PLAN_BYTES = Limit("SIZEWISE_MAX_PLAN_BYTES", 64 * _MIB, "bytes")
"""Of a plan: a size of a picture takes 200. Of its page."""
TEXT_BYTES = Limit("SIZEWISE_MAX_TEXT_BYTES", 16 * _MIB, "bytes")
"""Of class names, trees, Darknet's .cfg and explanations."""
CLASSES = Limit("SIZEWISE_MAX_CLASSES", 100_000, "classes")
"""YOLO9000 has 9,418, ImageNet-21k 21,841."""
WEIGHT_BYTES = Limit("SIZEWISE_MAX_WEIGHT_BYTES", 8 * _GIB, "bytes")
"""Of a checkpoint, a state dict (unpacked) or Darknet's .weights."""
ARCHIVE_RATIO = Limit("SIZEWISE_MAX_ARCHIVE_RATIO", 20, "times its packed size")
"""Of what a zip archive holds to the archive: that of torch.save is below 1, as it packs nothing.
"""
ARCHIVE_ENTRIES = Limit("SIZEWISE_MAX_ARCHIVE_ENTRIES", 100_000, "entries")
ARRAY_BYTES = Limit("SIZEWISE_MAX_ARRAY_BYTES", 2 * _GIB, "bytes")
"""Of an input beside the picture."""
MANIFEST_BYTES = Limit("SIZEWISE_MAX_MANIFEST_BYTES", 64 * _MIB, "bytes")
"""Of an engine's manifest: a layer takes 100."""
TIMING_BYTES = Limit("SIZEWISE_MAX_TIMING_BYTES", 512 * _MIB, "bytes")
"""Of TensorRT's timings: larger ones are measured again."""
TOML_BYTES = Limit("SIZEWISE_MAX_TOML_BYTES", _MIB, "bytes")
TOML_NESTING = Limit("SIZEWISE_MAX_TOML_NESTING", 32, "levels")
"""Of brackets, and of the parts of a dotted key. Ours needs 3."""
LIST_LENGTH = Limit("SIZEWISE_MAX_LIST", 10_000, "items")
"""Of a list that is given as one option."""
SIDE_PX = Limit("SIZEWISE_MAX_SIDE", 65_536, "pixels a side")
SIZES = Limit("SIZEWISE_MAX_SIZES", 1000, "sizes")
ENGINES = Limit("SIZEWISE_MAX_ENGINES", 10_000, "engines")
"""Of the cross products of one sweep."""
TRIALS = Limit("SIZEWISE_MAX_TRIALS", 20_000, "trials")
"""Of one sweep."""
BATCH = Limit("SIZEWISE_MAX_BATCH", 65_536, "images in a batch")
THREADS = Limit("SIZEWISE_MAX_THREADS", 1024, "threads")
WORKERS = Limit("SIZEWISE_MAX_WORKERS", 256, "workers")
"""Processes that load the pictures of a training; threads of a server."""
QUEUE = Limit("SIZEWISE_MAX_QUEUE", 10_000, "requests")
"""Of those that may wait for a server."""
REPLICAS = Limit("SIZEWISE_MAX_REPLICAS", 100, "replicas")
PROCESSES = Limit("SIZEWISE_MAX_PROCESSES", 1000, "processes")
ROUNDS = Limit("SIZEWISE_MAX_ROUNDS", 10_000, "rounds")
CALLS = Limit("SIZEWISE_MAX_CALLS", 1_000_000, "calls")
