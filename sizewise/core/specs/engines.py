"""Engines: what decides which one is built, and what was built."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal, TypeVar

from sizewise.core.specs.cards import ModelCard
from sizewise.core.specs.further import FurtherInput
from sizewise.core.specs.models import ImageInput, TensorSpec
from sizewise.core.specs.sizes import Size, Sizes

Strategy = Literal["static", "dynamic", "profiles"]


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
        """A profile from the smallest height and width to the largest; the middle size is tuned."""
        ordered = sorted(sizes, key=lambda s: (s.pixels, s))
        heights = [s.height for s in ordered]
        widths = [s.width for s in ordered]
        return cls(
            min=Size(min(heights), min(widths)),
            opt=ordered[len(ordered) // 2],
            max=Size(max(heights), max(widths)),
        )

    def __str__(self) -> str:
        """``320x320`` or ``320x320–640x640``."""
        return str(self.min) if self.is_fixed else f"{self.min}–{self.max}"

    @property
    def is_fixed(self) -> bool:
        """Whether it has one size."""
        return self.min == self.max

    @property
    def sizes(self) -> tuple[Size, ...]:
        """The smallest, the one it is tuned for and the largest, each once."""
        return tuple(dict.fromkeys((self.min, self.opt, self.max)))

    def clamp(self, size: Size) -> Size:
        """The size nearest to ``size`` that it accepts, side by side."""
        return Size(
            min(max(size.height, self.min.height), self.max.height),
            min(max(size.width, self.min.width), self.max.width),
        )

    def admits(self, size: Size) -> bool:
        return (
            self.min.height <= size.height <= self.max.height
            and self.min.width <= size.width <= self.max.width
        )


Own = TypeVar("Own", bound="BackendOptions")


@dataclass(frozen=True, kw_only=True)
class BackendOptions:
    """Options that all back ends have; those that only one has are in its subclass (never a dict).

    ``allow_fallback``: an engine may run nodes on another provider, or in another precision, than
    requested.
    """

    plain_at_default: ClassVar[bool] = False
    """Its back end had no options of its own at first: while these are at their defaults, plain
    BackendOptions stand for them, so that the identities of before hold."""

    allow_fallback: bool = False

    @property
    def plainest(self) -> BackendOptions:
        """The one form of these options in a specification."""
        plain = BackendOptions(allow_fallback=self.allow_fallback)
        same = self.plain_at_default and self == type(self)(allow_fallback=self.allow_fallback)
        return plain if same else self

    def own(self, kind: type[Own]) -> Own:
        """These as the options ``kind`` of a back end: plain ones leave its own at their
        defaults."""
        return self if isinstance(self, kind) else kind(allow_fallback=self.allow_fallback)

    @classmethod
    def takes(cls, options: BackendOptions) -> bool:
        """Whether ``options`` are those of a back end with this type of options. A subclass would
        bring options that the back end never reads."""
        stands_for = cls.plain_at_default and type(options) is BackendOptions
        return type(options) is cls or stands_for


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
    ``streams`` are those of the CPU; ``options`` is of the back end's own ``options_type``, in its
    plainest form.
    ``thread_policy`` says how threads wait and where they run (``Backend.thread_policy``).
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
    thread_policy: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", self.options.plainest)

    @property
    def batches(self) -> BatchRange:
        """The batch sizes that the engine takes; a range of one where it has no range."""
        return self.batch_range or BatchRange(self.batch_size, self.batch_size)

    @property
    def sizes(self) -> Sizes:
        """The sizes that its profiles name, each once."""
        return Sizes(dict.fromkeys(size for profile in self.profiles for size in profile.sizes))

    @property
    def spans(self) -> str:
        """Its profiles, for a sentence."""
        return ", ".join(map(str, self.profiles))

    def fixed_shape(self, image: ImageInput) -> tuple[int, int, int, int]:
        """The shape of ``image`` that the engine is tuned for; a static one takes no other."""
        return image.shape(self.batch_size, self.profiles[0].opt)

    def admits(self, size: Size) -> bool:
        return any(profile.admits(size) for profile in self.profiles)


_COMPUTES = re.compile(
    r"conv(?!ert)|gemm|matmul|fullyconnected|attention|einsum|aten\.(linear|\w*mm)\b", re.I
)


def computes(kind: str) -> bool:
    """Whether an operator, by its name in ONNX or in a library, is a convolution or a product of
    matrices.

    A network spends its time in these, and its precision is theirs.
    """
    return bool(_COMPUTES.search(kind))


_HALVES = ("fp16", "bf16")


def is_product(kind: str) -> bool:
    """Whether an operator that computes is a product of matrices and no convolution."""
    return computes(kind) and "conv" not in kind.lower()


@dataclass(frozen=True, kw_only=True)
class LayerPrecision:
    """One layer of a built engine: its operator and the precision it really runs in.

    ``place`` is where it runs, if that is elsewhere than requested.
    """

    name: str
    kind: str
    precision: str
    place: str = ""


@dataclass(frozen=True, kw_only=True)
class Achieved:
    """The precision of each layer as the built engine reports it, or none with the reason.

    ``vouched``: strong typing guarantees the graph's precisions, also in layers that are not shown.
    """

    layers: tuple[LayerPrecision, ...] = ()
    reason: str = ""
    vouched: bool = False

    @property
    def summary(self) -> str:
        """The precisions of the layers that compute (of all, where none does), with numbers of
        layers: ``fp32``, ``int8 61, fp32 4``, ``fp16 60, fp32 on CPU 1`` or ``unknown
        (reason)``. A 16-bit type that others alone run in stands behind: ``int8, bf16 between``.
        """
        if not self.layers:
            return self.reason if self.vouched else f"unknown ({self.reason})"
        counts: dict[str, int] = {}
        for layer in [one for one in self.layers if computes(one.kind)] or self.layers:
            where = f"{layer.precision} on {layer.place}" if layer.place else layer.precision
            counts[where] = counts.get(where, 0) + 1
        ordered = sorted(counts.items(), key=lambda item: -item[1])
        said = [f"{name} {count}" for name, count in ordered] if len(counts) > 1 else [*counts]
        computing = {name.split()[0] for name in counts}
        others = {layer.precision for layer in self.layers} - computing
        return ", ".join((*said, *(f"{name} between" for name in _HALVES if name in others)))


@dataclass(frozen=True, kw_only=True)
class EngineMemory:
    """Device memory that an engine says it needs, in bytes: its weights, and the activations and
    scratch of a call at the largest size of each profile.

    Contexts take turns in one block, so the largest of these counts.
    """

    weights_bytes: int
    context_bytes: tuple[int, ...]

    @property
    def total_bytes(self) -> int:
        return self.weights_bytes + max(self.context_bytes, default=0)


@dataclass(frozen=True, kw_only=True)
class BuiltEngine:
    """An engine's files as a builder left them in the folder ``path``, and what they take and give:
    all that a back end needs to open them.

    ``card`` is the model's, with the stride that was found where it names none. ``memory`` is what
    the engine is said to need of a device; ``remarks`` are what the builder warned of; ``further``
    are its inputs beside ``image``, in the order of the graph.
    """

    path: Path
    model_sha256: str
    image: ImageInput
    outputs: tuple[TensorSpec, ...]
    card: ModelCard
    spec: EngineSpec
    memory: EngineMemory | None = None
    remarks: tuple[str, ...] = ()
    further: tuple[FurtherInput, ...] = ()

    @property
    def files(self) -> Path:
        """The folder that a back end reads; ``path`` is the one to speak of."""
        return self.path


@dataclass(frozen=True, kw_only=True)
class EngineArtifact(BuiltEngine):
    """A built engine on disk, described: its folder holds the engine's files and a manifest.

    ``sha256`` is of the engine's bytes (to verify what is opened, never to identify a build: two
    builds of one network differ). ``build_peak_bytes`` is the peak of resident memory of the
    process that built it (None where the system does not say). ``machine`` names the system,
    instruction sets and devices that its code is for.
    """

    sha256: str
    size_bytes: int
    build_s: float
    backend_version: str
    achieved: Achieved
    machine: str = ""
    build_peak_bytes: int | None = None
