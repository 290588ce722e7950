"""The values that the rooms hand to one another: frozen, keyword-only, units in the names.

Sizes are height × width in pixels throughout.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from sizewise.core.errors import InputError, UsageError

Task = Literal["detection", "segmentation", "classification", "unknown"]
Strategy = Literal["static", "dynamic", "profiles"]
Dimension = int | str
_MOST_SIZES = 1000
_AS_SIZES = "Give sizes as 416, 384x640 (height x width) or 320:896:64."


@dataclass(frozen=True, order=True)
class Size:
    """Height and width of an input, in pixels."""

    height: int
    width: int

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise UsageError(
                f"The size {self.height}x{self.width} is no size",
                "height and width are at least 1 pixel",
                "Give sizes as 416 or 384x640 (height x width).",
            )

    def __str__(self) -> str:
        return f"{self.height}x{self.width}"

    @property
    def pixels(self) -> int:
        return self.height * self.width

    @classmethod
    def parse(cls, text: str) -> Size:
        """``416`` or ``384x640`` (height x width)."""
        match = re.fullmatch(r"\s*(\d+)(?:[xX×](\d+))?\s*", text)
        if match is None:
            raise UsageError(
                f"{text!r} is no size",
                "a size is one number or two joined by x",
                _AS_SIZES,
            )
        height = int(match[1])
        return cls(height, int(match[2] or height))


class Sizes(tuple[Size, ...]):
    """Different sizes in the order given, with the text that they were written as.

    Equal to the plain tuple of them, and serialised as one.
    """

    _text: str

    def __new__(cls, sizes: Iterable[Size] = (), text: str = "") -> Self:
        made = super().__new__(cls, sizes)
        made._text = text
        return made

    @property
    def text(self) -> str:
        """As the user wrote them, or joined by commas."""
        return self._text or ",".join(map(str, self))

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, given: str | Iterable[Size | int | str]) -> Self:
        """``416``, ``384x640``, ``320:896:64`` (both ends included), a comma list of these, or an
        iterable of sizes, numbers and such texts. Raises UsageError, also where there is none."""
        if isinstance(given, cls):
            return given
        parts = given.split(",") if isinstance(given, str) else list(given)
        found = dict.fromkeys(size for part in parts for size in cls._each(part))
        if not found:
            raise UsageError("No size was given", "the list of sizes is empty", _AS_SIZES)
        return cls(found, given if isinstance(given, str) else "")

    @classmethod
    def _each(cls, part: Size | int | str) -> Iterable[Size]:
        if isinstance(part, Size):
            return (part,)
        if isinstance(part, str) and "," in part:
            return cls.parse(part)
        text = str(part)
        return cls._range(text) if ":" in text else (Size.parse(text),)

    @staticmethod
    def _range(text: str) -> Iterable[Size]:
        match = re.fullmatch(r"\s*(\d+):(\d+):(\d+)\s*", text)
        first, last, step = (int(g) for g in match.groups()) if match else (0, 0, 0)
        if step == 0 or last < first or (last - first) % step or last // step > _MOST_SIZES:
            raise UsageError(
                f"{text!r} is no range of sizes",
                "a range is first:last:step, steps from the first must reach the last, and there "
                f"are at most {_MOST_SIZES} of them",
                "Give it as 320:896:64, which is 320, 384, … 896.",
            )
        return (Size(side, side) for side in range(first, last + 1, step))


@dataclass(frozen=True, kw_only=True)
class TensorSpec:
    """One input or output. ``dtype`` is NumPy's name; a symbolic dimension is a string."""

    name: str
    dtype: str
    shape: tuple[Dimension, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.dtype}[{', '.join(map(str, self.shape))}]"


@dataclass(frozen=True, kw_only=True)
class ImageInput:
    """The image input of a model: its tensor and where batch, height and width stand in it."""

    tensor: TensorSpec
    channels_first: bool

    @property
    def height_axis(self) -> int:
        return 2 if self.channels_first else 1

    @property
    def width_axis(self) -> int:
        return self.height_axis + 1

    @property
    def channels(self) -> int:
        dimension = self.tensor.shape[1 if self.channels_first else 3]
        return dimension if isinstance(dimension, int) else 3

    def shape(self, batch_size: int, size: Size) -> tuple[int, int, int, int]:
        """The numeric shape of one input of ``batch_size`` images of ``size``."""
        if self.channels_first:
            return (batch_size, self.channels, size.height, size.width)
        return (batch_size, size.height, size.width, self.channels)

    def refusal(self, batch_size: int, size: Size) -> str:
        """Why the model can't take this input; empty where it can."""
        wanted = self.shape(batch_size, size)
        for axis, name in (
            (0, "batch"),
            (self.height_axis, "height"),
            (self.width_axis, "width"),
        ):
            fixed = self.tensor.shape[axis]
            if isinstance(fixed, int) and fixed != wanted[axis]:
                return f"its {name} is fixed to {fixed}, {wanted[axis]} was asked"
        return ""


@dataclass(frozen=True, kw_only=True)
class ParityCheck:
    """One output at one input size, exported graph against eager PyTorch."""

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
    """One output at one input size, a graph in another precision against its float32 parent.

    ``relative_error`` is the root mean square of the error over that of the parent's values (0:
    none), ``bound`` what the precision allows of it; largest values are in the output's unit.
    """

    size: Size
    output: str
    max_abs_error: float
    absmax: float
    relative_error: float
    bound: float

    @property
    def within(self) -> bool:
        # A NaN error compares false, so it is not.
        return self.relative_error <= self.bound


@dataclass(frozen=True, kw_only=True)
class Suppression:
    """Non-maximum suppression as it stands in a graph: of boxes of one class that overlap by more
    than ``iou_threshold``, the best stays.

    Candidates score above ``score_threshold``; an image keeps its ``max_detections`` best, all
    classes together. Raises UsageError where a value makes no sense.
    """

    score_threshold: float = 0.25
    iou_threshold: float = 0.45
    max_detections: int = 300

    def __post_init__(self) -> None:
        if not 0 <= self.score_threshold < 1:
            why = f"the score threshold is {self.score_threshold}"
        elif not 0 <= self.iou_threshold <= 1:
            why = f"the IoU threshold is {self.iou_threshold}"
        elif self.max_detections < 1:
            why = f"{self.max_detections} detections are to be kept"
        else:
            return
        raise UsageError(
            "There is no such suppression",
            why,
            "Scores are from 0 to below 1, IoU is from 0 to 1, and at least 1 detection is kept.",
        )


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What a precision went by: ``images`` pictures of ``data`` (SHA-256 of their pixels) at
    ``sizes``, 0–1 less ``mean`` over ``std`` by colour, the ``method`` that chose thresholds, and
    the bits of quantized weights."""

    data: str
    data_sha256: str
    images: int
    sizes: tuple[Size, ...]
    method: str
    weight_bits: int
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What an ONNX file of ours says of itself, in its metadata under the key ``sizewise``.

    ``layout`` names how the outputs are to be read (``netzoo.tasks.layouts``); ``stride`` is what
    height and width must be multiples of (1: unknown, nothing is checked), ``smallest`` the least
    of either in pixels; ``letterbox`` says that
    images are scaled by one factor and padded; ``tree`` holds the parent of each class (-1: a root)
    where classes are kinds of one another (``netzoo.tasks.wordtree``); ``suppression`` is what the
    graph does itself; ``parameters`` counts the network's trainable ones (0: unknown); hashes are
    SHA-256 in hexadecimal, that of the ``program`` (``.pt2``) so that the ONNX file vouches for the
    code beside it.

    Of a file in another precision, ``calibration`` is what it went by, ``kept`` are the layers that
    stayed in float32, ``drop`` the points of accuracy that were lost (None: not measured) on the
    data of ``drop_data_sha256`` where ``drop_limit`` were allowed, and ``deviations`` are from the
    float32 file that ``parent_sha256`` is of. ``parity`` is with eager PyTorch, or of suppression
    with NumPy's.
    """

    network: str
    task: Task = "unknown"
    layout: str = "unknown"
    classes: tuple[str, ...] = ()
    stride: int = 1
    smallest: int = 1
    letterbox: bool = True
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

    @property
    def stem(self) -> str:
        """Of the file's name: the network's, and its fusion's where it merges scales."""
        return self.network if self.fusion == "none" else f"{self.network}-{self.fusion}"

    def refusal(self, size: Size) -> str:
        """Why the network can't take images of ``size``; empty where it can."""
        if size.height % self.stride or size.width % self.stride:
            return f"height and width must be multiples of its stride {self.stride}"
        if min(size.height, size.width) < self.smallest:
            return f"height and width must be at least {self.smallest}"
        return ""


@dataclass(frozen=True, kw_only=True)
class ExportedModel:
    """An ONNX file, read: ours (with a card in it) or anybody's (with a card inferred)."""

    path: Path
    sha256: str
    card: ModelCard
    opset_version: int
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    @property
    def program_path(self) -> Path:
        """Where the ExportedProgram (``.pt2``) stands that export writes beside the ONNX file."""
        return self.path.with_suffix(".pt2")

    @property
    def image(self) -> ImageInput:
        """The one 4-D input. Raises InputError where there is none, or another beside it."""
        if len(self.inputs) != 1 or len(self.inputs[0].shape) != 4:
            listed = "; ".join(map(str, self.inputs))
            raise InputError(
                f"{self.path.name} does not take one batch of images",
                f"its inputs are {listed}",
                "Give a model with a single 4-D image input.",
            )
        tensor = self.inputs[0]
        last, second = tensor.shape[3], tensor.shape[1]
        channels_last = last in (1, 3, 4) and second not in (1, 3, 4)
        return ImageInput(tensor=tensor, channels_first=not channels_last)


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The sizes one engine (or one profile of it) accepts, and the one it is tuned for."""

    min: Size
    opt: Size
    max: Size

    @classmethod
    def fixed(cls, size: Size) -> Profile:
        return cls(min=size, opt=size, max=size)

    @classmethod
    def spanning(cls, sizes: Iterable[Size]) -> Profile:
        """From the smallest height and width to the largest, tuned for the middle size."""
        ordered = sorted(sizes, key=lambda s: (s.pixels, s))
        heights = [s.height for s in ordered]
        widths = [s.width for s in ordered]
        return cls(
            min=Size(min(heights), min(widths)),
            opt=ordered[len(ordered) // 2],
            max=Size(max(heights), max(widths)),
        )

    def admits(self, size: Size) -> bool:
        return (
            self.min.height <= size.height <= self.max.height
            and self.min.width <= size.width <= self.max.width
        )


@dataclass(frozen=True, kw_only=True)
class BackendOptions:
    """What a back end is told beside the common; what only one knows, its subclass holds (never a
    dict).

    ``allow_fallback``: an engine may run nodes on another provider, or in another precision, than
    was asked.
    """

    allow_fallback: bool = False


@dataclass(frozen=True, order=True)
class BatchRange:
    """The batch sizes that one engine takes, both ends included."""

    min: int
    max: int

    def __str__(self) -> str:
        return f"{self.min} to {self.max}"


@dataclass(frozen=True, kw_only=True)
class EngineSpec:
    """Everything that decides what engine is built, apart from the model.

    ``batch_size`` is the one it takes, or is tuned for where it takes a ``batch_range``;
    ``graph_fusion`` is ``none | basic | extended | all``, mapped by each back end; ``threads`` and
    ``streams`` are those of the CPU; ``options`` is of the back end's own ``options_type``.
    """

    backend: str
    strategy: Strategy
    profiles: tuple[Profile, ...]
    batch_size: int = 1
    batch_range: BatchRange | None = None
    graph_fusion: str = "all"
    threads: int = 1
    streams: int = 1
    options: BackendOptions = field(default_factory=BackendOptions)

    @property
    def batches(self) -> BatchRange:
        """Those that the engine takes: from one to one where it has no range."""
        return self.batch_range or BatchRange(self.batch_size, self.batch_size)

    def admits(self, size: Size) -> bool:
        return any(profile.admits(size) for profile in self.profiles)


_COMPUTES = re.compile(
    r"conv(?!ert)|gemm|matmul|fullyconnected|attention|einsum|aten\.(linear|\w*mm)\b", re.I
)


def computes(kind: str) -> bool:
    """Whether an operator, by its name in ONNX or in a library, is a convolution or a product of
    matrices: what a network spends its time in, and what its precision is of."""
    return bool(_COMPUTES.search(kind))


def is_product(kind: str) -> bool:
    """Of an operator that computes, whether it is a product of matrices and no convolution."""
    return computes(kind) and "conv" not in kind.lower()


@dataclass(frozen=True, kw_only=True)
class LayerPrecision:
    """One layer of a built engine: its operator, the precision it really runs in, and where it
    runs (``place``), if that is elsewhere than was asked."""

    name: str
    kind: str
    precision: str
    place: str = ""


@dataclass(frozen=True, kw_only=True)
class Achieved:
    """The precision of each layer as the built engine reports it, or none with the reason.
    ``vouched``: its builder was bound to the types of the graph, in what is not shown, too."""

    layers: tuple[LayerPrecision, ...] = ()
    reason: str = ""
    vouched: bool = False

    @property
    def summary(self) -> str:
        """Of the layers that compute (of all, where none does): ``fp32``, or ``int8 61, fp32 4``
        (layers each), or ``fp16 60, fp32 on CPU 1``, or ``unknown (reason)``."""
        if not self.layers:
            return self.reason if self.vouched else f"unknown ({self.reason})"
        counts: dict[str, int] = {}
        for layer in [one for one in self.layers if computes(one.kind)] or self.layers:
            where = f"{layer.precision} on {layer.place}" if layer.place else layer.precision
            counts[where] = counts.get(where, 0) + 1
        if len(counts) == 1:
            return next(iter(counts))
        ordered = sorted(counts.items(), key=lambda item: -item[1])
        return ", ".join(f"{name} {count}" for name, count in ordered)


@dataclass(frozen=True, kw_only=True)
class EngineMemory:
    """Device memory that an engine says it needs, in bytes: its weights, and what a call takes
    beside them (activations and scratch) at the largest size of each profile. Contexts take turns
    in one block, so what counts is the largest of these."""

    weights_bytes: int
    context_bytes: tuple[int, ...]

    @property
    def total_bytes(self) -> int:
        return self.weights_bytes + max(self.context_bytes, default=0)


@dataclass(frozen=True, kw_only=True)
class EngineArtifact:
    """A built engine on disk. ``path`` is its folder: the engine's files and a manifest.

    ``sha256`` is of the engine's bytes (to verify what is opened, never to identify a build: two
    builds of one network differ). ``machine`` names the system, instruction sets and devices that
    its code is for. ``card`` is the model's, with the stride that was found where it names none.
    ``memory`` is what it is said to need of a device; ``remarks`` are what the builder warned of.
    """

    path: Path
    sha256: str
    size_bytes: int
    build_s: float
    model_sha256: str
    backend_version: str
    image: ImageInput
    outputs: tuple[TensorSpec, ...]
    card: ModelCard
    spec: EngineSpec
    achieved: Achieved
    machine: str = ""
    memory: EngineMemory | None = None
    remarks: tuple[str, ...] = ()
