"""A trial: one engine at one size on one machine, and the key that resuming goes by."""

from __future__ import annotations

import hashlib
import weakref
from dataclasses import dataclass, replace

from sizewise.core import codec
from sizewise.core.specs import (
    FINAL_LAYOUTS,
    NMS_LAYOUT,
    RGB,
    EngineSpec,
    Preprocessing,
    Size,
    Strategy,
)

EARLIER_HARNESS = 1
"""The number of the harness whose results name none: it slowed ONNX Runtime and PyTorch down, and
counted cold calls."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A trial's place in the tables, by which ``compare`` pairs the trials of two files.

    ``options`` are the back end's own that are not at their defaults, as text
    (``engines.options``).
    """

    network: str
    fusion: str
    precision: str
    backend: str
    strategy: Strategy
    graph_fusion: str
    batch_size: int
    size: Size
    options: str = ""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One engine at one size (``replica`` makes it another): everything that may change a latency.

    How often it is measured, and on which data its accuracy, are not part of it: both add to what
    is known of it. ``harness`` and ``builder`` are the numbers of the code that measured and built
    it, raised by hand where a change of it changes figures. ``layout`` is how the outputs are read,
    ``letterbox`` and ``preprocessing`` how pictures become the input: a user may say these for a
    file that does not. ``nms`` says that the graph does NMS itself where its layout does not.
    ``further`` says what the inputs beside the picture are given; nobody named the ``assumed``.
    """

    cell: Cell
    model_sha256: str
    spec: EngineSpec
    backend_version: str
    environment_fingerprint: str
    harness: int = EARLIER_HARNESS
    builder: int = 1
    layout: str = ""
    replica: int = 0
    nms: bool = False
    letterbox: bool = True
    preprocessing: Preprocessing = RGB
    further: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()

    @property
    def identity(self) -> str:
        """The key that resuming goes by: equal only where everything that could change a figure is.

        A field at its default is left out of it, so a field that a later version adds leaves the
        identities of before as they are. So is the network's name: the model's hash tells more, and
        a file that was renamed is the same model. And it is one whether a user says what an input
        is given or not.
        """
        known = _identities.get(id(self))
        if known is None:
            known = _identities[id(self)] = self._hash()
            weakref.finalize(self, _identities.pop, id(self), None).atexit = False
        return known

    def _hash(self) -> str:
        nameless = replace(self, cell=replace(self.cell, network=""), assumed=())
        return hashlib.sha256(codec.to_json(codec.telling(nameless)).encode()).hexdigest()

    @property
    def has_nms_inside(self) -> bool:
        """Whether a call of the engine does NMS too: it compares with one that does not by the
        whole way from picture to objects only."""
        return self.nms or self.layout in (NMS_LAYOUT, *FINAL_LAYOUTS)

    @property
    def is_of_an_earlier_harness(self) -> bool:
        """Whether its figures can't be compared with those of today."""
        return self.harness == EARLIER_HARNESS


_identities: dict[int, str] = {}
"""By object: a sweep asks for those of its trials in every wave. Trials that are equal may differ
here, as 1 and 1.0 do in JSON."""
