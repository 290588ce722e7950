"""Models as files, and their tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sizewise.core.errors import InputError
from sizewise.core.specs.cards import ModelCard
from sizewise.core.specs.sizes import Size

Dimension = int | str

_COLOURS = 3
_CHANNELS = (1, 3, 4)
_HEIGHTS = ("h", "height")
_PICTURE_DTYPES = ("float32", "float16", "uint8")


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
    """The image input of a model: its tensor and the places of batch, height and width in it."""

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
        dimension = self.tensor.shape[self._channels_axis]
        return dimension if isinstance(dimension, int) else _COLOURS

    @property
    def _channels_axis(self) -> int:
        return 1 if self.channels_first else 3

    @property
    def assumption(self) -> str:
        """What was assumed of it, in a sentence; empty where the file says all."""
        if isinstance(self.tensor.shape[self._channels_axis], int):
            return ""
        shown = "channels, height, width" if self.channels_first else "height, width, channels"
        return (
            f"Neither numbers of the input {self.tensor} nor its first layers say where its "
            f"channels stand and how many they are: batch, {shown} with {_COLOURS} channels are "
            "assumed. Where that is wrong, write it into the file, with onnx: "
            f"{self._written_otherwise}"
        )

    @property
    def _written_otherwise(self) -> str:
        axis, place = (3, "last") if self.channels_first else (1, "first")
        found = f"next(i for i in model.graph.input if i.name == {self.tensor.name!r})"
        side = f"{found}.type.tensor_type.shape.dim[{axis}]"
        return f"{side}.dim_value = 3 puts three of them {place}."

    @property
    def fixed_batch(self) -> int | None:
        """The one batch size that the file takes; None where it takes any."""
        batch = self.tensor.shape[0]
        return batch if isinstance(batch, int) else None

    @property
    def fixed_height(self) -> int | None:
        """The one height that the file takes; None where it takes any."""
        height = self.tensor.shape[self.height_axis]
        return height if isinstance(height, int) else None

    @property
    def fixed_width(self) -> int | None:
        """The one width that the file takes; None where it takes any."""
        width = self.tensor.shape[self.width_axis]
        return width if isinstance(width, int) else None

    @property
    def fixed_size(self) -> Size | None:
        """The one size that the file takes; None where height or width is free."""
        if self.fixed_height is None or self.fixed_width is None:
            return None
        return Size(self.fixed_height, self.fixed_width)

    @property
    def refuses_pictures(self) -> str:
        """Why it can't be given pictures; empty where it can."""
        if self.tensor.dtype not in _PICTURE_DTYPES or self.channels not in (1, 3):
            return (
                f"pictures are given as {', '.join(_PICTURE_DTYPES)} of 1 or 3 channels, and the "
                f"model takes {self.tensor}"
            )
        return ""

    def size_of(self, shape: Sequence[int]) -> Size:
        """The size of images that are given in an array of ``shape``."""
        return Size(shape[self.height_axis], shape[self.width_axis])

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
                return f"its {name} is fixed to {fixed}, not {wanted[axis]}"
        return ""


@dataclass(frozen=True, kw_only=True)
class ExportedModel:
    """An ONNX file, read: ours (with a card in it) or anybody's (with a card inferred).

    ``nms`` says whether one of its operators does NMS, ``foreign`` which operators are of domains
    that neither ONNX nor a back end here defines.
    """

    path: Path
    sha256: str
    card: ModelCard
    opset_version: int
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    nms: bool = False
    foreign: tuple[str, ...] = ()

    @property
    def program_path(self) -> Path:
        """The ExportedProgram (``.pt2``) that export writes beside the ONNX file."""
        return self.path.with_suffix(".pt2")

    @property
    def image(self) -> ImageInput:
        """The input that takes pictures: of several, the first with four dimensions and three
        channels, or else with four dimensions. Raises InputError where there is none."""
        taken = [tensor for tensor in self.inputs if len(tensor.shape) == 4]
        if not taken:
            listed = "; ".join(map(str, self.inputs)) or "none"
            raise InputError(
                f"{self.path.name} does not take images",
                f"its inputs are {listed}",
                "Give a model with a 4-D image input.",
            )
        images = [ImageInput(tensor=one, channels_first=_channels_first(one)) for one in taken]
        return next((one for one in images if one.channels == _COLOURS), images[0])

    def refusal(self, size: Size) -> str:
        """Why it can't take images of ``size``, in a batch that it takes; empty where it can."""
        fixed = self.image.refusal(self.image.fixed_batch or 1, size)
        return self.card.refusal(size) or fixed


def _channels_first(tensor: TensorSpec) -> bool:
    _, second, third, last = tensor.shape
    if last in _CHANNELS or second in _CHANNELS:
        return second in _CHANNELS
    if not isinstance(last, str):
        return True
    # No number of channels: numbers may be a height and a width, and words may say what they are.
    sides = isinstance(second, int) and isinstance(third, int)
    words = str(second).lower() in _HEIGHTS or "channel" in last.lower()
    return not (sides or words)
