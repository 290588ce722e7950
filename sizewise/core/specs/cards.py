"""The card of a model: what its file says of it, and the checks that it passed."""

from __future__ import annotations

from dataclasses import dataclass

from sizewise.core.specs.further import SaidInput
from sizewise.core.specs.preprocessing import RGB, Preprocessing
from sizewise.core.specs.sizes import Size
from sizewise.core.specs.suppression import Suppression

TaskName = str
"""A task of ``netzoo.tasks.kinds``, or ``unknown``: the file does not say what its outputs mean."""


@dataclass(frozen=True, kw_only=True)
class ParityCheck:
    """One output at one input size: the exported graph against eager PyTorch."""

    batch_size: int
    size: Size
    output: str
    max_abs_error: float
    absmax: float
    tolerance: float

    @property
    def passed(self) -> bool:
        # A NaN error compares false, so it fails.
        return self.max_abs_error <= self.tolerance


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """One output at one input size: a graph in another precision against its float32 parent.

    ``part`` names the channels where the output holds several things (``netzoo.tasks.parts``);
    empty: all of it. ``relative_error`` is the root mean square of the error over that of the
    parent's values (0: none), ``bound`` what the precision allows of it; largest values are in the
    output's unit.
    """

    size: Size
    output: str
    max_abs_error: float
    absmax: float
    relative_error: float
    bound: float
    part: str = ""

    @property
    def name(self) -> str:
        """The output, and the part of it where that is called something else."""
        return self.output if self.part in ("", self.output) else f"{self.output} {self.part}"

    @property
    def within(self) -> bool:
        # A NaN error compares false, so it is not.
        return self.relative_error <= self.bound


FINAL_LAYOUT, SEPARATE_LAYOUT, BESIDE_LAYOUT = "b_n_6", "boxes_scores_labels", "dets_labels"
"""Boxes that others' graphs chose themselves, by NMS or without: in one output, in three, or with
their labels in a second."""
ONE_CLASS_LAYOUTS = ("boxes_scores", "dets")
"""The same of one class, without labels: boxes and scores in two outputs, or in one."""
TENSORFLOW_LAYOUT, INDEXED_LAYOUT = "tf_detection", "boxes_scores_indices"
"""Outputs of TensorFlow's object detection API, and candidates beside a list of those chosen."""
FINAL_LAYOUTS = (
    *(FINAL_LAYOUT, SEPARATE_LAYOUT, BESIDE_LAYOUT, "m_7", "m_6"),
    *(*ONE_CLASS_LAYOUTS, TENSORFLOW_LAYOUT, INDEXED_LAYOUT),
)
"""All layouts of such graphs. In ``m_7`` and ``m_6``, rows of all images are one list (YOLOv7,
Paddle)."""
NMS_LAYOUT = "sizewise_nms"
"""The layout of a graph that does NMS itself, as the exporter puts it there."""
RAW_LAYOUT = "raw"
"""The layout of our networks' heads, without the decode."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The calibration of a precision: ``images`` pictures of ``data`` (SHA-256 of their pixels) at
    ``sizes``.

    Colours are 0–1 less ``mean`` over ``std``; ``method`` chose the thresholds, for ``auto`` the
    ``chosen`` one; weights have ``weight_bits``.
    """

    data: str
    data_sha256: str
    images: int
    sizes: tuple[Size, ...]
    method: str
    weight_bits: int
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    chosen: str = ""


@dataclass(frozen=True, kw_only=True)
class KeptLayer:
    """A layer that a limit of the accuracy loss keeps out of a precision, and what that was decided
    by.

    ``error`` is the largest relative error of a head where this layer alone is converted (None: it
    is not finite), ``gained_ms`` the time that its conversion would gain: the mean over engines in
    ``backends`` at ``size`` (None: no time was measured, and the error alone decided).
    """

    layer: str
    error: float | None
    gained_ms: float | None = None
    backends: tuple[str, ...] = ()
    size: Size | None = None


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """The metadata of an ONNX file of ours, under the key ``sizewise``.

    ``layout`` names how the outputs are to be read (``netzoo.tasks.layouts``); height and width
    must be multiples of ``stride`` (1: unknown, nothing is checked) and at least ``smallest``
    pixels; ``letterbox`` says that images are scaled by one factor and padded, and
    ``preprocessing`` what becomes of their colours; ``inputs`` says what inputs beside the picture
    are given; ``tree`` holds the parent of each class (-1: a root) where classes are kinds of one
    another (``netzoo.tasks.wordtree``); ``suppression`` is the NMS in the graph; ``parameters``
    counts the network's trainable ones (0: unknown); hashes are SHA-256 in hexadecimal, that of
    the ``program`` (``.pt2``) so that the ONNX file identifies the code beside it.

    A file in another precision has its ``calibration``; ``kept`` are the layers that stayed in
    float32 (in 16 bits where the precision is of two), ``converter`` is the number of our code that
    made it, ``drop`` is the accuracy loss in points (None: not measured) on the data of
    ``drop_data_sha256``, where ``drop_limit`` was allowed and keeps the layers of ``kept_for``, and
    ``deviations`` are from the float32 file that ``parent_sha256`` is of. ``parity`` is with eager
    PyTorch; for NMS it is with NumPy's.
    """

    network: str
    task: TaskName = "unknown"
    layout: str = "unknown"
    classes: tuple[str, ...] = ()
    stride: int = 1
    smallest: int = 1
    letterbox: bool = True
    preprocessing: Preprocessing = RGB
    inputs: tuple[SaidInput, ...] = ()
    tree: tuple[int, ...] = ()
    suppression: Suppression | None = None
    fusion: str = "none"
    parameters: int = 0
    precision: str = "fp32"
    checkpoint_sha256: str = ""
    parent_sha256: str = ""
    program_sha256: str = ""
    calibration: Calibration | None = None
    kept: tuple[str, ...] = ()
    drop: float | None = None
    drop_data_sha256: str = ""
    drop_limit: float | None = None
    parity: tuple[ParityCheck, ...] = ()
    deviations: tuple[Deviation, ...] = ()
    converter: int = 0
    kept_for: tuple[KeptLayer, ...] = ()

    @property
    def stem(self) -> str:
        """The stem of the file's name: the network, and its fusion where it merges scales."""
        return self.network if self.fusion == "none" else f"{self.network}-{self.fusion}"

    def round_up(self, side: int) -> int:
        """The least multiple of the stride that is ``side`` or more, in pixels."""
        return -(-side // self.stride) * self.stride

    def rounded(self, size: Size) -> Size:
        """The least size that the network takes and that is as high and as wide."""
        return Size(*(self.round_up(max(s, self.smallest)) for s in (size.height, size.width)))

    def refusal(self, size: Size) -> str:
        """Why the network can't take images of ``size``; empty where it can."""
        if size.height % self.stride or size.width % self.stride:
            return f"height and width must be multiples of its stride {self.stride}"
        if min(size.height, size.width) < self.smallest:
            return f"height and width must be at least {self.smallest}"
        return ""
